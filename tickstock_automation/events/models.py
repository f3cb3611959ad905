"""Tables of the outbox."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Identity, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from tickstock_automation.db.base import Base


class OutboxRow(Base):
    """An event that waits, or was sent: no batch number, or one up to Redis's."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_waiting", "seq", postgresql_where=text("batch IS NULL")),
        Index("ix_outbox_batch", "batch", postgresql_where=text("batch IS NOT NULL")),
    )

    seq: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True)
    channel: Mapped[str]
    service: Mapped[str]
    event_type: Mapped[str]
    version: Mapped[int]
    symbol_id: Mapped[int | None] = mapped_column(
        doc="whose order is kept; no foreign key, since history outlives rows"
    )
    data: Mapped[str] = mapped_column(Text, doc="JSON, as it was validated")
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    batch: Mapped[int | None]


class RelayState(Base):
    """One row: who sends, in which epoch, when it last gave a sign, and the last batch number given."""

    __tablename__ = "relay_state"
    __table_args__ = (CheckConstraint("one_row = 1", name="one_row"),)

    outbox_id: Mapped[UUID] = mapped_column(
        server_default=text("gen_random_uuid()"),
        doc="names this outbox in Redis, so that no other's number is taken for its",
    )
    one_row: Mapped[int] = mapped_column(primary_key=True, server_default="1", autoincrement=False)
    holder: Mapped[str | None]
    epoch: Mapped[int] = mapped_column(server_default="0")
    heartbeat_at: Mapped[datetime | None]
    last_batch: Mapped[int] = mapped_column(server_default="0")
