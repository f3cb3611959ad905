"""The promise about a session: may its data be used? Counted from what is stored, never from what was hoped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from tickstock_automation.bars.models import SessionStatus

FEW = 5
FULL_SHARE = 0.95
State = Literal["pending", "ready", "degraded", "missing"]

_COUNT = text("""
WITH expected AS (SELECT symbol_id AS id FROM expected_symbols(:day)),
     bars AS (SELECT symbol_id FROM historical_data WHERE date = :day)
SELECT count(*), count(b.symbol_id),
       count(*) FILTER (WHERE b.symbol_id IS NULL AND k.symbol_id IS NOT NULL),
       count(*) FILTER (WHERE b.symbol_id IS NULL AND k.symbol_id IS NULL AND u.outcome = 'refused'),
       count(*) FILTER (WHERE b.symbol_id IS NULL AND k.symbol_id IS NULL AND u.outcome = 'failed')
  FROM expected e
  LEFT JOIN bars b ON b.symbol_id = e.id
  LEFT JOIN known_empty k ON k.symbol_id = e.id AND k.session = :day
  LEFT JOIN unloaded_bars u ON u.symbol_id = e.id AND u.session = :day""")


# The same by exchange: a vendor may lose one of them.
_BY_EXCHANGE = text("""
SELECT coalesce(s.exchange, '?'), count(*), count(h.symbol_id), count(*) FILTER (WHERE h.symbol_id IS NULL AND k.symbol_id IS NOT NULL)
  FROM expected_symbols(:day) e JOIN symbols s ON s.id = e.symbol_id
  LEFT JOIN historical_data h ON h.symbol_id = s.id AND h.date = :day
  LEFT JOIN known_empty k ON k.symbol_id = s.id AND k.session = :day
 GROUP BY 1 ORDER BY 1""")


@dataclass(frozen=True)
class Counts:
    """expected = stored + known_empty + refused + failed once nothing waits any more."""

    expected: int
    stored: int
    known_empty: int
    refused: int
    failed: int

    @property
    def open(self) -> int:
        return self.expected - self.stored - self.known_empty - self.refused - self.failed

    def state(self) -> tuple[State, list[str]]:
        """The state, and in words what keeps it from `ready`."""
        reasons = [
            f"{count} {what}"
            for count, what in (
                (self.open, "bars are missing and asked for again"),
                (self.refused, "rows were refused"),
                (self.failed, "bars could not be loaded"),
            )
            if count
        ]
        if not self.expected:
            return "missing", ["no symbol is known of this session: run a scan first"]
        if not self.stored:
            return "missing", ["no bar of this session is stored", *reasons]
        if self.open:
            return "pending", reasons
        return ("degraded", reasons) if reasons else ("ready", [])


def count(session: Session, day: date) -> Counts:
    """What is stored and what lacks of a session."""
    return Counts(*session.execute(_COUNT, {"day": day}).one())


def by_exchange(session: Session, day: date) -> dict[str, dict[str, int]]:
    """Completeness of a session by primary exchange (MIC, or `?`)."""
    rows = session.execute(_BY_EXCHANGE, {"day": day})
    return {row[0]: {"expected": row[1], "stored": row[2], "known_empty": row[3]} for row in rows}


def thin_exchanges(found: dict[str, dict[str, int]]) -> list[str]:
    """Which exchanges lack more than a twentieth of their bars, and more than a few. Pure."""
    said = []
    for name, one in found.items():
        due = one["expected"] - one["known_empty"]
        if due - one["stored"] > FEW and one["stored"] < FULL_SHARE * due:
            said.append(f"of {name} {one['stored']} of {due} bars are there")
    return said


def settle(session: Session, days: Iterable[date], *, known_only: bool = True) -> None:
    """Sets the state of sessions anew; with `known_only`, of those that have a row already."""
    for day in sorted(set(days)):
        row = session.get(SessionStatus, day, with_for_update=True)
        if row is None:
            if known_only:
                continue
            session.execute(insert(SessionStatus).values(session=day).on_conflict_do_nothing())
            row = session.get_one(SessionStatus, day, with_for_update=True)
        if row.closed:
            continue
        counts = count(session, day)
        was_ready = row.state == "ready"
        row.state, row.reasons = counts.state()
        row.expected, row.stored, row.known_empty = counts.expected, counts.stored, counts.known_empty
        row.refused, row.failed = counts.refused, counts.failed
        row.exchanges = by_exchange(session, day)
        row.reasons = [*row.reasons, *thin_exchanges(row.exchanges)]
        now = session.execute(text("SELECT now()")).scalar_one()
        row.updated_at = now
        if row.state != "ready":
            row.ready_at = None
        elif not was_ready:
            row.ready_at = now
    session.flush()
