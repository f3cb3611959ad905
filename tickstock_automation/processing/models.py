"""Tables of the work list."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from tickstock_automation.db.base import Base, Id


class EquityType(Base):
    """How one type of symbol is processed. Changing a row changes behaviour without a restart."""

    __tablename__ = "equity_types"
    __table_args__ = (
        CheckConstraint("batch_size > 0", name="batch_size"),
        CheckConstraint("rate_limit_ms >= 0", name="rate_limit_ms"),
        CheckConstraint("priority_level >= 0", name="priority_level"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    update_frequency: Mapped[str]
    processing_rules: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    requires_eod_validation: Mapped[bool] = mapped_column(server_default=text("true"))
    additional_data_fields: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    priority_level: Mapped[int]
    batch_size: Mapped[int] = mapped_column(doc="symbols in a batch")
    rate_limit_ms: Mapped[int] = mapped_column(doc="milliseconds between two batches of this type")
    paused_at: Mapped[datetime | None] = mapped_column(doc="since when nothing of it is dispatched")
    paused_by: Mapped[str | None]
    paused_reason: Mapped[str | None]


_PENDING = text("status = 'pending'")
_WAITING = text("status IN ('pending', 'running')")


class QueueEntry(Base):
    """«Bring this symbol up to date.» A symbol that waits or is being worked on stands here once.

    The indexes are partial, so that what is done costs a claim nothing, and none holds what a sign of life writes
    (`lease_until`, `begun_at`), so that it stays a HOT update. Fill factor and autovacuum are set by migration 0005.
    """

    __tablename__ = "equity_processing_queue"
    __table_args__ = (
        CheckConstraint("status IN ('pending', 'running', 'done', 'failed', 'cancelled')", name="status"),
        Index("uq_equity_processing_queue_waiting", "symbol_id", unique=True, postgresql_where=_WAITING),
        Index(
            "ix_equity_processing_queue_next",
            "equity_type",
            text("processing_priority DESC"),
            "scheduled_time",
            "id",
            postgresql_where=_PENDING,
        ),
        Index("ix_equity_processing_queue_due", "equity_type", "scheduled_time", "id", postgresql_where=_PENDING),
        Index("ix_equity_processing_queue_token", "claim_token", postgresql_where=text("status = 'running'")),
        Index("ix_equity_processing_queue_failed", "symbol_id", postgresql_where=text("status = 'failed'")),
        Index("ix_equity_processing_queue_symbol_id", "symbol_id"),
        Index("ix_equity_processing_queue_last_attempt", "equity_type", "last_attempt"),
    )

    id: Mapped[Id]
    equity_type: Mapped[str] = mapped_column(ForeignKey("equity_types.name"))
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"))
    reason: Mapped[str] = mapped_column(server_default="asked", doc="new_listing, missing, asked, ...")
    processing_priority: Mapped[int]
    scheduled_time: Mapped[datetime] = mapped_column(server_default=func.now(), doc="due, and so waiting, since")
    status: Mapped[str] = mapped_column(server_default="pending")
    attempts: Mapped[int] = mapped_column(server_default="0")
    last_attempt: Mapped[datetime | None] = mapped_column(doc="when it was last claimed and sent to the workers")
    begun_at: Mapped[datetime | None] = mapped_column(doc="the first sign of life of the worker that has it")
    error_message: Mapped[str | None]
    completed_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    claim_token: Mapped[int] = mapped_column(server_default="0", doc="grows with every claim; an old one is refused")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ProcessingStats(Base):
    """One finished batch."""

    __tablename__ = "processing_stats"
    __table_args__ = (Index("ix_processing_stats_type_time", "equity_type", "finished_at"),)

    id: Mapped[Id]
    equity_type: Mapped[str] = mapped_column(ForeignKey("equity_types.name"))
    processed: Mapped[int] = mapped_column(doc="does not include the failed ones")
    failed: Mapped[int]
    seconds: Mapped[float]
    finished_at: Mapped[datetime] = mapped_column(server_default=func.now())
