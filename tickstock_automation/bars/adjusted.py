"""Adjusted bars as a frame, by COPY: 1.2 million of them in a second or two."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl
from psycopg2 import sql
from sqlalchemy.orm import Session

from tickstock_automation.db.copy import read_frame

COLUMNS = {
    "symbol_id": pl.Int64, "date": pl.Date, "open": pl.Float64, "high": pl.Float64, "low": pl.Float64,
    "close": pl.Float64, "volume": pl.Float64, "vwap": pl.Float64, "trade_count": pl.Int64,
    "split_factor": pl.Float64, "dividend_factor": pl.Float64, "suspect": pl.Boolean,
}  # fmt: skip

_QUERY = sql.SQL("""
SELECT symbol_id, date, open, high, low, close, volume, vwap, trade_count, split_factor, dividend_factor, suspect::text
  FROM adjusted_bars_as_of(CAST({} AS bigint[]), {}, {}, {}, {})""")


def adjusted_frame(
    session: Session, symbol_ids: Sequence[int] | None, first: date, last: date, as_of: date, *, dividends: bool = False
) -> pl.DataFrame:
    """COLUMNS, in no order; None is all symbols. Prices are divided by `split_factor` and multiplied by `dividend_factor`.

    Adjusted for splits, and with `dividends` for those too, with an ex-date after the bar's day and up to `as_of`.
    """
    ids = None if symbol_ids is None else list(symbol_ids)
    query = _QUERY.format(*(sql.Literal(value) for value in (ids, first, last, as_of, dividends)))
    return read_frame(session.connection(), query, COLUMNS)
