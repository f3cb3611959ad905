"""Tables of the bars."""

from __future__ import annotations

from datetime import date, datetime
from datetime import date as date_type  # `date` is a column's name below
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from tickstock_automation.db.base import Base, Id
from tickstock_automation.db.runs import RunMixin


class Bar(Base):
    """One daily bar as the vendor gave it, unadjusted. Partitioned by year.

    No foreign keys: they halve the speed of a load, whose rows are joined with `symbols` and its own `loads` row anyway.
    """

    __tablename__ = "historical_data"
    __table_args__ = ({"postgresql_partition_by": "RANGE (date)"},)

    symbol_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    date: Mapped[date_type] = mapped_column(primary_key=True)
    open: Mapped[float]
    high: Mapped[float]
    low: Mapped[float]
    close: Mapped[float]
    volume: Mapped[float] = mapped_column(doc="shares; the vendor gives fractions since 2025")
    vwap: Mapped[float | None]
    trade_count: Mapped[int | None]
    source: Mapped[str]
    load_id: Mapped[int]
    loaded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CorporateAction(Base):
    """A split or a dividend that the vendor lists. What it lists no more moves to `withdrawn_actions`."""

    __tablename__ = "corporate_actions"
    __table_args__ = (
        CheckConstraint("kind IN ('split', 'dividend')", name="kind"),
        Index(
            "uq_corporate_actions", "symbol_id", "kind", "ex_date", "split_from", "split_to", "cash_amount", unique=True
        ),
    )

    id: Mapped[Id]
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"))
    kind: Mapped[str]
    ex_date: Mapped[date] = mapped_column(doc="first session that trades after it")
    split_from: Mapped[float] = mapped_column(server_default="1", doc="this many old shares ...")
    split_to: Mapped[float] = mapped_column(server_default="1", doc="... became this many")
    cash_amount: Mapped[float] = mapped_column(server_default="0", doc="US dollars a share")
    absent_since: Mapped[date | None] = mapped_column(doc="session whose answer lacked it, and was not believed")
    loaded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WithdrawnAction(Base):
    """A split or a dividend that the vendor listed once, and then no more."""

    __tablename__ = "withdrawn_actions"
    __table_args__ = (Index("ix_withdrawn_actions_symbol_id", "symbol_id"),)

    id: Mapped[Id]
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"))
    kind: Mapped[str]
    ex_date: Mapped[date]
    split_from: Mapped[float]
    split_to: Mapped[float]
    cash_amount: Mapped[float]
    loaded_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BarRequest(Base):
    """One bar that is wanted, and why."""

    __tablename__ = "bar_requests"
    __table_args__ = (
        CheckConstraint("status IN ('waiting', 'running', 'done', 'empty', 'failed')", name="status"),
        Index(
            "uq_bar_requests_open",
            "symbol_id",
            "session",
            unique=True,
            postgresql_where=text("status IN ('waiting', 'running')"),
        ),
        Index("ix_bar_requests_open_session", "session", postgresql_where=text("status IN ('waiting', 'running')")),
        Index("ix_bar_requests_job_id", "job_id"),
    )

    id: Mapped[Id]
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"))
    session: Mapped[date]
    reason: Mapped[str] = mapped_column(doc="new_listing, missing, suspect, backfill_job, correction_window")
    job_id: Mapped[int | None] = mapped_column(ForeignKey("backfill_jobs.id"))
    status: Mapped[str] = mapped_column(server_default="waiting")
    claim_token: Mapped[int | None]
    lease_until: Mapped[datetime | None]
    error_message: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    completed_at: Mapped[datetime | None]


class BackfillJob(Base):
    """A backfill's plan, progress and outcome."""

    __tablename__ = "backfill_jobs"

    id: Mapped[Id]
    reason: Mapped[str]
    as_of: Mapped[date] = mapped_column(doc="session of the scan that asked for it")
    first_session: Mapped[date]
    last_session: Mapped[date]
    symbols: Mapped[int]
    pairs: Mapped[int] = mapped_column(doc="(symbol, session) pairs wanted")
    state: Mapped[str] = mapped_column(server_default="planned", doc="planned, running, done, failed or cancelled")
    percent: Mapped[int] = mapped_column(server_default="0")
    bars: Mapped[int] = mapped_column(server_default="0")
    empty: Mapped[int] = mapped_column(server_default="0")
    failed: Mapped[int] = mapped_column(server_default="0")
    vendor_calls: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Load(Base):
    """One vendor call that brought bars."""

    __tablename__ = "loads"

    id: Mapped[Id]
    endpoint: Mapped[str] = mapped_column(doc="grouped or range")
    arguments: Mapped[dict[str, Any]]
    answer_hash: Mapped[str] = mapped_column(doc="SHA-256 of the answer's body")
    rows: Mapped[int] = mapped_column(doc="rows in the answer")
    inserted: Mapped[int] = mapped_column(server_default="0")
    updated: Mapped[int] = mapped_column(server_default="0")
    unchanged: Mapped[int] = mapped_column(server_default="0")
    refused: Mapped[int] = mapped_column(server_default="0")
    not_asked: Mapped[int] = mapped_column(server_default="0", doc="rows cut away because nobody asked for them")
    job: Mapped[str] = mapped_column(doc="eod:DATE, backfill:ID or batch:TOKEN")
    loaded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class QuarantinedBar(Base):
    """A refused row with its raw values."""

    __tablename__ = "quarantined_bars"

    id: Mapped[Id]
    load_id: Mapped[int] = mapped_column(ForeignKey("loads.id"))
    ticker: Mapped[str | None]
    session: Mapped[date | None]
    reason: Mapped[str]
    raw: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class BarCorrection(Base):
    """A stored bar that the vendor changed: what it was, what it became."""

    __tablename__ = "bar_corrections"
    __table_args__ = (Index("ix_bar_corrections_symbol_id_session", "symbol_id", "session"),)

    id: Mapped[Id]
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"))
    session: Mapped[date]
    old: Mapped[dict[str, Any]]
    new: Mapped[dict[str, Any]]
    load_id: Mapped[int] = mapped_column(ForeignKey("loads.id"))
    corrected_at: Mapped[datetime] = mapped_column(server_default=func.now())


class KnownEmpty(Base):
    """A bar that was asked for and is known not to exist."""

    __tablename__ = "known_empty"

    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"), primary_key=True)
    session: Mapped[date] = mapped_column(primary_key=True)
    reason: Mapped[str]
    load_id: Mapped[int | None] = mapped_column(ForeignKey("loads.id"))
    found_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SessionStatus(Base):
    """May this session's data be used? expected = stored + known_empty + refused + failed."""

    __tablename__ = "session_status"
    __table_args__ = (CheckConstraint("state IN ('pending', 'ready', 'degraded', 'missing')", name="state"),)

    session: Mapped[date] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(server_default="pending")
    expected: Mapped[int] = mapped_column(server_default="0")
    stored: Mapped[int] = mapped_column(server_default="0")
    known_empty: Mapped[int] = mapped_column(server_default="0")
    refused: Mapped[int] = mapped_column(server_default="0")
    failed: Mapped[int] = mapped_column(server_default="0")
    reasons: Mapped[list[str]] = mapped_column(server_default="[]")
    ready_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class EodRun(RunMixin, Base):
    """The end-of-day load of one session."""

    __tablename__ = "eod_runs"


class RepairRequest(Base):
    """What quality wants put right; the bars service does it, and undoes it."""

    __tablename__ = "repair_requests"

    id: Mapped[Id]
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("quality_alerts.id"))
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"))
    session: Mapped[date]
    action: Mapped[str] = mapped_column(doc="refetch, replace, flag or undo")
    state: Mapped[str] = mapped_column(server_default="waiting")
    old: Mapped[dict[str, Any] | None]
    new: Mapped[dict[str, Any] | None]
    author: Mapped[str]
    error_message: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    completed_at: Mapped[datetime | None]
