"""Sweeps: all checks over a session's market once a day, and over what loads touched; in shards that workers share.

A sweep is rows (`shards`): made once, worked at by whoever comes, finished by one. All of it may be done twice without doing
anything twice. The daily summary is one transaction at the end of a session's whole sweep.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from tickstock_automation.bars.models import EodRun
from tickstock_automation.db import operational
from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.db.runs import DONE
from tickstock_automation.errors import LeaseLost, TryAgain
from tickstock_automation.events.catalogue import MaintenanceCompleted, MaintenanceStarted, Service
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.quality.alerts import SWEEP
from tickstock_automation.quality.ending import Ended, end_alerts
from tickstock_automation.quality.models import QualityMetric
from tickstock_automation.quality.operational_alerts import alert_operational
from tickstock_automation.quality.reading import last_sessions, open_sessions
from tickstock_automation.quality.refused_rows import alert_refused_rows
from tickstock_automation.quality.shard_work import fenced, market_size, shards_for, work_shard
from tickstock_automation.quality.shards import (
    Claimed,
    claim_shard,
    finish_shard,
    forget_old_sweeps,
    left_sessions,
    let_go,
    make_sweep,
    sweep_of,
    try_again,
)
from tickstock_automation.quality.summary import sum_up
from tickstock_automation.quality.touched import Touched, mark_swept, touched_by, unswept_loads
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings

TASK: Literal["quality_sweep"] = "quality_sweep"
SETTLED_BY = 2
"""Sessions before a touched one that are judged with it: what was undetermined for want of a next bar is settled by it."""
MAKE_LOCK, REPORTS_LOCK = 0x7154, 0x7156

log = structlog.get_logger("sweep")

# Of the alerts that this transaction opened otherwise than by `open_alerts`.
_FIRST_STEPS = text("""
INSERT INTO quality_alert_steps (alert_id, state, verdict, author, words)
SELECT id, state, verdict, :author, coalesce(evidence ->> 'words', '') FROM quality_alerts a
 WHERE opened_at = now() AND NOT EXISTS (SELECT 1 FROM quality_alert_steps s WHERE s.alert_id = a.id)""")


@dataclass(frozen=True)
class SweepReport:
    """What is new since the summary before."""

    checked: int
    findings: int
    by_check: dict[str, int]


def sessions_to_sweep(settings: Settings) -> list[date]:
    """Sessions whose end-of-day load is done and whose summary does not stand yet, oldest first, five at most.

    A sweep before the load would call the whole market missing, and its summary could not be taken back. One that failed too
    often is made again only where it is asked for by its session.
    """
    with transaction(Role.QUALITY_MONITOR) as session:
        summed_up = select(QualityMetric.session).where(QualityMetric.scope == "summary")
        loaded = select(EodRun.session).where(
            EodRun.outcome == DONE, EodRun.session.not_in(summed_up), EodRun.session.not_in(left_sessions(settings))
        )
        return list(session.scalars(loaded.order_by(EodRun.session).limit(5)))


def sweep(day: date, calendar: SessionCalendar, settings: Settings) -> SweepReport | None:
    """The daily sweep of session `day`, as far as no other worker is at it; None where its summary stands already, or another
    worker ends it."""
    sweep_id = begin_sweep(day, calendar, settings)
    return None if sweep_id is None else work(calendar, settings, sweep_id)


def begin_sweep(day: date, calendar: SessionCalendar, settings: Settings) -> int | None:
    """The whole sweep of a session, made where it is not there yet; None where its summary stands already."""
    with transaction(Role.QUALITY_MONITOR) as session:
        if session.scalar(
            select(QualityMetric.id).where(QualityMetric.session == day, QualityMetric.scope == "summary")
        ):
            return None
        days = last_sessions(open_sessions(session, calendar), day, settings.sweep_sessions)
        shards = shards_for(market_size(session, day), len(days), settings)
        made = make_sweep(session, "whole", days[0], day, shards)
        if made is None:
            standing = sweep_of(session, day)
            assert standing is not None
            try_again(session, standing, settings.max_attempts)
            return standing
        mark_swept(session, unswept_loads(session, days[0], day), made)
        add_events(session, Service.DATA_QUALITY_MONITOR, [Pending(MaintenanceStarted(task=TASK, session=day))])
        return made


def begin_touched(calendar: SessionCalendar, settings: Settings) -> int | None:
    """A sweep of the symbols that loads have touched since; None where there are none."""
    with transaction(Role.QUALITY_MONITOR) as session:
        session.execute(select(func.pg_advisory_xact_lock(MAKE_LOCK)))
        loads = unswept_loads(session)
        if not loads:
            return None
        touched = touched_by(session, loads)
        made = _make_touched(session, touched, calendar, settings) if touched else None
        mark_swept(session, loads, made)
        return made


def _make_touched(
    session: ServiceSession, touched: Touched, calendar: SessionCalendar, settings: Settings
) -> int | None:
    """Judged is from shortly before the first touched bar to the newest session that is loaded."""
    sessions = open_sessions(session, calendar)
    loaded = session.scalar(select(func.max(EodRun.session)).where(EodRun.outcome == DONE))
    last = max(touched.last, loaded or touched.last)
    first = last_sessions(sessions, touched.first, SETTLED_BY + 1)[0]
    count = len(sessions.between(first, last))
    if not count:
        return None
    return make_sweep(session, "touched", first, last, shards_for(touched.symbols, count, settings))


def work(calendar: SessionCalendar, settings: Settings, sweep_id: int | None = None) -> SweepReport | None:
    """Works at shards, of one sweep or of any, until none is left that nobody works at; the report of a whole sweep that ended."""
    report = None
    while True:
        with transaction(Role.QUALITY_MONITOR) as session:
            claimed = claim_shard(session, settings.lease_s, settings.max_attempts, sweep_id)
        if claimed is None:
            return report
        try:
            if claimed.finishes:
                report = _finish(claimed, calendar, settings) or report
            else:
                work_shard(claimed, calendar, settings)
        except LeaseLost as lost:
            log.warning("shard lost", reason=str(lost))
        except Exception as error:
            passing = isinstance(error, TryAgain)
            with transaction(Role.QUALITY_MONITOR) as session:
                let_go(session, claimed, passing=passing)
                if claimed.attempts >= settings.max_attempts and not passing:
                    _give_up(session, claimed, error)
            raise


def _give_up(session: ServiceSession, claimed: Claimed, error: Exception) -> None:
    operational.report_once(
        session, check="sweep_failed", severity="critical", day=claimed.session, reported_by=Service.DATA_QUALITY_MONITOR,
        message=f"a shard of the {claimed.kind} sweep of {claimed.session} failed {claimed.attempts} times and is left: {error!r}",
        evidence={"sweep": claimed.sweep_id, "shard": claimed.shard},
    )  # fmt: skip


def _finish(claimed: Claimed, calendar: SessionCalendar, settings: Settings) -> SweepReport | None:
    """The sweep's end; of a whole one with its summary, in the transaction that ends it."""
    ended = end_alerts(claimed, calendar, settings)
    day, report = claimed.session, None
    with fenced(claimed, settings) as session:
        if claimed.whole:
            report = _sum_up(session, day, calendar, ended)
        finish_shard(session, claimed, {}, settings.lease_s)
        forget_old_sweeps(session)
    if report is not None:
        log.info("sweep done", session=str(day), checked=report.checked, findings=report.findings, **report.by_check)
    return report


def alert_reports() -> None:
    """What was reported elsewhere, and rows that were refused, become alerts: at once, and with each daily sweep."""
    with transaction(Role.QUALITY_MONITOR) as session:
        _alert_reports(session, None)


def _alert_reports(session: ServiceSession, day: date | None) -> None:
    session.execute(select(func.pg_advisory_xact_lock(REPORTS_LOCK)))
    alert_operational(session, day)
    alert_refused_rows(session)
    session.execute(_FIRST_STEPS, {"author": SWEEP})


def _sum_up(session: ServiceSession, day: date, calendar: SessionCalendar, ended: Ended) -> SweepReport | None:
    """None where the summary stands already."""
    row = upsert(QualityMetric).values(session=day, scope="summary").on_conflict_do_nothing()
    if not session.execute(row).rowcount:  # type: ignore[attr-defined]
        return None
    _alert_reports(session, day)
    summary = sum_up(session, day, calendar, checked=ended.checked)
    figures = {"checked": ended.checked, "findings": summary.findings}
    completed = MaintenanceCompleted(task=TASK, session=day, outcome="done", figures=figures)
    add_events(session, Service.DATA_QUALITY_MONITOR, [Pending(summary), Pending(completed)])
    return SweepReport(ended.checked, summary.findings, summary.by_check)
