"""The dispatcher: which types are due, and to which Celery queue a batch goes."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select, text

from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.processing.models import EquityType
from tickstock_automation.processing.queue import Batch, claim_batch
from tickstock_automation.settings import Settings

PRIORITIES = (100, 90, 50)
MOST_BATCHES = 1000

# What a type may still dispatch: its batch size less what went out within the last rate_limit_ms, so that in no such
# interval more than one batch's worth of symbols goes, however they were cut into batches. The row is locked: two
# dispatchers at once share the allowance.
_LOCK_TYPE = text("SELECT 1 FROM equity_types WHERE name = :type FOR UPDATE")
_ALLOWANCE = text("""
SELECT t.batch_size - (SELECT count(*) FROM equity_processing_queue q WHERE q.equity_type = :type
                          AND q.last_attempt > clock_timestamp() - make_interval(secs => t.rate_limit_ms / 1000.0))
  FROM equity_types t WHERE t.name = :type""")


def celery_queue(priority: int) -> str:
    """The queue for a priority: the nearest at or below it, or the lowest."""
    return f"priority.{next((level for level in PRIORITIES if level <= priority), PRIORITIES[-1])}"


def dispatch(settings: Settings, send: Callable[[Batch, str], None]) -> int:
    """Claims at most one batch of each type that is due, highest priority first, and sends it; says how many."""
    with transaction(Role.IPO_MONITOR) as session:
        types = session.execute(
            select(EquityType.name, EquityType.priority_level).order_by(EquityType.priority_level.desc())
        ).all()  # fmt: skip
    sent = 0
    for name, priority in types:
        for _ in range(MOST_BATCHES):
            with transaction(Role.IPO_MONITOR) as session:
                session.execute(_LOCK_TYPE, {"type": name})  # and then a statement that sees what the other one did
                size = session.execute(_ALLOWANCE, {"type": name}).scalar_one()
                batch = None if size <= 0 else claim_batch(
                    session, name, size, lease_s=settings.lease_s, most_attempts=settings.max_attempts,
                    starving_s=settings.starvation_bound_s,
                )  # fmt: skip
            if batch is None:
                break
            send(batch, celery_queue(PRIORITIES[0] if batch.starving else priority))
            sent += 1
    return sent
