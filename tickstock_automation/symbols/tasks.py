"""Celery tasks of the IPO monitor."""

from __future__ import annotations

from datetime import UTC, date, datetime

from celery import shared_task

from tickstock_automation.sessions import calendar, new_york_date
from tickstock_automation.settings import settings
from tickstock_automation.symbols.details import fetch_details
from tickstock_automation.symbols.service import scan
from tickstock_automation.tasks import TASK_OPTIONS, send
from tickstock_automation.vendor.polygon import vendor


@shared_task(name="symbols.scan", **TASK_OPTIONS)
def scan_listings(session: str | None = None) -> None:
    """The scan before a session (ISO date); by default today's, which a late one makes good, and on a day without one nothing."""
    today = new_york_date(datetime.now(UTC))
    day = date.fromisoformat(session) if session else today
    if not calendar().is_session(day):
        return
    if scan(day, vendor(), calendar(), settings()) is not None:
        send("processing.dispatch", as_of=session)


@shared_task(name="symbols.fetch_details", **TASK_OPTIONS)
def fetch(session: str | None = None, refresh: bool = True) -> None:
    """Tickers' details, as far as the day's budget goes. `session` (ISO date) is the day for a replay."""
    day = date.fromisoformat(session) if session else new_york_date(datetime.now(UTC))
    fetch_details(day, vendor(), settings(), refresh=refresh)
