"""The security that a ticker meant on a day, for a person who asks about its bars. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.errors import NotFound

# All names of all who ever had the ticker.
_NAMES = text("""
SELECT symbol_id, ticker, valid_from AS first, valid_to AS end FROM symbol_aliases
 WHERE symbol_id IN (SELECT symbol_id FROM symbol_aliases WHERE ticker = :ticker) ORDER BY symbol_id, valid_from NULLS FIRST""")

_HELD = text("SELECT symbol_id FROM ticker_tenures WHERE ticker = :ticker AND :day BETWEEN first_day AND last_day")
_HELD_LAST = text("""
SELECT symbol_id FROM ticker_tenures WHERE ticker = :ticker AND first_day <= :day ORDER BY last_day DESC LIMIT 1""")

_SECURITY = text("SELECT id, ticker AS now_called, name, list_date, delist_date FROM symbols WHERE id = :id")


@dataclass(frozen=True)
class Name:
    """A security was called `ticker` from `first` (None: all along) to before `end` (None: still is)."""

    symbol_id: int
    ticker: str
    first: date | None
    end: date | None

    def on(self, day: date) -> bool:
        """Whether it was called so on this day."""
        return (self.first is None or self.first <= day) and (self.end is None or day < self.end)


@dataclass(frozen=True)
class Security:
    """A security and its ticker of today. `delist_date`: the first session on which it was not listed any more."""

    id: int
    now_called: str
    name: str | None
    list_date: date | None
    delist_date: date | None


def security_on(session: Session, ticker: str, day: date) -> Security:
    """Who had a ticker on a day; NotFound, saying who had it when, where nobody had."""
    found = session.scalar(_HELD, {"ticker": ticker, "day": day})
    if found is None:
        names = _names(session, ticker)
        raise NotFound(f"nobody was called {ticker} on {day}: {'; '.join(_otherwise(names, ticker, day))}")
    return _security(session, found)


def security_until(session: Session, ticker: str, day: date) -> Security:
    """Who had a ticker on a day, or had it last before; NotFound where nobody had."""
    found = session.scalar(_HELD_LAST, {"ticker": ticker, "day": day})
    if found is None:
        raise NotFound(
            f"nobody was called {ticker} up to {day}: `tickstock symbols show {ticker}` says who was, and when"
        )
    return _security(session, found)


def _names(session: Session, ticker: str) -> list[Name]:
    return [Name(**row) for row in session.execute(_NAMES, {"ticker": ticker}).mappings()]


def _security(session: Session, symbol_id: int) -> Security:
    return Security(**session.execute(_SECURITY, {"id": symbol_id}).mappings().one())


def _otherwise(names: Sequence[Name], ticker: str, day: date) -> list[str]:
    """When somebody had it, and what that one was called on the day."""
    said = []
    for one in names:
        if one.ticker == ticker:
            then = next((each.ticker for each in names if each.symbol_id == one.symbol_id and each.on(day)), None)
            when = f"from {one.first or 'before the first scan'}" + (f" to before {one.end}" if one.end else " on")
            said.append(f"somebody was {when}" + (f", called {then} on that day" if then else ""))
    return said
