"""Tables: what the calls cost, and whether the vendor may be called at all. Written by `vendor_before_call` and
`vendor_after_call` alone."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Mapped, mapped_column

from tickstock_automation.db.base import Base


class VendorUsage(Base):
    """The calls of one New York day to one endpoint, over all workers.

    `calls` counts them before they are made; what is left after the outcomes is on its way, or its worker was killed.
    """

    __tablename__ = "vendor_usage"

    day: Mapped[date] = mapped_column(primary_key=True)
    endpoint: Mapped[str] = mapped_column(primary_key=True, doc="vendor.meter.Endpoint")
    calls: Mapped[int] = mapped_column(server_default="0")
    answered: Mapped[int] = mapped_column(server_default="0")
    failed: Mapped[int] = mapped_column(server_default="0", doc="5xx, no answer, or not in time")
    limited: Mapped[int] = mapped_column(server_default="0", doc="429")
    refused: Mapped[int] = mapped_column(server_default="0", doc="401, and 403 where the plan lacks it")
    unusable: Mapped[int] = mapped_column(server_default="0", doc="no JSON, another status, cannot be understood")
    bytes: Mapped[int] = mapped_column(server_default="0", doc="as they came, compressed")
    seconds: Mapped[float] = mapped_column(server_default="0", doc="from the request to the end of the answer")


class VendorBreaker(Base):
    """What all workers know of one vendor under one key. A new key begins clean."""

    __tablename__ = "vendor_breaker"

    vendor: Mapped[str] = mapped_column(primary_key=True, doc="POLYGON_BASE_URL")
    key: Mapped[str] = mapped_column(primary_key=True, doc="its fingerprint, never the key")
    failures: Mapped[int] = mapped_column(server_default="0", doc="in a row")
    openings: Mapped[int] = mapped_column(server_default="0", doc="pauses of this outage: each is longer")
    reason: Mapped[str | None] = mapped_column(doc="down or refused while open, else null")
    opened_at: Mapped[datetime | None] = mapped_column(doc="when the outage began")
    open_until: Mapped[datetime | None] = mapped_column(doc="null: closed; past: one caller may try")
    probe: Mapped[int] = mapped_column(server_default="0", doc="grows with each try; what an older one says is ignored")
    probe_until: Mapped[datetime | None] = mapped_column(doc="the try's lease, should its worker die")
    hold_until: Mapped[datetime | None] = mapped_column(doc="what a 429 asked for")
    last_error: Mapped[str | None]
    last_error_at: Mapped[datetime | None]
