"""Alerts and their lives: one for each finding, and an event on its channel for each step it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from tickstock_automation.db.engine import ServiceSession
from tickstock_automation.events.catalogue import (
    AlertState,
    Channel,
    DataGap,
    PriceAnomaly,
    QualityAlertData,
    Service,
    Verdict,
    VolumeAnomaly,
)
from tickstock_automation.events.outbox import MOST_SYMBOLS, Pending, add_events
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.models import AlertStep, QualityAlert
from tickstock_automation.symbols.models import Symbol

EVENTS: dict[Channel, type[QualityAlertData]] = {
    Channel.PRICE_ANOMALY: PriceAnomaly,
    Channel.VOLUME_ANOMALY: VolumeAnomaly,
    Channel.DATA_GAP: DataGap,
}
CLOSED: tuple[AlertState, ...] = ("resolved", "confirmed", "given_up")
SWEEP = "sweep"


@dataclass(frozen=True)
class Step:
    """What an alert becomes, by whom and why; `verdict` where that changes too."""

    alert_id: int
    state: AlertState
    author: str
    words: str
    verdict: Verdict | None = None


def first_state(finding: Finding) -> AlertState:
    """A move that the market made needs nobody: it is confirmed as it is found."""
    return "confirmed" if finding.verdict == "market_event" else "open"


def open_alerts(session: ServiceSession, findings: Sequence[Finding]) -> list[tuple[int, Finding]]:
    """Stores each finding that no alert stands for yet, with its first step and event; gives the new ones with their ids."""
    if not findings:
        return []
    rows = [
        {
            "finding_key": one.key, "symbol_id": one.symbol_id, "session": one.date, "check_name": one.check,
            "channel": str(one.channel), "severity": one.severity, "verdict": one.verdict, "state": first_state(one),
            "observed": one.observed, "expected": one.expected, "threshold": one.threshold,
            "remediation": one.remediation, "evidence": one.evidence,
        }
        for one in findings
    ]  # fmt: skip
    stored = session.execute(
        upsert(QualityAlert).on_conflict_do_nothing().returning(QualityAlert.finding_key, QualityAlert.id), rows
    )
    ids = dict(stored.all())
    new = [(ids[one.key], one) for one in findings if one.key in ids]
    steps = [
        {"alert_id": id_, "state": first_state(one), "verdict": one.verdict, "author": SWEEP, "words": one.evidence["words"]}
        for id_, one in new
    ]  # fmt: skip
    if steps:
        session.execute(insert(AlertStep), steps)
    _tell(session, [id_ for id_, _ in new])
    return new


def take_steps(session: ServiceSession, steps: Sequence[Step]) -> list[int]:
    """Takes each step that changes something, with its history and its event; gives the ids of the alerts that moved."""
    alerts = _locked(session, [step.alert_id for step in steps])
    moved = []
    for step in sorted(steps, key=lambda one: one.alert_id):
        alert = alerts.get(step.alert_id)
        if alert is None:
            continue
        verdict = step.verdict or alert.verdict
        if (alert.state, alert.verdict) == (step.state, verdict):
            continue
        alert.state, alert.verdict = step.state, verdict
        alert.updated_at = func.now()
        alert.closed_at = func.now() if step.state in CLOSED else None
        session.add(
            AlertStep(
                alert_id=alert.id, state=step.state, verdict=verdict, author=step.author, words=step.words,
            )
        )  # fmt: skip
        moved.append(alert.id)
    session.flush()
    _tell(session, moved)
    return moved


def _locked(session: ServiceSession, ids: Sequence[int]) -> dict[int, QualityAlert]:
    found = select(QualityAlert).where(QualityAlert.id.in_(list(ids))).order_by(QualityAlert.id).with_for_update()
    return {alert.id: alert for alert in session.scalars(found.execution_options(populate_existing=True))}


def _tell(session: ServiceSession, ids: Sequence[int]) -> None:
    """An event for each alert as it is now; their symbols' locks are taken in rising order."""
    rows = session.execute(
        select(QualityAlert, Symbol.ticker)
        .outerjoin(Symbol, Symbol.id == QualityAlert.symbol_id)
        .where(QualityAlert.id.in_(list(ids)))
        .order_by(QualityAlert.symbol_id.nulls_first(), QualityAlert.id)
        .execution_options(populate_existing=True)
    ).all()
    events = [
        Pending(
            EVENTS[Channel(alert.channel)](
                alert_id=alert.id, state=alert.state, symbol=ticker, session=alert.session, check=alert.check_name,
                severity=alert.severity, verdict=alert.verdict, observed=alert.observed, expected=alert.expected,
                threshold=alert.threshold, remediation=alert.remediation, evidence=alert.evidence,
            ),
            alert.symbol_id,
        )
        for alert, ticker in rows
    ]  # fmt: skip
    for start in range(0, len(events), MOST_SYMBOLS):
        add_events(session, Service.DATA_QUALITY_MONITOR, events[start : start + MOST_SYMBOLS])
