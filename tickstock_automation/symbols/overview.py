"""Universes as a person looks at them: their rules, who is in them and why, and what was chosen by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from tickstock_automation.errors import NotFound
from tickstock_automation.symbols.models import ScanRun

_ALL = text("""
SELECT u.name, u.description, u.rule, count(s.id), (SELECT count(*) FROM universe_choices c WHERE c.universe = u.name)
  FROM universes u
  LEFT JOIN universe_members m ON m.universe = u.name
  LEFT JOIN symbols s ON s.id = m.symbol_id AND s.active
 GROUP BY u.name ORDER BY u.name""")

_MEMBERS = text("""
SELECT s.ticker, s.name, m.reason, m.added_at FROM universe_members m JOIN symbols s ON s.id = m.symbol_id
 WHERE m.universe = :universe AND s.active ORDER BY s.ticker""")

_CHOICES = text("""
SELECT s.ticker, s.active, c.included, c.author, c.reason, c.chosen_at
  FROM universe_choices c JOIN symbols s ON s.id = c.symbol_id WHERE c.universe = :universe ORDER BY s.ticker, s.id""")


@dataclass(frozen=True)
class Overview:
    """A universe; `members`: active symbols in it, `choices`: how many a person put in or out."""

    name: str
    description: str
    rule: dict[str, Any]
    members: int
    choices: int


@dataclass(frozen=True)
class Member:
    """An active symbol in a universe: by which rule or person, and since when."""

    ticker: str
    name: str | None
    reason: str
    added_at: datetime


@dataclass(frozen=True)
class Choice:
    """What a person said of a symbol, active or archived: in (`included`) or out."""

    ticker: str
    active: bool
    included: bool
    author: str
    reason: str
    chosen_at: datetime


def overviews(session: Session) -> list[Overview]:
    """All universes by name."""
    return [Overview(*row) for row in session.execute(_ALL)]


def look_at(session: Session, universe: str) -> tuple[Overview, list[Member], list[Choice]]:
    """One universe with its members and choices, by ticker. Raises NotFound."""
    every = {one.name: one for one in overviews(session)}
    if universe not in every:
        raise NotFound(f"there is no universe {universe}; there are {', '.join(sorted(every))}")
    members = [Member(*row) for row in session.execute(_MEMBERS, {"universe": universe})]
    return every[universe], members, [Choice(*row) for row in session.execute(_CHOICES, {"universe": universe})]


def last_scanned(session: Session) -> date | None:
    """The session of the newest scan; in a replay of past years it is what today is."""
    return session.scalar(select(func.max(ScanRun.session)))
