"""Tables of the securities."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

import tickstock_automation.processing.models  # noqa: F401 -- whose table a foreign key names
from tickstock_automation.db.base import Base, Id
from tickstock_automation.db.runs import RunMixin


class Symbol(Base):
    """One listed security; the id stays the same when the ticker changes."""

    __tablename__ = "symbols"
    __table_args__ = (
        Index("uq_symbols_active_ticker", "ticker", unique=True, postgresql_where=text("active")),
        Index("ix_symbols_composite_figi", "composite_figi"),
        Index("ix_symbols_equity_type", "equity_type", postgresql_where=text("active")),
        Index("ix_symbols_details_on", "details_on", postgresql_where=text("active")),
    )

    id: Mapped[Id]
    ticker: Mapped[str]
    name: Mapped[str | None]
    type: Mapped[str | None] = mapped_column(doc="the vendor's: CS, ETF, ETN, ADRC, PFD, WARRANT, ...")
    exchange: Mapped[str | None] = mapped_column(doc="MIC of the primary exchange")
    market_cap: Mapped[float | None] = mapped_column(doc="US dollars")
    sic_code: Mapped[str | None]
    list_date: Mapped[date | None]
    delist_date: Mapped[date | None] = mapped_column(doc="first session on which it was no longer listed")
    composite_figi: Mapped[str | None]
    share_class_figi: Mapped[str | None]
    cik: Mapped[str | None]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    equity_type: Mapped[str] = mapped_column(ForeignKey("equity_types.name"))
    first_seen: Mapped[date] = mapped_column(doc="session of the scan that found it")
    bootstrap: Mapped[bool] = mapped_column(
        server_default=text("false"), doc="found by the first scan of an empty database"
    )
    absent_since: Mapped[date | None] = mapped_column(doc="session of the first scan that did not list it")
    ipo_price: Mapped[float | None] = mapped_column(doc="issue price, of an IPO that the calendar knew")
    details_on: Mapped[date | None] = mapped_column(doc="session before which the ticker's details were last read")
    kept_by: Mapped[str | None] = mapped_column(doc="the person who pinned it: no scan archives it")
    archived_by: Mapped[str | None] = mapped_column(doc="the person who archived it: no scan lists it again")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SymbolAlias(Base):
    """Which ticker meant which security, from `valid_from` to before `valid_to`."""

    __tablename__ = "symbol_aliases"
    __table_args__ = (
        Index("uq_symbol_aliases_open", "ticker", unique=True, postgresql_where=text("valid_to IS NULL")),
        Index("ix_symbol_aliases_symbol_id", "symbol_id"),
        Index("ix_symbol_aliases_ticker", "ticker"),
    )

    id: Mapped[Id]
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"))
    ticker: Mapped[str]
    valid_from: Mapped[date | None] = mapped_column(doc="None: since before the first scan")
    valid_to: Mapped[date | None]


class Universe(Base):
    """A named set of symbols and the rule that fills it."""

    __tablename__ = "universes"

    name: Mapped[str] = mapped_column(primary_key=True)
    description: Mapped[str]
    rule: Mapped[dict[str, Any]] = mapped_column(server_default="{}", doc="see symbols/universes.py")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class UniverseMember(Base):
    """A symbol in a universe, and why."""

    __tablename__ = "universe_members"
    __table_args__ = (Index("ix_universe_members_symbol_id", "symbol_id"),)

    universe: Mapped[str] = mapped_column(ForeignKey("universes.name"), primary_key=True)
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"), primary_key=True)
    reason: Mapped[str]
    added_at: Mapped[datetime] = mapped_column(server_default=func.now())


class UniverseChoice(Base):
    """A person's word on a membership: in or out, whatever the rules say."""

    __tablename__ = "universe_choices"

    universe: Mapped[str] = mapped_column(ForeignKey("universes.name"), primary_key=True)
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"), primary_key=True)
    included: Mapped[bool]
    author: Mapped[str]
    reason: Mapped[str]
    chosen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class EquityTypeRule(Base):
    """Which securities are processed as which equity type: the first rule that takes one, by position."""

    __tablename__ = "equity_type_rules"

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    equity_type: Mapped[str] = mapped_column(ForeignKey("equity_types.name"))
    rule: Mapped[dict[str, Any]] = mapped_column(doc="see symbols/universes.py")


class SymbolDecision(Base):
    """What a person decided about a symbol: pin, unpin, archive, restore."""

    __tablename__ = "symbol_decisions"
    __table_args__ = (Index("ix_symbol_decisions_symbol_id", "symbol_id"),)

    id: Mapped[Id]
    symbol_id: Mapped[int] = mapped_column(ForeignKey("symbols.id"))
    action: Mapped[str]
    author: Mapped[str]
    reason: Mapped[str]
    decided_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ScanRun(RunMixin, Base):
    """The scan before one session."""

    __tablename__ = "scan_runs"


class HeldListing(Base):
    """A listing out of a flood: kept here, and no symbol yet, until a scan of a later session agrees."""

    __tablename__ = "held_listings"

    ticker: Mapped[str] = mapped_column(primary_key=True)
    session: Mapped[date] = mapped_column(doc="of the first scan that listed it")
    listing: Mapped[dict[str, Any]]


class IpoCalendarEntry(Base):
    """A coming or recent IPO as the vendor tells it. Ticker and issuer name it: its date may change."""

    __tablename__ = "ipo_calendar"
    __table_args__ = (UniqueConstraint("ticker", "issuer"),)

    id: Mapped[Id]
    ticker: Mapped[str]
    issuer: Mapped[str] = mapped_column(server_default="")
    status: Mapped[str] = mapped_column(doc="rumored, pending, postponed, priced, listed or withdrawn")
    announced: Mapped[date | None]
    listing_date: Mapped[date | None]
    issue_price: Mapped[float | None] = mapped_column(doc="final price of one share")
    low_price: Mapped[float | None]
    high_price: Mapped[float | None]
    currency: Mapped[str | None]
    exchange: Mapped[str | None] = mapped_column(doc="MIC")
    symbol_id: Mapped[int | None] = mapped_column(ForeignKey("symbols.id"), doc="the listing that it became")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
