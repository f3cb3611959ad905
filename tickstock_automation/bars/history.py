"""One security's bars over a time, as traded or adjusted, for a person to read. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.bars.adjusted import adjusted_frame
from tickstock_automation.bars.security import Security, security_until

USUAL = 30

_FIRST = text("""
SELECT min(date) FROM (SELECT date FROM historical_data WHERE symbol_id = :id AND date <= :last
                        ORDER BY date DESC LIMIT :usual) AS newest""")

_AS_TRADED = text("""
SELECT date, open, high, low, close, volume, vwap, trade_count, source, suspect FROM historical_data
 WHERE symbol_id = :id AND date BETWEEN :first AND :last ORDER BY date""")

_ACTIONS = text("""
SELECT ex_date, kind, split_from, split_to, cash_amount FROM corporate_actions
 WHERE symbol_id = :id AND ex_date BETWEEN :first AND :last ORDER BY ex_date, id""")

AS_TRADED = {
    "date": pl.Date, "open": pl.Float64, "high": pl.Float64, "low": pl.Float64, "close": pl.Float64,
    "volume": pl.Float64, "vwap": pl.Float64, "trade_count": pl.Int64, "source": pl.String,
    "suspect": pl.Boolean,
}  # fmt: skip


@dataclass(frozen=True)
class Adjustment:
    """For splits, and dividends where wanted, as of a day."""

    as_of: date
    dividends: bool = False


@dataclass(frozen=True)
class History:
    """`bars` by date, with `split_factor` and `dividend_factor` where adjusted and `source` where not, `suspect` in both; `actions` between
    `first` and `last`."""

    ticker: str
    security: Security
    first: date
    last: date
    bars: pl.DataFrame
    actions: list[dict[str, Any]]


def history(
    session: Session, ticker: str, first: date | None, last: date, adjustment: Adjustment | None = None
) -> History:
    """Bars of whoever had the ticker on `last`, or had it last, under all its names; without `first` the newest thirty.

    NotFound where nobody had it.
    """
    security = security_until(session, ticker, last)
    if first is None:
        wanted = {"id": security.id, "last": last, "usual": USUAL}
        first = session.execute(_FIRST, wanted).scalar_one() or last
    span = {"id": security.id, "first": first, "last": last}
    if adjustment is None:
        rows = [tuple(row) for row in session.execute(_AS_TRADED, span)]
        bars = pl.DataFrame(rows, schema=AS_TRADED, orient="row")
    else:
        found = adjusted_frame(
            session, [security.id], first, last, adjustment.as_of, dividends=adjustment.dividends
        )  # fmt: skip
        bars = found.drop("symbol_id").sort("date")
    actions = [dict(row) for row in session.execute(_ACTIONS, span).mappings()]
    return History(ticker, security, first, last, bars, actions)
