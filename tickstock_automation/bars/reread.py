"""The morning: the last sessions are read once more, since vendors correct silently, and old gaps are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

import structlog
from sqlalchemy import func, select

from tickstock_automation.bars import day as market_day
from tickstock_automation.bars.corporate_actions import refresh_dividends
from tickstock_automation.bars.eod import ask_again
from tickstock_automation.bars.gaps import request_gaps
from tickstock_automation.bars.models import CorporateAction, EodRun, Load, RereadRun, SessionStatus
from tickstock_automation.bars.session_state import settle
from tickstock_automation.bars.wanted import earliest_session
from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.db.runs import DONE, finish_run, renew_run
from tickstock_automation.errors import BadAnswer
from tickstock_automation.events.catalogue import MaintenanceCompleted, Service
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.maintenance import run_once
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings
from tickstock_automation.vendor.client import Vendor

TASK: Literal["reread"] = "reread"
DIVIDENDS_BACK = timedelta(days=14)

log = structlog.get_logger("reread")


@dataclass
class RereadReport:
    """What the morning brought: bars that changed and that came late, symbols with old gaps that are asked for."""

    sessions: int = 0
    updated: int = 0
    loaded: int = 0
    gaps: int = 0
    loads: list[int] = field(default_factory=list)

    def figures(self) -> dict[str, int]:
        return {"sessions": self.sessions, "updated": self.updated, "loaded": self.loaded, "gaps": self.gaps}


def reread(morning: date, vendor: Vendor, calendar: SessionCalendar, settings: Settings) -> RereadReport | None:
    """Reads the sessions before `morning` (a session) again; None where that is done, or being done by another worker.

    A session that was read for this morning already is not paid for again.
    """
    return run_once(
        RereadRun, TASK, morning, vendor, settings.lease_s,
        lambda token: _Reread(morning, token, vendor, calendar, settings).run(),
    )  # fmt: skip


class _Reread:
    """One morning's run."""

    def __init__(
        self, morning: date, token: int, vendor: Vendor, calendar: SessionCalendar, settings: Settings
    ) -> None:
        self.morning, self.token, self.vendor, self.calendar, self.settings = morning, token, vendor, calendar, settings
        self.job = f"reread:{morning}"

    def run(self) -> RereadReport:
        before, report = self.vendor.calls, RereadReport()
        for day in self._days():
            self._read(day, report)
        if self.settings.dividends:
            self._read_dividends()
        with self._held() as session:
            report.gaps = request_gaps(session, self.morning, self.calendar, self.settings)
        with self._held() as session:
            figures = report.figures()
            finish_run(session, RereadRun, self.morning, self.token, DONE, self.vendor.calls - before, figures)
            completed = MaintenanceCompleted(
                task=TASK, session=self.morning, outcome="done", figures=figures,
                corrected=market_day.corrected_by(session, report.loads),
            )  # fmt: skip
            add_events(session, Service.IPO_MONITOR, [Pending(completed)])
        log.info("last sessions read again", morning=str(self.morning), **figures)
        return report

    def _read_dividends(self) -> None:
        """The last fortnight's, and at first all from the oldest bar that the plan reaches back to."""
        with transaction(Role.IPO_MONITOR) as session:
            known = select(func.max(CorporateAction.ex_date)).where(CorporateAction.kind == "dividend")
            newest = session.scalar(known)
            oldest = session.scalar(select(func.min(Load.session)).where(Load.rows > 0)) or self.morning
        earliest = max(oldest, earliest_session(self.morning, self.settings.polygon_history_years))
        first = self.morning - DIVIDENDS_BACK if newest else earliest
        dividends = self.vendor.dividends(first, self.morning)
        with self._held() as session:
            refresh_dividends(session, dividends, first, self.morning)

    @contextmanager
    def _held(self) -> Iterator[ServiceSession]:
        with transaction(Role.IPO_MONITOR) as session:
            renew_run(session, RereadRun, self.morning, self.token, self.settings.lease_s)
            yield session

    def _days(self) -> list[date]:
        """The last sessions before the morning whose load is done, newest first."""
        if not self.settings.reread_sessions:
            return []
        with transaction(Role.IPO_MONITOR) as session:
            closed = select(SessionStatus.session).where(SessionStatus.closed)
            done = select(EodRun.session).where(
                EodRun.outcome == DONE, EodRun.session < self.morning, EodRun.session.not_in(closed)
            )
            return list(session.scalars(done.order_by(EodRun.session.desc()).limit(self.settings.reread_sessions)))

    def _read(self, day: date, report: RereadReport) -> None:
        with transaction(Role.IPO_MONITOR) as session:
            known = session.execute(
                select(Load.id, Load.inserted, Load.updated).where(Load.session == day, Load.job == self.job)
            ).first()
            wanted = market_day.tickers_on(session, day)
        if known is None:
            answer = self.vendor.grouped_bars(day)
            if not answer.rows:
                raise BadAnswer(f"the vendor has no bars of {day} any more: nothing was changed")
            with self._held() as session:
                stored = market_day.store_day(session, day, answer, wanted, job=self.job, reason=TASK)
                ask_again(session, day, market_day.lacking_on(session, day), self.settings)
                settle(session, [day])
                known = session.execute(
                    select(Load.id, Load.inserted, Load.updated).where(Load.id == stored.load_id)
                ).one()
        report.sessions += 1
        report.loads.append(known[0])
        report.loaded += known[1]
        report.updated += known[2]
