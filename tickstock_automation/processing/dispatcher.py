"""The dispatcher: which types are due, and to which Celery queue a batch goes. docs/decisions/0003-queues.md has the bound."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.processing.queue import Batch, claim_batch, give_back, take_back_lost
from tickstock_automation.settings import Settings

PRIORITIES = (100, 90, 50)
MOST_BATCHES = 1000
MOST_UNBEGUN = 10  # batches of a type that lie in Celery's queues; as many again that starve

_DUE_TYPES = text("""
WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS moment)
SELECT t.name FROM equity_types t CROSS JOIN clock CROSS JOIN LATERAL (
       SELECT 1 FROM equity_processing_queue q
        WHERE q.equity_type = t.name AND q.status = 'pending' AND q.scheduled_time <= moment
        ORDER BY q.scheduled_time LIMIT 1) due
 WHERE t.paused_at IS NULL
 ORDER BY t.priority_level DESC, t.name""")

# The row is locked: two dispatchers at once share what a type may. Not FOR UPDATE, for which who queues would wait.
_LOCK_TYPE = text("SELECT 1 FROM equity_types WHERE name = :type FOR NO KEY UPDATE")

# At its pace: its batch size less what went out within the last rate_limit_ms, so that in no such interval more than one
# batch's worth of symbols goes, however they were cut into batches. Unbegun: what may yet lie in Celery's queues.
_ALLOWANCE = text("""
WITH clock AS (SELECT coalesce(CAST(:now AS timestamptz), clock_timestamp()) AS moment)
SELECT moment, t.priority_level, t.paused_at IS NOT NULL AS paused,
       t.batch_size - (SELECT count(*) FROM equity_processing_queue q WHERE q.equity_type = t.name
                          AND q.last_attempt > moment - make_interval(secs => t.rate_limit_ms / 1000.0)) AS at_pace,
       t.batch_size * :most - sent.starving AS starving, t.batch_size * :most - sent.others AS others
  FROM equity_types t CROSS JOIN clock CROSS JOIN LATERAL (
       SELECT count(*) FILTER (WHERE q.scheduled_time <= q.last_attempt - make_interval(secs => :bound)) AS starving,
              count(*) FILTER (WHERE q.scheduled_time > q.last_attempt - make_interval(secs => :bound)) AS others
         FROM equity_processing_queue q
        WHERE q.status = 'running' AND q.begun_at IS NULL AND q.equity_type = t.name) sent
 WHERE t.name = :type""")


def celery_queue(priority: int) -> str:
    """The queue for a priority: the nearest at or below it, or the lowest."""
    return f"priority.{next((level for level in PRIORITIES if level <= priority), PRIORITIES[-1])}"


def dispatch(settings: Settings, send: Callable[[Batch, str], None], *, now: datetime | None = None) -> int:
    """Claims what each type may send now, highest priority first, and sends it; says how many batches.

    What has waited past its bound goes first and on the first queue. `now` is the moment it is taken to be, by default
    the database's. Where `send` raises, its batch is given back and the error passes.
    """
    with transaction(Role.IPO_MONITOR) as session:
        take_back_lost(session, settings.max_attempts, now=now)
        types = session.scalars(_DUE_TYPES, {"now": now}).all()
    sent = 0
    for name in types:
        for _ in range(MOST_BATCHES):
            with transaction(Role.IPO_MONITOR) as session:
                claimed = _claim(session, name, settings, now)
            if claimed is None:
                break
            batch, queue = claimed
            try:
                send(batch, queue)
            except Exception as error:
                with transaction(Role.IPO_MONITOR) as session:
                    give_back(session, batch.token, f"could not be sent to a worker: {error}", pause_s=0, now=now)
                raise
            sent += 1
    return sent


def _claim(session: Session, equity_type: str, settings: Settings, now: datetime | None) -> tuple[Batch, str] | None:
    """The type's next batch and its Celery queue; None where nothing is due or may go yet."""
    session.execute(_LOCK_TYPE, {"type": equity_type})  # and then a statement that sees what the other one did
    bound = settings.starvation_bound_s
    may = session.execute(
        _ALLOWANCE, {"type": equity_type, "now": now, "bound": bound, "most": MOST_UNBEGUN}
    ).one()  # fmt: skip
    if may.paused or may.starving <= 0:  # what starves goes before all else of its type
        return None
    for starving, unbegun, priority in ((True, may.starving, PRIORITIES[0]), (False, may.others, may.priority_level)):
        size = min(may.at_pace, unbegun)
        if size > 0:
            batch = claim_batch(
                session,
                equity_type,
                size,
                lease_s=settings.lease_s,
                starving_s=bound,
                starving=starving,
                now=may.moment,
            )
            if batch is not None:
                return batch, celery_queue(priority)
    return None
