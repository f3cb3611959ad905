"""What went wrong outside the bars (coverage, refused key, a row that cannot be sent), for the quality service to alert."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from tickstock_automation.db.base import Base, Id

LATELY = timedelta(days=30)


class OperationalFinding(Base):
    """One thing that went wrong; the quality service makes it an alert on `data_gap`."""

    __tablename__ = "operational_findings"

    id: Mapped[Id]
    check_name: Mapped[str] = mapped_column(doc="vendor_coverage, vendor_refused, outbox_poison, ...")
    severity: Mapped[str]
    session: Mapped[date | None]
    reported_by: Mapped[str]
    message: Mapped[str]
    evidence: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


def report(
    session: Session,
    *,
    check: str,
    severity: str,
    day: date | None,
    reported_by: str,
    message: str,
    evidence: dict[str, Any] | None = None,
) -> None:
    """Adds a finding in the caller's transaction."""
    session.add(
        OperationalFinding(
            check_name=check,
            severity=severity,
            session=day,
            reported_by=reported_by,
            message=message,
            evidence=evidence or {},
        )
    )
    session.flush()


def report_once(
    session: Session,
    *,
    check: str,
    severity: str,
    day: date | None,
    reported_by: str,
    message: str,
    evidence: dict[str, Any],
) -> None:
    """Adds a finding in the caller's transaction, unless one of the same check and evidence is less than a month old."""
    if not reported_lately(session, check, evidence):
        report(
            session,
            check=check,
            severity=severity,
            day=day,
            reported_by=reported_by,
            message=message,
            evidence=evidence,
        )


def reported_lately(session: Session, check: str, evidence: dict[str, Any]) -> bool:
    """Whether a finding of this check and evidence is less than a month old."""
    found = select(OperationalFinding.id).where(
        OperationalFinding.check_name == check,
        OperationalFinding.evidence.contains(evidence),
        OperationalFinding.created_at > func.now() - LATELY,
    )
    return session.scalar(found.limit(1)) is not None
