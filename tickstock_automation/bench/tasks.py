"""The benchmark's Celery task: a worker serves it only where it is told to by `--include`."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from tickstock_automation.bench.writer import Order, write


@shared_task(name="bench.publish")
def publish(**order: Any) -> None:
    """Writes events as ordered."""
    write(Order(**order))
