"""What a call may store, read in the transaction that stores it: whose bars of which days are wanted, under which ticker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl
from psycopg2 import sql
from sqlalchemy.orm import Session

from tickstock_automation.db.copy import read_frame

COLUMNS = {
    "symbol_id": pl.Int64, "date": pl.Date, "ticker": pl.String, "jobs": pl.String, "asks_left": pl.Int64,
    "stored": pl.Boolean, "reason": pl.String,
}  # fmt: skip

# Of a re-read everything is wanted, of the rest what lacks. A frame by COPY: a grouped call is about ten thousand.
_WANTED = sql.SQL("""
SELECT w.symbol_id, w.day, t.ticker, w.jobs, w.asks_left,
       (w.reread AND EXISTS (SELECT 1 FROM historical_data h WHERE h.symbol_id = w.symbol_id AND h.date = w.day))::text, w.reason
  FROM (SELECT r.symbol_id, d.day, string_agg(DISTINCT r.job_id::text, ' ') AS jobs, max(r.asks_left) AS asks_left,
               bool_or(r.reread) AS reread, min(r.reason) AS reason
          FROM bar_requests r JOIN unnest(CAST({days} AS date[])) AS d (day) ON d.day BETWEEN r.first_session AND r.last_session
         WHERE r.status = 'waiting'
           AND (CAST({ticker} AS text) IS NULL OR r.symbol_id IN (SELECT symbol_id FROM symbol_aliases WHERE ticker = {ticker}))
           AND (r.reread
                OR (NOT EXISTS (SELECT 1 FROM historical_data h WHERE h.symbol_id = r.symbol_id AND h.date = d.day)
                    AND NOT EXISTS (SELECT 1 FROM known_empty k WHERE k.symbol_id = r.symbol_id AND k.session = d.day)
                    AND NOT EXISTS (SELECT 1 FROM unloaded_bars u WHERE u.symbol_id = r.symbol_id AND u.session = d.day
                                       AND NOT u.again)))
         GROUP BY r.symbol_id, d.day) w
  JOIN ticker_tenures t ON t.symbol_id = w.symbol_id AND w.day BETWEEN t.first_day AND t.last_day
 WHERE CAST({ticker} AS text) IS NULL OR t.ticker = {ticker}""")


def wanted_now(session: Session, days: Sequence[date], ticker: str | None = None) -> pl.DataFrame:
    """COLUMNS: what requests want of these days, of everyone or under one ticker.

    `jobs`: their numbers between blanks, or null; `stored`: there is a bar, and it is read again.
    """
    query = _WANTED.format(days=sql.Literal(list(days)), ticker=sql.Literal(ticker))
    return read_frame(session.connection(), query, COLUMNS)
