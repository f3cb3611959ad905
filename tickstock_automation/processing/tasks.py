"""Celery tasks of the work list."""

from __future__ import annotations

from celery import shared_task

from tickstock_automation.processing.dispatcher import dispatch
from tickstock_automation.processing.queue import Batch
from tickstock_automation.settings import settings
from tickstock_automation.tasks import TASK_OPTIONS, send


@shared_task(name="processing.dispatch", **TASK_OPTIONS)
def dispatch_due(as_of: str | None = None) -> None:
    """Sends what is due to the workers. `as_of` is the session the batches work up to (ISO date), for a replay."""

    def to_worker(batch: Batch, queue: str) -> None:
        send("bars.process_batch", queue=queue, token=batch.token, equity_type=batch.equity_type, as_of=as_of)

    dispatch(settings(), to_worker)
