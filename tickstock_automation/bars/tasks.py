"""Celery tasks of the bars."""

from __future__ import annotations

from datetime import UTC, date, datetime

from celery import shared_task

from tickstock_automation.bars.backfill import process_batch
from tickstock_automation.bars.eod import load_session, missed_sessions
from tickstock_automation.sessions import calendar
from tickstock_automation.settings import settings
from tickstock_automation.tasks import TASK_OPTIONS, send
from tickstock_automation.vendor.polygon import vendor


@shared_task(name="bars.load_session", **TASK_OPTIONS)
def load_bars_of_session(session: str | None = None) -> None:
    """The end-of-day load of a session (ISO date); by default of the oldest that was missed, else the last closed."""
    days = [date.fromisoformat(session)] if session else missed_sessions(calendar(), datetime.now(UTC))
    day = days[0]
    report = load_session(day, vendor(), settings())
    if len(days) > 1:
        send("bars.load_session")
    if report is not None and report.missing:
        send("processing.dispatch", as_of=session)


@shared_task(name="bars.process_batch", **TASK_OPTIONS)
def process_claimed_batch(token: int, equity_type: str, as_of: str | None = None) -> None:
    """Brings the symbols of a claimed batch up to date with session `as_of`, by default the last one that closed."""
    day = date.fromisoformat(as_of) if as_of else calendar().last_closed(datetime.now(UTC))
    process_batch(token, equity_type, day, vendor(), calendar(), settings())
