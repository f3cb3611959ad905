"""Tables of the sweeps: what is swept, in which shards, and which loads a sweep covered."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from tickstock_automation.db.base import Base, Id


class Sweep(Base):
    """One sweep: of the whole market for a session, or of what loads touched."""

    __tablename__ = "quality_sweeps"
    __table_args__ = (
        CheckConstraint("kind IN ('whole', 'touched')", name="kind"),
        Index("uq_quality_sweeps_whole", "session", unique=True, postgresql_where=text("kind = 'whole'")),
    )

    id: Mapped[Id]
    kind: Mapped[str]
    session: Mapped[date] = mapped_column(doc="the last session judged")
    first_session: Mapped[date] = mapped_column(doc="the first session judged")
    shards: Mapped[int] = mapped_column(doc="parts by symbol; one more row of quality_sweep_shards finishes it")
    figures: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]


class SweepShard(Base):
    """One part of a sweep, claimed by lease. The last, number `shards`, finishes the sweep once all others are done."""

    __tablename__ = "quality_sweep_shards"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'running', 'done')", name="state"),
        Index("ix_quality_sweep_shards_open", "sweep_id", postgresql_where=text("state <> 'done'")),
    )

    sweep_id: Mapped[int] = mapped_column(ForeignKey("quality_sweeps.id"), primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(server_default="waiting")
    claim_token: Mapped[int] = mapped_column(server_default="0", doc="grows with every claim; an old one is refused")
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default="0", doc="that failed, or whose worker died")
    figures: Mapped[dict[str, Any]] = mapped_column(server_default="{}", doc="counts, and what the end has to decide")
    finished_at: Mapped[datetime | None]


class SweptLoad(Base):
    """A load whose bars a sweep covers, from its creation on. A list and not a mark on the newest: loads commit out of order."""

    __tablename__ = "quality_sweep_loads"
    __table_args__ = (Index("ix_quality_sweep_loads_sweep_id", "sweep_id"),)

    load_id: Mapped[int] = mapped_column(ForeignKey("loads.id"), primary_key=True, autoincrement=False)
    sweep_id: Mapped[int | None] = mapped_column(ForeignKey("quality_sweeps.id"))
