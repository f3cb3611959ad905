"""End of day: one grouped call for the session's bars of every active symbol, and what it says of completeness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import structlog
from sqlalchemy import func, select

from tickstock_automation.bars import day as market_day
from tickstock_automation.bars.closures import EmptyDay, close_session, judge, witnesses
from tickstock_automation.bars.corporate_actions import SPLITS_BACK_DAYS, refresh_splits
from tickstock_automation.bars.models import EodRun, SessionStatus
from tickstock_automation.bars.partitions import AHEAD, ensure_partitions
from tickstock_automation.bars.session_state import settle
from tickstock_automation.bars.wanted import Reason, request_spans
from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.db.runs import DONE, finish_run
from tickstock_automation.errors import BadAnswer, Fault, PlanLacks, VendorUnavailable
from tickstock_automation.events.catalogue import MaintenanceCompleted, Service
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.maintenance import run_once
from tickstock_automation.processing.queue import queue_each
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings
from tickstock_automation.vendor.client import BarsAnswer, Vendor

TASK: Literal["end_of_day"] = "end_of_day"
MOST_MISSED = 30
LATE_PAUSE_S = 600.0
WORDS_LATE = "the vendor has no bars of {day} yet"

log = structlog.get_logger("eod")


@dataclass(frozen=True)
class EodReport:
    """What an end-of-day load did. `loaded` and `updated` are bars, `refused` rows."""

    loaded: int
    updated: int
    refused: int
    missing: int
    state: str


def missed_sessions(calendar: SessionCalendar, now: datetime) -> list[date]:
    """Closed sessions since the first that was ever begun whose load is not done, oldest first, thirty back at most.

    Found by what is there, not by the clock: a machine that was off makes good what lacks. Where none was begun, the last.
    """
    newest = calendar.last_closed(now)
    with transaction(Role.IPO_MONITOR) as session:
        first = session.scalar(select(func.min(EodRun.session)))
        done = set(session.scalars(select(EodRun.session).where(EodRun.outcome == DONE)))
    if first is None:
        return [newest]
    recent = calendar.between(first, newest)[-MOST_MISSED:]
    return [day for day in recent if day not in done]


def load_missed(vendor: Vendor, calendar: SessionCalendar, settings: Settings, now: datetime) -> list[EodReport]:
    """Loads what was missed, in order. One session that cannot be loaded keeps no later one from it.

    Raises what stopped the first of those, after the others were tried; passing trouble (TryAgain) of an older session at
    once, since the next would meet it too.
    """
    reports, first_error = [], None
    for day in missed_sessions(calendar, now):
        try:
            report = load_session(day, vendor, calendar, settings, now=now)
        except BadAnswer as error:
            first_error = first_error or error
            continue
        if report is not None:
            reports.append(report)
    if first_error is not None:
        raise first_error
    return reports


def load_session(
    day: date, vendor: Vendor, calendar: SessionCalendar, settings: Settings, *, now: datetime | None = None
) -> EodReport | None:
    """The end-of-day load of session `day`; None where it is done, or being done by another worker.

    A vendor without its bars is waited for (VendorUnavailable); `late_after_s` after the close that is a failure (BadAnswer).
    """
    moment = now or datetime.now(UTC)
    return run_once(
        EodRun, TASK, day, vendor, settings.lease_s,
        lambda token: _Load(day, token, vendor, settings, calendar, moment).run(),
        before_failed=lambda session: settle(session, [day], known_only=False),
    )  # fmt: skip


class _Load:
    """One end-of-day load that has its run."""

    def __init__(
        self, day: date, token: int, vendor: Vendor, settings: Settings, calendar: SessionCalendar, now: datetime
    ) -> None:
        self.day, self.token, self.vendor, self.settings = day, token, vendor, settings
        self._late = (now - calendar.session(day).closes).total_seconds() > settings.late_after_s
        self._calls_before = vendor.calls

    @property
    def calls(self) -> int:
        return self.vendor.calls - self._calls_before

    def run(self) -> EodReport:
        day = self.day
        with transaction(Role.IPO_MONITOR) as session:
            ensure_partitions(session, day, day + AHEAD)
        with transaction(Role.IPO_MONITOR) as session:
            wanted = market_day.tickers_on(session, day)
        splits_from = day - timedelta(days=SPLITS_BACK_DAYS)
        splits = self.vendor.splits(splits_from, day)
        answer = self._ask()
        if wanted and not answer.rows:
            return self._empty(wanted)
        with transaction(Role.IPO_MONITOR) as session:
            refresh_splits(session, splits, splits_from, day)
            stored = market_day.store_day(session, day, answer, wanted, job=f"eod:{day}", reason="end_of_day")
            lacking = market_day.lacking_on(session, day)
            ask_again(session, day, lacking, self.settings)
            market_day.note_differences(session, day, answer, wanted, [one.ticker for one in lacking])
            settle(session, [day], known_only=False)
            status = session.get_one(SessionStatus, day)
            report = EodReport(stored.inserted, stored.updated, len(stored.refused), len(lacking), status.state)
            figures = {
                "loaded": report.loaded, "updated": report.updated, "refused": report.refused, "missing": report.missing,
                "expected": status.expected, "stored": status.stored,
            }  # fmt: skip
            self._finish(session, figures, status, market_day.corrected_by(session, [stored.load_id]))
        log.info("session loaded", session=str(day), state=report.state, **figures)
        return report

    def _ask(self) -> BarsAnswer:
        try:
            return self.vendor.grouped_bars(self.day)
        except PlanLacks as error:  # the free plan gives a day's bars only once the day is over
            if self._late:
                raise
            raise VendorUnavailable(f"{WORDS_LATE.format(day=self.day)}: {error}", LATE_PAUSE_S) from error

    def _empty(self, wanted: dict[str, int]) -> EodReport:
        """Nothing at all: a closure that the calendar does not know, or a vendor that is late."""
        with transaction(Role.IPO_MONITOR) as session:
            asked = witnesses(session, self.day, wanted)
        if judge(self.day, self.day, asked, self.vendor) is EmptyDay.CLOSED:
            with transaction(Role.IPO_MONITOR) as session:
                close_session(session, self.day)
                status = session.get_one(SessionStatus, self.day)
                self._finish(session, {"closed": 1}, status, [])
            return EodReport(0, 0, 0, 0, "ready")
        words = WORDS_LATE.format(day=self.day)
        if self._late:
            raise BadAnswer(f"{words}, {self.settings.late_after_s / 3600:g} hours after the close", Fault.EMPTY)
        log.warning("vendor is late", session=str(self.day))
        raise VendorUnavailable(words, LATE_PAUSE_S)

    def _finish(
        self, session: ServiceSession, figures: dict[str, int], status: SessionStatus, corrected: list[str]
    ) -> None:
        finish_run(session, EodRun, self.day, self.token, DONE, self.calls, figures)
        completed = MaintenanceCompleted(
            task=TASK, session=self.day, outcome="done", session_state=status.state, figures=figures, corrected=corrected,
        )  # fmt: skip
        add_events(session, Service.IPO_MONITOR, [Pending(completed)])


def ask_again(session: ServiceSession, day: date, lacking: Sequence[market_day.Lacking], settings: Settings) -> None:
    """Wants what lacks, after the first pause, and queues its symbols."""
    pauses = settings.missing_pauses_s
    spans = [(one.symbol_id, day, day) for one in lacking]
    request_spans(session, spans, reason=Reason.MISSING, asks=len(pauses) - 1, pause_s=pauses[0])
    active = [(one.equity_type, one.ticker) for one in lacking if one.active]
    queue_each(session, active, Reason.MISSING, settings.queue_bound)
