-- What stands in the tables at the start; an operator changes it as any other row.
INSERT INTO relay_state DEFAULT VALUES;

INSERT INTO equity_types (name, update_frequency, priority_level, batch_size, rate_limit_ms, processing_rules) VALUES
    ('STOCK_REALTIME', 'daily', 100,  25,  6000, '{}'),
    ('ETF',            'daily',  90,  50, 12000, '{}'),
    ('ETN',            'daily',  70,  25, 15000, '{}'),
    ('STOCK_EOD',      'daily',  50, 100, 12000, '{}'),
    ('PENNY_STOCK',    'daily',  30,  50, 20000, '{"price_move_percent": 30}'),
    ('DEV_TESTING',    'daily',  10,  10,  6000, '{}');

-- A rule's words are explained in symbols/universes.py.
INSERT INTO universes (name, description, rule) VALUES
    ('stocks', 'Common stocks and depositary receipts', '{"type": ["CS", "ADRC"]}'),
    ('etfs',   'Exchange-traded funds', '{"type": ["ETF"]}'),
    ('notes',  'Exchange-traded notes and vehicles', '{"type": ["ETN", "ETV"]}'),
    ('nasdaq', 'Primary exchange NASDAQ', '{"exchange": ["XNAS"]}'),
    ('nyse',   'Primary exchange NYSE, NYSE Arca or NYSE American', '{"exchange": ["XNYS", "ARCX", "XASE"]}'),
    ('reits',  'Real estate investment trusts, by name', '{"type": ["CS"], "name_words": ["REIT", "REALTY"]}');
