-- The view as the first migration made it; adjusted_bars.sql is the one of today.
CREATE OR REPLACE VIEW adjusted_bars AS
SELECT b.symbol_id, s.ticker, b.date,
       b.open / f.factor AS open, b.high / f.factor AS high, b.low / f.factor AS low, b.close / f.factor AS close,
       b.volume * f.factor AS volume, b.vwap / f.factor AS vwap, b.trade_count, f.factor AS split_factor
  FROM historical_data b
  JOIN symbols s ON s.id = b.symbol_id
 CROSS JOIN LATERAL (
       SELECT coalesce(exp(sum(ln(c.split_to / c.split_from))), 1) AS factor
         FROM corporate_actions c
        WHERE c.symbol_id = b.symbol_id AND c.kind = 'split' AND c.ex_date > b.date) f;
