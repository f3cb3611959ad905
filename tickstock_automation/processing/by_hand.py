"""A person's word on the work list: a type paused and resumed, failed symbols put back, waiting ones cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from tickstock_automation.errors import QueueFull, UsedWrongly
from tickstock_automation.processing.models import EquityType

_DOOR = text("SELECT pg_advisory_xact_lock(hashtext('equity_processing_queue'))")  # as queue_symbols_for_processing
_WAITING = text("SELECT count(*) FROM equity_processing_queue WHERE status IN ('pending', 'running')")

# The last word on each symbol: where it was queued again since, that entry is what counts.
_RETRY = text("""
UPDATE equity_processing_queue q
   SET status = 'pending', attempts = 0, scheduled_time = now(), completed_at = NULL, error_message = NULL, begun_at = NULL,
       processing_priority = t.priority_level
  FROM symbols s, equity_types t
 WHERE q.status = 'failed' AND s.id = q.symbol_id AND t.name = q.equity_type AND s.active
   AND (CAST(:type AS text) IS NULL OR q.equity_type = :type) AND s.ticker = ANY (coalesce(CAST(:tickers AS text[]), ARRAY[s.ticker]))
   AND NOT EXISTS (SELECT FROM equity_processing_queue n WHERE n.symbol_id = q.symbol_id AND n.id > q.id)
RETURNING s.ticker""")

# What was sent to the workers and not begun can still be called off: its token then holds nothing.
_CANCEL = text("""
UPDATE equity_processing_queue q
   SET status = 'cancelled', completed_at = now(), lease_until = NULL, error_message = :words
  FROM symbols s
 WHERE (q.status = 'pending' OR (q.status = 'running' AND q.begun_at IS NULL)) AND s.id = q.symbol_id
   AND (CAST(:type AS text) IS NULL OR q.equity_type = :type) AND s.ticker = ANY (coalesce(CAST(:tickers AS text[]), ARRAY[s.ticker]))
RETURNING s.ticker""")

_BEGUN = text("""
SELECT s.ticker FROM equity_processing_queue q JOIN symbols s ON s.id = q.symbol_id
 WHERE q.status = 'running' AND q.begun_at IS NOT NULL
   AND (CAST(:type AS text) IS NULL OR q.equity_type = :type) AND s.ticker = ANY (coalesce(CAST(:tickers AS text[]), ARRAY[s.ticker]))""")


@dataclass(frozen=True)
class Cancelled:
    """Tickers that were called off, and those on which a worker is at work, which are left to it."""

    cancelled: list[str]
    running: list[str]


def known_type(session: Session, typed: str) -> str:
    """The equity type that was meant, whatever the case; UsedWrongly, with near names, where there is none."""
    names = list(session.scalars(select(EquityType.name).order_by(EquityType.name)))
    meant = [name for name in names if name == typed] or [name for name in names if name.upper() == typed.upper()]
    if not meant:
        near = get_close_matches(typed.upper(), names, n=3) or names
        raise UsedWrongly(f"{typed} is no equity type; there are {', '.join(near)}")
    return meant[0]


def pause(session: Session, equity_type: str, author: str, reason: str) -> bool:
    """Nothing of the type is dispatched any more; what was sent is finished. False where it is paused already."""
    running = update(EquityType).where(EquityType.name == equity_type, EquityType.paused_at.is_(None))
    values = {"paused_at": func.now(), "paused_by": author, "paused_reason": reason}
    return session.scalar(running.values(values).returning(EquityType.name)) is not None


def resume(session: Session, equity_type: str) -> bool:
    """The type is dispatched again. False where it was not paused."""
    paused = update(EquityType).where(EquityType.name == equity_type, EquityType.paused_at.is_not(None))
    values = {"paused_at": None, "paused_by": None, "paused_reason": None}
    return session.scalar(paused.values(values).returning(EquityType.name)) is not None


def retry(session: Session, *, tickers: Sequence[str] | None, equity_type: str | None, bound: int) -> list[str]:
    """Puts failed symbols back with no attempts behind them, and gives their tickers. None: whatever ticker or type.

    Symbols that were archived since stay as they are. Raises QueueFull where more than `bound` would wait.
    """
    session.execute(_DOOR)
    retried = sorted(session.scalars(_RETRY, {"tickers": _all_or(tickers), "type": equity_type}))
    waiting = session.scalars(_WAITING).one()
    if retried and waiting > bound:
        raise QueueFull(f"the processing queue is full: {waiting} would wait and {bound} may; nothing was put back")
    return retried


def cancel(session: Session, *, tickers: Sequence[str] | None, equity_type: str | None, author: str) -> Cancelled:
    """Calls off what waits, also what no worker has begun yet. None: whatever ticker or type."""
    which = {"tickers": _all_or(tickers), "type": equity_type}
    cancelled = session.scalars(_CANCEL, which | {"words": f"cancelled by {author}"}).all()
    return Cancelled(sorted(cancelled), sorted(session.scalars(_BEGUN, which)))


def _all_or(tickers: Sequence[str] | None) -> list[str] | None:
    return None if tickers is None else list(tickers)
