-- Bars adjusted for what came after them; computed, never stored. Two splits of 2 make exactly 4: exp(sum(ln())) does not.
CREATE OR REPLACE AGGREGATE product(double precision) (
    SFUNC = float8mul, STYPE = double precision, INITCOND = '1', COMBINEFUNC = float8mul, PARALLEL = SAFE);

-- Bars from p_first to p_last as a person would have seen them on p_as_of: adjusted for the splits with an ex-date after
-- the bar's own day and up to p_as_of, with p_dividends for cash dividends too. NULL symbols: all; NULL days: from the
-- first, to the last. A bar after p_as_of stands as traded.
--
-- Splits: price * split_from / split_to, volume the other way round; old and new shares are multiplied apart, so that no
-- ratio such as 1/10 is rounded. Dividends: price * (1 - cash / close of the session before the ex-date), volume untouched,
-- as CRSP does and Yahoo after it ("What is the adjusted close?": $0.08 on a close of $24.96 gives 1 - 0.08/24.96).
-- That close is the last one stored before the ex-date, in the shares of the ex-date; where there is none, or the cash is
-- not below it, the dividend changes nothing.
--
-- `suspect`: the checks call the bar wrong and nothing better was to be had; it stands as the vendor gave it.
--
-- One row for each stretch between two ex-dates of a symbol, found by a hash join: what never had any costs a probe.
CREATE OR REPLACE FUNCTION adjusted_bars_as_of(
    p_symbols bigint[], p_first date, p_last date, p_as_of date, p_dividends boolean DEFAULT false)
RETURNS TABLE (
    symbol_id bigint, date date, open double precision, high double precision, low double precision,
    close double precision, volume double precision, vwap double precision, trade_count bigint,
    split_factor double precision, dividend_factor double precision, suspect boolean)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH ex_dates AS (
    SELECT c.symbol_id, c.ex_date, product(c.split_from) AS old_shares, product(c.split_to) AS new_shares,
           sum(c.cash_amount) AS cash
      FROM corporate_actions c
     WHERE (c.kind = 'split' OR p_dividends) AND c.ex_date <= p_as_of
       AND (p_first IS NULL OR c.ex_date > p_first) AND (p_symbols IS NULL OR c.symbol_id = ANY (p_symbols))
     GROUP BY c.symbol_id, c.ex_date),
priced AS (
    SELECT e.symbol_id, e.ex_date, e.old_shares, e.new_shares,
           CASE WHEN e.cash < b.close THEN 1 - e.cash / b.close END AS kept
      FROM ex_dates e
      LEFT JOIN LATERAL (
           SELECT h.close * (SELECT product(s.split_from) / product(s.split_to) FROM corporate_actions s
                              WHERE s.symbol_id = e.symbol_id AND s.kind = 'split'
                                AND s.ex_date > h.date AND s.ex_date <= e.ex_date) AS close
             FROM historical_data h
            WHERE e.cash > 0 AND h.symbol_id = e.symbol_id AND h.date < e.ex_date AND h.close > 0
            ORDER BY h.date DESC LIMIT 1) b ON true),
stretches AS (
    SELECT p.symbol_id, lead(p.ex_date, 1, '-infinity'::date) OVER back AS first, p.ex_date,
           product(p.old_shares) OVER back AS old_shares, product(p.new_shares) OVER back AS new_shares,
           product(p.kept) OVER back AS kept
      FROM priced p
    WINDOW back AS (PARTITION BY p.symbol_id ORDER BY p.ex_date DESC))
SELECT b.symbol_id, b.date,
       b.open * a.kept * a.old_shares / a.new_shares, b.high * a.kept * a.old_shares / a.new_shares,
       b.low * a.kept * a.old_shares / a.new_shares, b.close * a.kept * a.old_shares / a.new_shares,
       b.volume * a.new_shares / a.old_shares, b.vwap * a.kept * a.old_shares / a.new_shares, b.trade_count,
       a.new_shares / a.old_shares, a.kept, b.suspect
  FROM historical_data b
  LEFT JOIN stretches s ON s.symbol_id = b.symbol_id AND b.date >= s.first AND b.date < s.ex_date
 CROSS JOIN LATERAL (
       SELECT coalesce(s.old_shares, 1) AS old_shares, coalesce(s.new_shares, 1) AS new_shares, coalesce(s.kept, 1) AS kept) a
 WHERE (p_symbols IS NULL OR b.symbol_id = ANY (p_symbols))
   AND (p_first IS NULL OR b.date >= p_first) AND (p_last IS NULL OR b.date <= p_last)
$$;

-- For splits only, as of today in New York, under today's tickers.
CREATE OR REPLACE VIEW adjusted_bars AS
SELECT a.symbol_id, s.ticker, a.date, a.open, a.high, a.low, a.close, a.volume, a.vwap, a.trade_count, a.split_factor,
       a.suspect
  FROM adjusted_bars_as_of(NULL, NULL, NULL, (now() AT TIME ZONE 'America/New_York')::date) a
  JOIN symbols s ON s.id = a.symbol_id;

-- The same without the bars that are marked as suspect.
CREATE OR REPLACE VIEW trusted_bars AS SELECT * FROM adjusted_bars WHERE NOT suspect;
