"""The processing queue: queueing, claiming a batch by lease, finishing it, giving it back.

A claim carries a token that grows with every claim; whoever comes with an old one is refused (LeaseLost).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tickstock_automation.errors import LeaseLost, QueueFull, UsedWrongly

_BOUND = text("SELECT set_config('tickstock.queue_bound', :bound, true)")
_QUEUE = text("SELECT queue_symbols_for_processing(:type, CAST(:symbols AS text[]), :reason)")

_FAIL_EXHAUSTED = text("""
UPDATE equity_processing_queue
   SET status = 'failed', completed_at = now(), lease_until = NULL,
       error_message = coalesce(error_message, 'its worker ended ' || attempts || ' times in the middle')
 WHERE equity_type = :type AND status = 'running' AND lease_until < now() AND attempts >= :most""")

# A row that runs past its lease belongs to whoever claims it next.
_CLAIM = text("""
WITH token AS (SELECT nextval('claim_tokens') AS value),
     due AS (SELECT id FROM equity_processing_queue
              WHERE equity_type = :type AND scheduled_time <= now()
                AND (status = 'pending' OR (status = 'running' AND lease_until < now()))
              ORDER BY processing_priority DESC, scheduled_time, id
              LIMIT :size FOR UPDATE SKIP LOCKED)
UPDATE equity_processing_queue q
   SET status = 'running', attempts = attempts + 1, last_attempt = now(), error_message = NULL,
       lease_until = now() + make_interval(secs => :lease), claim_token = token.value
  FROM due, token WHERE q.id = due.id
RETURNING q.symbol_id, q.claim_token, q.created_at < now() - make_interval(secs => :starving)""")

_RENEW = text("""
UPDATE equity_processing_queue SET lease_until = now() + make_interval(secs => :lease)
 WHERE claim_token = :token AND status = 'running' RETURNING id""")

_SETTLE = text("""
UPDATE equity_processing_queue q
   SET status = CASE WHEN attempts >= :most THEN 'failed' ELSE 'pending' END,
       completed_at = CASE WHEN attempts >= :most THEN now() END,
       error_message = :error, lease_until = NULL,
       scheduled_time = now() + make_interval(secs => :pause)
 WHERE claim_token = :token AND status = 'running' RETURNING status, symbol_id""")

_GIVE_BACK = text("""
UPDATE equity_processing_queue
   SET status = 'pending', attempts = attempts - 1, lease_until = NULL, error_message = :reason,
       scheduled_time = now() + make_interval(secs => :pause)
 WHERE claim_token = :token AND status = 'running'""")


@dataclass(frozen=True)
class Batch:
    """Symbols claimed together."""

    equity_type: str
    token: int
    symbol_ids: list[int]
    starving: bool


def queue_symbols(session: Session, equity_type: str, tickers: Sequence[str] | None, reason: str, bound: int) -> int:
    """Queues symbols of a type (None: all active ones) and says how many were new.

    Raises QueueFull past the bound, UsedWrongly for an unknown type or symbol.
    """
    session.execute(_BOUND, {"bound": str(bound)})
    try:
        queued = session.execute(
            _QUEUE, {"type": equity_type, "symbols": None if tickers is None else list(tickers), "reason": reason}
        )
    except DBAPIError as error:
        said = str(error.orig).partition("\n")[0]
        state = getattr(error.orig, "pgcode", None)
        if state == "54000":
            raise QueueFull(said) from error
        if state == "22023":
            raise UsedWrongly(said) from error
        raise
    return int(queued.scalar_one())


def claim_batch(
    session: Session, equity_type: str, size: int, *, lease_s: int, most_attempts: int, starving_s: int
) -> Batch | None:
    """Claims what is due of a type, at most `size`; None where nothing is."""
    session.execute(_FAIL_EXHAUSTED, {"type": equity_type, "most": most_attempts})
    rows = session.execute(_CLAIM, {"type": equity_type, "size": size, "lease": lease_s, "starving": starving_s}).all()
    if not rows:
        return None
    return Batch(equity_type, rows[0][1], sorted(row[0] for row in rows), any(row[2] for row in rows))


def renew(session: Session, token: int, lease_s: int) -> None:
    """A sign of life; LeaseLost where nothing of the batch is held any more."""
    if session.execute(_RENEW, {"token": token, "lease": lease_s}).first() is None:
        raise LeaseLost(f"batch {token} was taken over by another worker: nothing more of it is stored")


def fail_batch(session: Session, token: int, error: str, *, pause_s: float, most_attempts: int) -> list[int]:
    """Puts a batch back after a failure, or leaves it `failed` after the last attempt; gives the ids that failed so."""
    rows = session.execute(_SETTLE, {"token": token, "error": error, "pause": pause_s, "most": most_attempts}).all()
    return [row[1] for row in rows if row[0] == "failed"]


def give_back(session: Session, token: int, reason: str, *, pause_s: float) -> None:
    """Puts a batch back untried: waiting for the vendor's limit is no failed attempt."""
    session.execute(_GIVE_BACK, {"token": token, "reason": reason, "pause": pause_s})
