"""Celery tasks of the bars."""

from __future__ import annotations

from datetime import UTC, date, datetime

import structlog
from celery import shared_task

from tickstock_automation.bars.backfill import process_batch
from tickstock_automation.bars.calling import make_calls
from tickstock_automation.bars.eod import load_missed, load_session
from tickstock_automation.bars.repair.reloading import end_reloads
from tickstock_automation.bars.repair.service import repair
from tickstock_automation.bars.reread import reread
from tickstock_automation.errors import VendorRefused
from tickstock_automation.sessions import calendar, new_york_date
from tickstock_automation.settings import settings
from tickstock_automation.tasks import TASK_OPTIONS, send
from tickstock_automation.vendor.polygon import vendor

log = structlog.get_logger("bars")
CHECK_S = 60.0  # in which bars are checked at once, where a worker does that; else by the schedule
SLICE_S = 30.0  # after which a task that makes calls makes room for what is more urgent


@shared_task(name="bars.load_session", **TASK_OPTIONS)
def load_bars_of_session(session: str | None = None) -> None:
    """The end-of-day load of a session (ISO date); by default of all that were missed, oldest first."""
    now = datetime.now(UTC)
    if session is None:
        reports = load_missed(vendor(), calendar(), settings(), now)
    else:
        report = load_session(date.fromisoformat(session), vendor(), calendar(), settings(), now=now)
        reports = [report] if report else []
    if any(report.missing for report in reports):
        send("processing.dispatch", as_of=session)
    if reports:
        send("quality.sweep_touched", expires_s=CHECK_S)


@shared_task(name="bars.process_batch", **TASK_OPTIONS)
def process_claimed_batch(token: int, equity_type: str, as_of: str | None = None) -> None:
    """Brings the symbols of a claimed batch up to date with session `as_of`, by default the last one that closed."""
    day = date.fromisoformat(as_of) if as_of else calendar().last_closed(datetime.now(UTC))
    process_batch(token, equity_type, day, vendor(), calendar(), settings())


@shared_task(name="bars.make_calls", **TASK_OPTIONS)
def make_planned_calls() -> None:
    """Makes the calls that are due, for backfills and all else that waits, for half a minute at most."""
    try:
        made = make_calls(vendor(), calendar(), settings(), most_s=SLICE_S)
    except VendorRefused as error:  # found and told of where it was raised; the next try is a minute away
        log.warning("the vendor refuses us", reason=str(error))
        return
    if made.calls and end_reloads():
        send("quality.remediate")


@shared_task(name="bars.reread", **TASK_OPTIONS)
def read_last_sessions_again(session: str | None = None) -> None:
    """The morning of session `session` (ISO date), by default of today's: what the vendor corrected. Holidays have none."""
    morning = date.fromisoformat(session) if session else new_york_date(datetime.now(UTC))
    if calendar().is_session(morning) and reread(morning, vendor(), calendar(), settings()) is not None:
        send("quality.sweep_touched", expires_s=CHECK_S)


@shared_task(name="bars.repair", **TASK_OPTIONS)
def repair_bars(session: str | None = None) -> None:
    """Does the repairs that are decided and asks the vendor for those that wait, for half a minute at most.

    `session` (ISO date) is the day for which quality asks for more when it is told what came of these.
    """
    try:
        done = repair(vendor(), calendar(), settings(), most_s=SLICE_S)
    except VendorRefused as error:  # found and told of where it was raised; the next try is a minute away
        log.warning("the vendor refuses us", reason=str(error))
        return
    if done.reloads:
        send("bars.make_calls")
    if done.moved:
        send("quality.remediate", session=session)
