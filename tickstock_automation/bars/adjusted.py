"""Adjusted bars as a frame, by COPY: 1.2 million of them in a second or two."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from typing import cast

import polars as pl
from psycopg2 import sql
from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812
from sqlalchemy.orm import Session

COLUMNS = {
    "symbol_id": pl.Int64, "date": pl.Date, "open": pl.Float64, "high": pl.Float64, "low": pl.Float64,
    "close": pl.Float64, "volume": pl.Float64, "vwap": pl.Float64, "trade_count": pl.Int64,
    "split_factor": pl.Float64, "dividend_factor": pl.Float64,
}  # fmt: skip

_QUERY = sql.SQL(
    "COPY (SELECT * FROM adjusted_bars_as_of(CAST({} AS bigint[]), {}, {}, {}, {})) TO STDOUT WITH (FORMAT csv)"
)


def adjusted_frame(
    session: Session, symbol_ids: Sequence[int] | None, first: date, last: date, as_of: date, *, dividends: bool = False
) -> pl.DataFrame:
    """COLUMNS, in no order; None is all symbols. Prices are divided by `split_factor` and multiplied by `dividend_factor`.

    Adjusted for splits, and with `dividends` for those too, with an ex-date after the bar's day and up to `as_of`.
    """
    ids = None if symbol_ids is None else list(symbol_ids)
    query = _QUERY.format(*(sql.Literal(value) for value in (ids, first, last, as_of, dividends)))
    driver = cast(Psycopg2Connection, session.connection().connection.driver_connection)
    buffer = io.BytesIO()
    with driver.cursor() as cursor:
        cursor.copy_expert(query, buffer)
    buffer.seek(0)
    return pl.read_csv(buffer, has_header=False, new_columns=list(COLUMNS), schema=COLUMNS, raise_if_empty=False)
