"""Celery tasks of the data quality monitor."""

from __future__ import annotations

from datetime import UTC, date, datetime

from celery import shared_task

from tickstock_automation.quality.sweep import sweep
from tickstock_automation.sessions import calendar
from tickstock_automation.settings import settings
from tickstock_automation.tasks import TASK_OPTIONS


@shared_task(name="quality.sweep", **TASK_OPTIONS)
def sweep_session(session: str | None = None) -> None:
    """The daily sweep of a session (ISO date); by default of the last one that closed."""
    day = date.fromisoformat(session) if session else calendar().last_closed(datetime.now(UTC))
    sweep(day, calendar(), settings())
