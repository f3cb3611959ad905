"""What loads have touched since it was last judged: which symbols, from which session on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

# Loads commit out of order, so each is looked up by itself; ten thousand back no transaction is open any more. A backfill
# that still runs is judged when it is over: until then its bars have holes, and moves over them are none.
_UNSWEPT = text("""
SELECT l.id FROM loads l
 WHERE l.id > (SELECT coalesce(max(load_id), 0) - 10000 FROM quality_sweep_loads) AND l.inserted + l.updated > 0
   AND NOT EXISTS (SELECT 1 FROM quality_sweep_loads s WHERE s.load_id = l.id)
   AND NOT EXISTS (SELECT 1 FROM backfill_jobs j WHERE j.state IN ('planned', 'running')
                      AND l.job ~ ('(^| )backfill:' || j.id || '( |$)'))
   AND (CAST(:first AS date) IS NULL OR coalesce(l.session, (l.arguments ->> 'from')::date) BETWEEN :first AND :last)
 ORDER BY l.id""")

_MARK = text(
    "INSERT INTO quality_sweep_loads (load_id, sweep_id) SELECT unnest(CAST(:loads AS bigint[])), :sweep ON CONFLICT DO NOTHING"
)

# Without those that still wait for bars of a backfill: these bring them here again.
_TOUCHED = text("""
WITH swept AS (
    SELECT l.id, l.session, l.arguments ->> 'ticker' AS ticker, (l.arguments ->> 'from')::date AS first, (l.arguments ->> 'to')::date AS last
      FROM loads l WHERE l.id = ANY (:loads)),
 bars AS (
    SELECT h.symbol_id, h.date FROM swept s JOIN historical_data h ON h.date = s.session AND h.load_id = s.id WHERE s.session IS NOT NULL
     UNION ALL
    SELECT h.symbol_id, h.date FROM swept s JOIN ticker_tenures t ON t.ticker = s.ticker
      JOIN historical_data h ON h.symbol_id = t.symbol_id AND h.date BETWEEN s.first AND s.last AND h.load_id = s.id
     WHERE s.session IS NULL)
SELECT b.symbol_id, min(b.date), max(b.date) FROM bars b
 WHERE NOT EXISTS (SELECT 1 FROM bar_requests r WHERE r.symbol_id = b.symbol_id AND r.status = 'waiting'
                      AND r.reason IN ('new_listing', 'backfill', 'asked'))
 GROUP BY b.symbol_id ORDER BY b.symbol_id""")

_LOADS_OF = text("SELECT load_id FROM quality_sweep_loads WHERE sweep_id = :sweep")


@dataclass(frozen=True)
class Touched:
    """Symbols with new or changed bars, and the first and last session of these."""

    symbols: tuple[int, ...]
    first: date
    last: date


def unswept_loads(session: Session, first: date | None = None, last: date | None = None) -> list[int]:
    """Loads that brought bars and that no sweep covers yet; only of sessions from `first` to `last` where these are given."""
    return list(session.scalars(_UNSWEPT, {"first": first, "last": last}))


def mark_swept(session: Session, loads: Sequence[int], sweep_id: int | None) -> None:
    """A sweep covers them, from the commit of the caller's transaction on."""
    session.execute(_MARK, {"loads": list(loads), "sweep": sweep_id})


def touched_by(session: Session, loads: Sequence[int]) -> Touched | None:
    """None where nothing that they brought is to be judged now."""
    rows = session.execute(_TOUCHED, {"loads": list(loads)}).all()
    if not rows:
        return None
    return Touched(tuple(row[0] for row in rows), min(row[1] for row in rows), max(row[2] for row in rows))


def touched_of_sweep(session: Session, sweep_id: int) -> tuple[int, ...]:
    """The symbols that a sweep of loads is about."""
    found = touched_by(session, list(session.scalars(_LOADS_OF, {"sweep": sweep_id})))
    return found.symbols if found else ()
