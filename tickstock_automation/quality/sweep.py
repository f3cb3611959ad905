"""The sweep of a session: all checks over the window, a plain alert and event for each new finding, the summary."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

import polars as pl
import structlog
from psycopg2 import sql
from sqlalchemy import Executable, func, insert, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from tickstock_automation.bars.models import CorporateAction, EodRun
from tickstock_automation.db.copy import read_frame
from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.operational import OperationalFinding
from tickstock_automation.db.roles import Role
from tickstock_automation.db.runs import DONE
from tickstock_automation.events.catalogue import (
    Channel,
    DataGap,
    MaintenanceCompleted,
    MaintenanceStarted,
    Service,
)
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.processing.models import EquityType
from tickstock_automation.quality.alerts import open_alerts
from tickstock_automation.quality.checks import run_checks
from tickstock_automation.quality.frame import BARS, MEDIAN_SESSIONS, SPLITS, SYMBOLS, Context, prepare
from tickstock_automation.quality.models import QualityAlert, QualityMetric
from tickstock_automation.quality.refused_rows import alert_refused_rows
from tickstock_automation.quality.summary import sum_up
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings
from tickstock_automation.symbols.models import Symbol

TASK: Literal["quality_sweep"] = "quality_sweep"
DEFAULT_MOVE_PERCENT = 20
SWEEP_LOCK = 0x7154
_BARS = sql.SQL("""
SELECT symbol_id, date, open, high, low, close, volume FROM historical_data
 WHERE date BETWEEN {} AND {} AND symbol_id IN (SELECT id FROM symbols WHERE active)""")

log = structlog.get_logger("sweep")


@dataclass(frozen=True)
class SweepReport:
    """What a sweep found that was not known before."""

    checked: int
    findings: int
    by_check: dict[str, int]


def sessions_to_sweep() -> list[date]:
    """Sessions whose end-of-day load is done and whose summary does not stand yet, oldest first, five at most.

    A sweep before the load would call the whole market missing, and its summary could not be taken back.
    """
    with transaction(Role.QUALITY_MONITOR) as session:
        summed_up = select(QualityMetric.session).where(QualityMetric.scope == "summary")
        loaded = select(EodRun.session).where(EodRun.outcome == DONE, EodRun.session.not_in(summed_up))
        return list(session.scalars(loaded.order_by(EodRun.session).limit(5)))


def sweep(day: date, calendar: SessionCalendar, settings: Settings) -> SweepReport | None:
    """The daily sweep of session `day`; None where its summary stands already.

    Alerts, summary and their events are one transaction: a sweep that dies leaves nothing, and runs again.
    """
    with transaction(Role.QUALITY_MONITOR) as session:
        if _claim(session, day, "sweep"):
            add_events(session, Service.DATA_QUALITY_MONITOR, [Pending(MaintenanceStarted(task=TASK, session=day))])
    with transaction(Role.QUALITY_MONITOR) as session:
        session.execute(select(func.pg_advisory_xact_lock(SWEEP_LOCK, day.toordinal())))
        if not _claim(session, day, "summary"):
            return None
        context = _context(session, day, calendar, settings)
        new = [finding for _, finding in open_alerts(session, run_checks(context))]
        operational = _alert_operational(session, day) + alert_refused_rows(session)
        report = SweepReport(
            checked=context.symbols.height,
            findings=len(new) + len(operational),
            by_check=dict(sorted(Counter([one.check for one in new] + operational).items())),
        )
        summary = sum_up(session, day, calendar, checked=context.symbols.height)
        figures = {"checked": report.checked, "findings": report.findings, "operational": len(operational)}
        completed = MaintenanceCompleted(task=TASK, session=day, outcome="done", figures=figures)
        add_events(session, Service.DATA_QUALITY_MONITOR, [Pending(summary), Pending(completed)])
    log.info("sweep done", session=str(day), checked=report.checked, findings=report.findings, **report.by_check)
    return report


def _claim(session: ServiceSession, day: date, scope: str) -> bool:
    """Whether the row of this scope is new: the first sweep of the day starts it, the first to finish sums it up."""
    row = upsert(QualityMetric).values(session=day, scope=scope).on_conflict_do_nothing()
    return bool(session.execute(row).rowcount)  # type: ignore[attr-defined]


def _context(session: ServiceSession, day: date, calendar: SessionCalendar, settings: Settings) -> Context:
    """Sessions to judge, and before them enough history for medians."""
    sessions = calendar.between(day - timedelta(days=2 * (settings.sweep_sessions + MEDIAN_SESSIONS) + 10), day)
    sessions = sessions[-(settings.sweep_sessions + MEDIAN_SESSIONS) :]
    percent = func.coalesce(EquityType.processing_rules["price_move_percent"].as_float(), DEFAULT_MOVE_PERCENT)
    symbols = _frame(
        session,
        # What the vendor no longer lists is the scan's business, not a gap.
        select(Symbol.id, Symbol.ticker, Symbol.equity_type, Symbol.list_date, percent / 100.0)
        .join(EquityType, EquityType.name == Symbol.equity_type)
        .where(Symbol.active, Symbol.absent_since.is_(None), or_(Symbol.bootstrap, Symbol.first_seen <= day)),
        SYMBOLS,
    )
    window = _BARS.format(sql.Literal(sessions[0]), sql.Literal(day))
    bars = read_frame(session.connection(), window, BARS)
    splits = _frame(
        session,
        select(
            CorporateAction.symbol_id, CorporateAction.ex_date, CorporateAction.split_to / CorporateAction.split_from
        ).where(
            CorporateAction.kind == "split", CorporateAction.ex_date >= sessions[0], CorporateAction.ex_date <= day
        ),
        SPLITS,
    )
    return Context(
        bars=prepare(bars, splits, symbols),
        symbols=symbols,
        judged=sessions[-settings.sweep_sessions :],
        sessions=sessions,
    )


def _frame(session: ServiceSession, query: Executable, schema: dict[str, Any]) -> pl.DataFrame:
    rows = [tuple(row) for row in session.execute(query)]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _alert_operational(session: ServiceSession, day: date) -> list[str]:
    """Each operational finding without an alert becomes one; gives back their checks."""
    open_findings = session.scalars(
        select(OperationalFinding)
        .where(
            ~select(QualityAlert.id).where(QualityAlert.operational_finding_id == OperationalFinding.id).exists(),
        )
        .order_by(OperationalFinding.id)
    ).all()
    events = []
    for one in open_findings:
        evidence = {**one.evidence, "words": one.message, "reported_by": one.reported_by}
        alert_id = session.execute(
            insert(QualityAlert)
            .values(
                finding_key=f"{one.check_name}:operational:{one.id}", operational_finding_id=one.id,
                session=one.session or day, check_name=one.check_name, channel=str(Channel.DATA_GAP),
                severity=one.severity, verdict="undetermined", remediation="review", evidence=evidence,
            )
            .returning(QualityAlert.id)
        ).scalar_one()  # fmt: skip
        events.append(
            Pending(
                DataGap(
                    alert_id=alert_id, state="open", symbol=None, session=one.session or day, check=one.check_name,
                    severity=one.severity, verdict="undetermined", observed=None, expected=None, threshold=None,
                    remediation="review", evidence=evidence,
                )
            )
        )  # fmt: skip
    add_events(session, Service.DATA_QUALITY_MONITOR, events)
    return [one.check_name for one in open_findings]
