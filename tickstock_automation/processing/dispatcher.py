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

# The type's row is locked: two dispatchers at once make one batch an interval, not two.
_IN_TIME = text("""
SELECT t.batch_size FROM equity_types t
 WHERE t.name = :type AND coalesce(
       (SELECT max(last_attempt) FROM equity_processing_queue WHERE equity_type = :type)
       <= clock_timestamp() - make_interval(secs => t.rate_limit_ms / 1000.0), true)
   FOR UPDATE""")


def celery_queue(priority: int) -> str:
    """The queue for a priority: the nearest at or below it, or the lowest."""
    return f"priority.{next((level for level in PRIORITIES if level <= priority), PRIORITIES[-1])}"


def dispatch(settings: Settings, send: Callable[[Batch, str], None]) -> int:
    """Claims at most one batch of each type that is due, highest priority first, and sends it; says how many."""
    with transaction(Role.IPO_MONITOR) as session:
        types = session.execute(
            select(EquityType.name, EquityType.priority_level).order_by(EquityType.priority_level.desc())
        ).tuples().all()  # fmt: skip
    sent = 0
    for name, priority in types:
        for _ in range(MOST_BATCHES):
            with transaction(Role.IPO_MONITOR) as session:
                size = session.execute(_IN_TIME, {"type": name}).scalar()
                batch = None if size is None else claim_batch(
                    session, name, size, lease_s=settings.lease_s, most_attempts=settings.max_attempts,
                    starving_s=settings.starvation_bound_s,
                )  # fmt: skip
            if batch is None:
                break
            send(batch, celery_queue(PRIORITIES[0] if batch.starving else priority))
            sent += 1
    return sent
