"""Tables of the findings."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from tickstock_automation.db.base import Base, Id


class QualityAlert(Base):
    """One finding and its life. `finding_key` makes the same finding one alert, however often a sweep sees it."""

    __tablename__ = "quality_alerts"
    __table_args__ = (
        Index("ix_quality_alerts_symbol_id_session", "symbol_id", "session"),
        Index("ix_quality_alerts_session", "session"),
        Index("ix_quality_alerts_open", "opened_at", postgresql_where=text("state IN ('open', 'remediating')")),
    )

    id: Mapped[Id]
    finding_key: Mapped[str] = mapped_column(
        unique=True, doc="check:symbol:session, check:market:session, or check:operational:id"
    )
    symbol_id: Mapped[int | None] = mapped_column(ForeignKey("symbols.id"), doc="null: the market, or the system")
    operational_finding_id: Mapped[int | None] = mapped_column(ForeignKey("operational_findings.id"))
    session: Mapped[date | None]
    check_name: Mapped[str]
    channel: Mapped[str]
    severity: Mapped[str]
    verdict: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="open", doc="open, remediating, resolved, confirmed or given_up")
    observed: Mapped[float | None]
    expected: Mapped[float | None]
    threshold: Mapped[float | None]
    remediation: Mapped[str]
    evidence: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    acknowledged_by: Mapped[str | None] = mapped_column(doc="a person who has seen it; its state stays")
    acknowledged_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None] = mapped_column(doc="resolved, confirmed or given up since")
    closed_by_person: Mapped[bool] = mapped_column(
        server_default=text("false"), doc="no sweep reopens it while the bar stays as it was"
    )
    seen_as: Mapped[str | None] = mapped_column(
        doc="verdict and severity that the checks gave last; what others made of it since holds until these change"
    )


class AlertStep(Base):
    """One step of an alert's life: what it became, by whom, and why. Only ever added to."""

    __tablename__ = "quality_alert_steps"
    __table_args__ = (Index("ix_quality_alert_steps_alert_id", "alert_id"),)

    id: Mapped[Id]
    alert_id: Mapped[int] = mapped_column(ForeignKey("quality_alerts.id"))
    state: Mapped[str]
    verdict: Mapped[str]
    author: Mapped[str] = mapped_column(doc="the part of the service that took it, or a person")
    words: Mapped[str]
    taken_at: Mapped[datetime] = mapped_column(server_default=func.now())


class QualityMetric(Base):
    """Daily figures: of the whole session (its summary), of one check, or of one symbol."""

    __tablename__ = "quality_metrics"
    __table_args__ = (
        Index(
            "uq_quality_metrics",
            "session",
            "scope",
            text("coalesce(check_name, '')"),
            text("coalesce(symbol_id, 0)"),
            unique=True,
        ),
        # One row of a session's thousands.
        Index("ix_quality_metrics_summaries", "session", postgresql_where=text("scope = 'summary'")),
    )

    id: Mapped[Id]
    session: Mapped[date]
    scope: Mapped[str] = mapped_column(doc="summary, check, symbol, or market (what the whole of it did)")
    check_name: Mapped[str | None]
    symbol_id: Mapped[int | None] = mapped_column(ForeignKey("symbols.id"))
    figures: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class UserPreference(Base):
    """TickStockApp's own: what each user acknowledged, muted and watches."""

    __tablename__ = "user_preferences"

    user_name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
