"""What went wrong elsewhere (coverage, a refused key, a row that cannot be sent) becomes an alert on `data_gap`."""

from __future__ import annotations

from datetime import date

from sqlalchemy import insert, select

from tickstock_automation.db.engine import ServiceSession
from tickstock_automation.db.operational import OperationalFinding
from tickstock_automation.events.catalogue import Channel, DataGap, Service
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.quality.models import QualityAlert


def alert_operational(session: ServiceSession, day: date | None) -> list[str]:
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
