-- Who had a ticker when: a bar, a split, a dividend belongs to the security that had its ticker on its day.
-- Before its first known ticker a security is taken to have had that one, back to the day on which an earlier security of
-- that ticker lost it. Days are included at both ends; without an end they reach to the years 1 and 9999.
CREATE OR REPLACE VIEW ticker_tenures (symbol_id, ticker, first_day, last_day) AS
SELECT symbol_id, ticker, coalesce(valid_from, '0001-01-01'), coalesce(valid_to - 1, '9999-12-31')
  FROM symbol_aliases
 WHERE valid_from IS NULL OR valid_to IS NULL OR valid_from < valid_to
 UNION ALL
SELECT f.symbol_id, f.ticker, e.ended, f.valid_from - 1
  FROM symbol_aliases f
 CROSS JOIN LATERAL (
       SELECT coalesce(max(coalesce(o.valid_to, '9999-12-31')), '0001-01-01') AS ended FROM symbol_aliases o
        WHERE o.ticker = f.ticker AND o.symbol_id <> f.symbol_id AND (o.valid_from IS NULL OR o.valid_from < f.valid_from)) e
 WHERE f.valid_from IS NOT NULL AND e.ended < f.valid_from
   AND NOT EXISTS (SELECT 1 FROM symbol_aliases p WHERE p.symbol_id = f.symbol_id
                      AND (p.valid_from IS NULL OR p.valid_from < f.valid_from));
