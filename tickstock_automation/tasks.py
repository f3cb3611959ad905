"""What all Celery tasks share: how they retry, and sending one by its name."""

from __future__ import annotations

import random
from typing import Any

from celery import Task, current_app

from tickstock_automation.errors import TryAgain

LONGEST_PAUSE_S = 300.0


class PatientTask(Task):  # type: ignore[type-arg]
    """Tries again after passing trouble, without holding a worker meanwhile: when told to, else with growing pauses."""

    max_retries = 8

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except TryAgain as trouble:
            growing = min(LONGEST_PAUSE_S, 2.0 ** (self.request.retries + 1)) * random.uniform(0.5, 1.0)  # noqa: S311
            raise self.retry(exc=trouble, countdown=trouble.after_s or growing) from trouble


TASK_OPTIONS: dict[str, Any] = {"base": PatientTask}


def send(name: str, queue: str | None = None, expires_s: float | None = None, **arguments: Any) -> None:
    """Sends a task by name, so that no domain imports another's tasks. One that nobody took in `expires_s` is dropped."""
    given = {key: value for key, value in arguments.items() if value is not None}
    current_app.send_task(name, kwargs=given, queue=queue, expires=expires_s)
