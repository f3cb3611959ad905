"""Celery tasks of the data quality monitor."""

from __future__ import annotations

from datetime import UTC, date, datetime

from celery import shared_task

from tickstock_automation.quality.repairing import market_day, remediate
from tickstock_automation.quality.sweep import sessions_to_sweep, sweep
from tickstock_automation.sessions import calendar, new_york_date
from tickstock_automation.settings import settings
from tickstock_automation.tasks import TASK_OPTIONS, send


@shared_task(name="quality.sweep", **TASK_OPTIONS)
def sweep_session(session: str | None = None) -> None:
    """The daily sweep of a session (ISO date); by default of those whose bars are loaded and that were not swept yet."""
    days = [date.fromisoformat(session)] if session else sessions_to_sweep()
    for day in days:
        sweep(day, calendar(), settings())


@shared_task(name="quality.remediate", **TASK_OPTIONS)
def remediate_alerts(session: str | None = None) -> None:
    """Judges and tells what came of repairs, and asks for more. `session` (ISO date): whose limit counts, by default today's."""
    day = date.fromisoformat(session) if session else market_day(new_york_date(datetime.now(UTC)), settings())
    if remediate(day, calendar(), settings()).moved:
        send("bars.repair", session=session)
