"""What all Celery tasks share: how they retry, and sending one by its name."""

from __future__ import annotations

from typing import Any

from celery import current_app

from tickstock_automation.errors import TryAgain

TASK_OPTIONS: dict[str, Any] = {
    "autoretry_for": (TryAgain,),
    "max_retries": 8,
    "retry_backoff": 2,
    "retry_backoff_max": 300,
    "retry_jitter": True,
}
"""Passing trouble is tried again with growing, jittered pauses, without holding a worker meanwhile."""


def send(name: str, queue: str | None = None, **arguments: Any) -> None:
    """Sends a task by name, so that no domain imports another's tasks."""
    current_app.send_task(
        name, kwargs={key: value for key, value in arguments.items() if value is not None}, queue=queue
    )
