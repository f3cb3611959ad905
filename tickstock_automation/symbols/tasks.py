"""Celery tasks of the IPO monitor."""

from __future__ import annotations

from datetime import UTC, date, datetime

from celery import shared_task

from tickstock_automation.sessions import calendar, new_york_date
from tickstock_automation.settings import settings
from tickstock_automation.symbols.service import scan
from tickstock_automation.tasks import TASK_OPTIONS, send
from tickstock_automation.vendor.polygon import vendor


@shared_task(name="symbols.scan", **TASK_OPTIONS)
def scan_listings(session: str | None = None) -> None:
    """The scan before a session (ISO date); by default today's, and on a day without one nothing."""
    now = datetime.now(UTC)
    day = date.fromisoformat(session) if session else calendar().to_scan(now)
    if session is None and day != new_york_date(now):
        return
    if scan(day, vendor(), calendar(), settings()) is not None:
        send("processing.dispatch", as_of=session)
