"""Celery tasks of the data quality monitor."""

from __future__ import annotations

from datetime import UTC, date, datetime

from celery import shared_task

from tickstock_automation.quality.repairing import market_day, remediate
from tickstock_automation.quality.shards import open_shards
from tickstock_automation.quality.sweep import alert_reports, begin_sweep, begin_touched, sessions_to_sweep, work
from tickstock_automation.sessions import calendar, new_york_date
from tickstock_automation.settings import settings
from tickstock_automation.tasks import TASK_OPTIONS, send


@shared_task(name="quality.sweep", **TASK_OPTIONS)
def sweep_session(session: str | None = None) -> None:
    """The daily sweep of a session (ISO date); by default of those whose bars are loaded and that were not swept yet."""
    days = [date.fromisoformat(session)] if session else sessions_to_sweep(settings())
    for day in days:
        sweep_id = begin_sweep(day, calendar(), settings())
        if sweep_id is not None:
            _share(sweep_id)
            work(calendar(), settings(), sweep_id)
        send("quality.remediate", session=str(day))


@shared_task(name="quality.sweep_touched", **TASK_OPTIONS)
def sweep_what_was_touched() -> None:
    """The symbols that loads have touched since, what others reported, and shards of any sweep whose worker died."""
    alert_reports()
    sweep_id = begin_touched(calendar(), settings())
    if sweep_id is not None:
        _share(sweep_id)
    work(calendar(), settings())
    if sweep_id is not None:
        send("quality.remediate")


@shared_task(name="quality.sweep_shard", **TASK_OPTIONS)
def work_at_sweep(sweep: int) -> None:
    """Shards of one sweep, as long as there are any that nobody works at."""
    work(calendar(), settings(), sweep)


def _share(sweep_id: int) -> None:
    """Calls other workers to the shards beyond our own."""
    for _ in range(open_shards(sweep_id) - 1):
        send("quality.sweep_shard", sweep=sweep_id)


@shared_task(name="quality.remediate", **TASK_OPTIONS)
def remediate_alerts(session: str | None = None) -> None:
    """Judges and tells what came of repairs, and asks for more. `session` (ISO date): whose limit counts, by default today's."""
    day = date.fromisoformat(session) if session else market_day(new_york_date(datetime.now(UTC)), settings())
    if remediate(day, calendar(), settings()).moved:
        send("bars.repair", session=session)
