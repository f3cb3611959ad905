"""Celery tasks of the data quality monitor."""

from __future__ import annotations

from datetime import date

from celery import shared_task

from tickstock_automation.quality.sweep import sessions_to_sweep, sweep
from tickstock_automation.sessions import calendar
from tickstock_automation.settings import settings
from tickstock_automation.tasks import TASK_OPTIONS


@shared_task(name="quality.sweep", **TASK_OPTIONS)
def sweep_session(session: str | None = None) -> None:
    """The daily sweep of a session (ISO date); by default of those whose bars are loaded and that were not swept yet."""
    days = [date.fromisoformat(session)] if session else sessions_to_sweep()
    for day in days:
        sweep(day, calendar(), settings())
