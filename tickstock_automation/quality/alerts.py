"""Alerts and their lives: one for each finding, and an event on its channel for each step it takes.

All of it happens in the caller's transaction, of at most 1,000 symbols (the outbox's bound), and first takes the symbols'
locks of the outbox: two that step the same symbol's alerts follow one another.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text

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
from tickstock_automation.events.outbox import SYMBOL_LOCKS, Pending, add_events
from tickstock_automation.quality.lives import CLOSED, Change, Found, Known, decide, first_state, seen_as
from tickstock_automation.quality.models import AlertStep, QualityAlert
from tickstock_automation.symbols.models import Symbol

EVENTS: dict[Channel, type[QualityAlertData]] = {
    Channel.PRICE_ANOMALY: PriceAnomaly,
    Channel.VOLUME_ANOMALY: VolumeAnomaly,
    Channel.DATA_GAP: DataGap,
}
SWEEP = "sweep"

_HOLD = text("""
SELECT count(pg_advisory_xact_lock(:class, symbol)) FROM (SELECT unnest(CAST(:symbols AS int[])) AS symbol ORDER BY 1) ordered""")

# One round trip for many: the alert where none has its key, its first step, and the ids.
_OPEN = text("""
WITH given AS (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
        finding_key text, symbol_id bigint, session date, check_name text, channel text, severity text, verdict text, state text,
        observed float8, expected float8, threshold float8, remediation text, evidence jsonb, seen_as text, place bigint)),
 opened AS (
    INSERT INTO quality_alerts (finding_key, symbol_id, session, check_name, channel, severity, verdict, state, observed,
                                expected, threshold, remediation, evidence, seen_as, closed_at)
    SELECT finding_key, symbol_id, session, check_name, channel, severity, verdict, state, observed, expected, threshold,
           remediation, evidence, seen_as, CASE WHEN state = 'open' THEN NULL ELSE now() END
      FROM given ORDER BY place
        ON CONFLICT (finding_key) DO NOTHING
    RETURNING id, finding_key, state, verdict, evidence ->> 'words' AS words),
 stepped AS (
    INSERT INTO quality_alert_steps (alert_id, state, verdict, author, words)
    SELECT id, state, verdict, :author, words FROM opened)
SELECT finding_key, id FROM opened""")

_CHANGE = text("""
UPDATE quality_alerts a
   SET state = r.state, verdict = coalesce(r.verdict, a.verdict), severity = coalesce(r.severity, a.severity),
       observed = CASE WHEN r.found THEN r.observed ELSE a.observed END, expected = CASE WHEN r.found THEN r.expected ELSE a.expected END,
       threshold = CASE WHEN r.found THEN r.threshold ELSE a.threshold END, remediation = coalesce(r.remediation, a.remediation),
       evidence = CASE WHEN r.found THEN r.evidence || coalesce(jsonb_build_object('repair', a.evidence -> 'repair'), '{}')
                       ELSE a.evidence END,
       seen_as = coalesce(r.seen_as, a.seen_as), updated_at = now(),
       closed_at = CASE WHEN r.state IN ('open', 'remediating') THEN NULL WHEN r.told THEN now() ELSE a.closed_at END,
       closed_by_person = CASE WHEN r.told THEN false ELSE a.closed_by_person END
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
       alert_id bigint, state text, verdict text, severity text, observed float8, expected float8, threshold float8,
       remediation text, evidence jsonb, seen_as text, found boolean, told boolean)
 WHERE a.id = r.alert_id""")

_STEP = text("""
INSERT INTO quality_alert_steps (alert_id, state, verdict, author, words)
SELECT a.id, a.state, a.verdict, :author, r.words
  FROM unnest(CAST(:ids AS bigint[]), CAST(:words AS text[])) AS r (id, words) JOIN quality_alerts a ON a.id = r.id ORDER BY a.id""")

KNOWN = (
    QualityAlert.id, QualityAlert.finding_key, QualityAlert.symbol_id, QualityAlert.session, QualityAlert.check_name,
    QualityAlert.state, QualityAlert.verdict, QualityAlert.severity, QualityAlert.observed,
    func.coalesce(QualityAlert.evidence["words"].astext, ""), QualityAlert.closed_by_person, QualityAlert.seen_as,
)  # fmt: skip
"""The columns of a Known, in its order."""


@dataclass(frozen=True)
class Step:
    """What an alert becomes, by whom and why; `verdict` where that changes too. A `person`'s word outlives the sweeps."""

    alert_id: int
    state: AlertState
    author: str
    words: str
    verdict: Verdict | None = None
    person: bool = False


def open_alerts(session: ServiceSession, findings: Sequence[Found], author: str = SWEEP) -> list[tuple[int, Found]]:
    """Stores each finding that no alert stands for yet, with its first step and event; gives the new ones with their ids."""
    if not findings:
        return []
    ordered = sorted(findings, key=_by_symbol)
    hold_symbols(session, (one.symbol_id for one in ordered))
    rows = [_row(one) | {"place": place} for place, one in enumerate(ordered)]
    stored = session.execute(_OPEN, {"rows": json.dumps(rows), "author": author})
    ids = {str(row[0]): int(row[1]) for row in stored}
    new = [(ids[one.key], one) for one in ordered if one.key in ids]
    events = [Pending(_event(id_, first_state(one), one), one.symbol_id) for id_, one in new]
    add_events(session, Service.DATA_QUALITY_MONITOR, events)
    return new


def see_again(session: ServiceSession, seen: Sequence[tuple[int, Found | None]]) -> list[Change]:
    """What a sweep found of alerts that stand already (None: nothing any more), each by its alert's id.

    Decided on the alerts as they are once they are locked: a person or a repair may have been quicker.
    """
    findings = dict(seen)
    alerts = _locked(session, list(findings))
    changes = [change for one in alerts.values() if (change := decide(one, findings[one.id])) is not None]
    if not changes:
        return []
    session.execute(_CHANGE, {"rows": json.dumps([_changed(one) for one in changes])})
    told = [one for one in changes if one.told]
    _write_steps(session, SWEEP, [(one.alert_id, one.words) for one in told])
    _tell(session, [one.alert_id for one in told])
    return changes


def take_steps(session: ServiceSession, steps: Sequence[Step]) -> list[int]:
    """Takes each step that changes something, with its history and its event; gives the ids of the alerts that moved."""
    alerts = _locked(session, [step.alert_id for step in steps])
    moved = []
    for step in sorted(steps, key=lambda one: one.alert_id):
        alert = alerts.get(step.alert_id)
        if alert is None:
            continue
        verdict = step.verdict or alert.verdict
        said_already = alert.closed_by_person or not step.person
        if (alert.state, alert.verdict) == (step.state, verdict) and said_already:
            continue
        closed = step.state in CLOSED
        row = session.get_one(QualityAlert, step.alert_id, populate_existing=True)
        row.state, row.verdict, row.updated_at = step.state, verdict, func.now()
        row.closed_at = func.now() if closed else None
        row.closed_by_person = closed and step.person
        session.add(AlertStep(alert_id=row.id, state=step.state, verdict=verdict, author=step.author, words=step.words))
        moved.append(row.id)
    session.flush()
    _tell(session, moved)
    return moved


def hold_symbols(session: ServiceSession, symbol_ids: Iterable[int | None]) -> None:
    """The symbols' locks, as the outbox takes them, before any alert of theirs is looked at."""
    ids = sorted({id_ for id_ in symbol_ids if id_ is not None})
    if ids:
        session.execute(_HOLD, {"class": SYMBOL_LOCKS, "symbols": ids})


def _locked(session: ServiceSession, ids: Sequence[int]) -> dict[int, Known]:
    about = select(QualityAlert.symbol_id).where(QualityAlert.id.in_(list(ids)), QualityAlert.symbol_id.is_not(None))
    hold_symbols(session, session.scalars(about.distinct()))
    found = select(*KNOWN).where(QualityAlert.id.in_(list(ids))).order_by(QualityAlert.id).with_for_update()
    return {row[0]: Known(*row) for row in session.execute(found)}


def _by_symbol(finding: Found) -> tuple[int, str]:
    return finding.symbol_id or 0, finding.key


def _row(finding: Found) -> dict[str, Any]:
    return {
        "finding_key": finding.key, "symbol_id": finding.symbol_id, "session": str(finding.date), "check_name": finding.check,
        "channel": finding.channel.value, "severity": finding.severity, "verdict": finding.verdict,
        "state": first_state(finding), "observed": finding.observed, "expected": finding.expected,
        "threshold": finding.threshold, "remediation": finding.remediation, "evidence": finding.evidence,
        "seen_as": seen_as(finding),
    }  # fmt: skip


def _changed(change: Change) -> dict[str, Any]:
    row = {"alert_id": change.alert_id, "told": change.told, "found": change.finding is not None}
    if change.finding is not None:
        row |= _row(change.finding)
    return row | {"state": change.state}


def _event(alert_id: int, state: AlertState, finding: Found) -> QualityAlertData:
    return EVENTS[finding.channel](
        alert_id=alert_id, state=state, symbol=getattr(finding, "symbol", None), session=finding.date, check=finding.check,
        severity=finding.severity, verdict=finding.verdict, observed=finding.observed, expected=finding.expected,
        threshold=finding.threshold, remediation=finding.remediation, evidence=finding.evidence,
    )  # fmt: skip


def _write_steps(session: ServiceSession, author: str, steps: Sequence[tuple[int, str]]) -> None:
    if steps:
        ids, words = zip(*steps, strict=True)
        session.execute(_STEP, {"author": author, "ids": list(ids), "words": list(words)})


def _tell(session: ServiceSession, ids: Sequence[int]) -> None:
    """An event for each alert as it is now."""
    if not ids:
        return
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
    add_events(session, Service.DATA_QUALITY_MONITOR, events)
