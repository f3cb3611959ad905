"""Who had a ticker when, and which tickers somebody had: tickers are reused by other companies, and renamed ones keep their id."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.bars.tenure import Tenure

_HOLDERS = text("""
SELECT x.ticker, x.day, t.symbol_id FROM unnest(CAST(:tickers AS text[]), CAST(:days AS date[])) AS x (ticker, day)
  JOIN ticker_tenures t ON t.ticker = x.ticker AND x.day BETWEEN t.first_day AND t.last_day""")

_TENURES = text("""
SELECT symbol_id, ticker, first_day, last_day FROM ticker_tenures WHERE symbol_id = ANY (:ids) ORDER BY symbol_id, first_day""")


def holders(session: Session, asked: Collection[tuple[str, date]]) -> dict[tuple[str, date], int]:
    """The id of the security that had each ticker on its day; without those that nobody had."""
    if not asked:
        return {}
    tickers, days = zip(*set(asked), strict=True)
    rows = session.execute(_HOLDERS, {"tickers": list(tickers), "days": list(days)})
    return {(ticker, day): symbol_id for ticker, day, symbol_id in rows}


def tenures_of(session: Session, symbol_ids: Sequence[int]) -> dict[int, list[Tenure]]:
    """The tickers that each of these symbols had, oldest first."""
    found: dict[int, list[Tenure]] = {}
    for id_, ticker, first, last in session.execute(_TENURES, {"ids": list(symbol_ids)}):
        found.setdefault(id_, []).append(Tenure(ticker, first, last))
    return found
