"""Tables of the outbox."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Identity, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from tickstock_automation.db.base import Base, Id


class OutboxRow(Base):
    """An event that waits, was sent, or cannot be: no batch number, one up to Redis's, or a reason it was set aside."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_waiting", "seq", postgresql_where=text("batch IS NULL AND set_aside IS NULL")),
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
    set_aside: Mapped[str | None] = mapped_column(doc="why it cannot be sent; the relay passes over it")


class OutboxReplay(Base):
    """An operator's wish to send sent events again; the relay does it between new ones, batch by batch."""

    __tablename__ = "outbox_replays"

    id: Mapped[Id]
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    channels: Mapped[list[str]] = mapped_column(ARRAY(Text))
    sent_through: Mapped[int] = mapped_column(doc="the seq up to which it is done; at first the one before the first")
    until_seq: Mapped[int]
    sent: Mapped[int] = mapped_column(server_default="0")
    done_at: Mapped[datetime | None]


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
