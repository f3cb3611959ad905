"""The promise about a session: may its data be used? Counted from what is stored, never from what was hoped."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, astuple, dataclass
from datetime import date
from typing import Literal

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from tickstock_automation.bars.models import SessionStatus

FEW = 5
FULL_SHARE = 0.95
State = Literal["pending", "ready", "degraded", "missing"]

# By exchange: a vendor may lose one of them.
_COUNT = text("""
SELECT coalesce(s.exchange, '?') AS exchange, count(*) AS expected, count(h.symbol_id) AS stored,
       count(*) FILTER (WHERE h.symbol_id IS NULL AND k.symbol_id IS NOT NULL) AS known_empty,
       count(*) FILTER (WHERE h.symbol_id IS NULL AND k.symbol_id IS NULL AND u.outcome = 'refused') AS refused,
       count(*) FILTER (WHERE h.symbol_id IS NULL AND k.symbol_id IS NULL AND u.outcome = 'failed') AS failed
  FROM expected_symbols(:day) e JOIN symbols s ON s.id = e.symbol_id
  LEFT JOIN historical_data h ON h.symbol_id = s.id AND h.date = :day
  LEFT JOIN known_empty k ON k.symbol_id = s.id AND k.session = :day
  LEFT JOIN unloaded_bars u ON u.symbol_id = s.id AND u.session = :day
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


def count(session: Session, day: date) -> dict[str, Counts]:
    """What is stored and what lacks of a session, by primary exchange (MIC, or `?`)."""
    return {row[0]: Counts(*row[1:]) for row in session.execute(_COUNT, {"day": day})}


def in_all(found: Collection[Counts]) -> Counts:
    """The sum."""
    return Counts(*map(sum, zip(*map(astuple, found), strict=True))) if found else Counts(0, 0, 0, 0, 0)


def thin_exchanges(found: Mapping[str, Counts]) -> list[str]:
    """Which exchanges lack more than a twentieth of their bars, and more than a few. Pure."""
    dues = {name: one.expected - one.known_empty for name, one in found.items()}
    return [
        f"of {name} {one.stored} of {dues[name]} bars are there"
        for name, one in found.items()
        if dues[name] - one.stored > FEW and one.stored < FULL_SHARE * dues[name]
    ]


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
        exchanges = count(session, day)
        counts = in_all(list(exchanges.values()))
        was_ready = row.state == "ready"
        row.state, reasons = counts.state()
        row.reasons = [*reasons, *thin_exchanges(exchanges)]
        for name, number in asdict(counts).items():
            setattr(row, name, number)
        row.exchanges = {name: asdict(one) for name, one in exchanges.items()}
        now = session.execute(text("SELECT now()")).scalar_one()
        row.updated_at = now
        if row.state != "ready":
            row.ready_at = None
        elif not was_ready:
            row.ready_at = now
    session.flush()
