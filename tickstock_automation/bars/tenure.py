"""A security's tickers over time, and a span of days cut by them. Pure; the rule of who had a ticker when is the view
`ticker_tenures` (db/sql/ticker_tenures.sql)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Tenure:
    """A ticker that a security had on all days from `first` to `last`."""

    ticker: str
    first: date
    last: date


def held_between(own: Sequence[Tenure], first: date, last: date) -> tuple[list[Tenure], list[tuple[date, date]]]:
    """A span cut by ticker, and the parts of it in which the security had none. `own`: its tickers, oldest first."""
    parts = [
        Tenure(one.ticker, max(one.first, first), min(one.last, last))
        for one in own
        if one.first <= last and one.last >= first
    ]
    nobodys, begin = [], first
    for part in parts:
        if part.first > begin:
            nobodys.append((begin, part.first - DAY))
        begin = part.last + DAY
    if begin <= last:
        nobodys.append((begin, last))
    return parts, nobodys
