"""Listings that come, change and go."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tickstock_automation.events.channels import Channel, Service
from tickstock_automation.events.data.base import EventData, Example


class NewSymbol(EventData):
    """A listing was discovered and stored."""

    channel = Channel.SYMBOLS_NEW
    event_type = "new_symbol"
    services = (Service.IPO_MONITOR,)
    examples = (
        Example(
            "2024-03-21T11:00:41.204518Z",
            {
                "symbol": "RDDT",
                "name": "Reddit, Inc.",
                "type": "CS",
                "exchange": "XNYS",
                "equity_type": "STOCK_EOD",
                "reason": "ipo",
                "session": "2024-03-21",
                "universes": ["nyse", "stocks"],
                "ipo_date": "2024-03-21",
                "ipo_price": 34.0,
            },
        ),
    )

    symbol: str = Field(description="Ticker", min_length=1)
    name: str | None = Field(description="Company or fund; null where the vendor has none")
    type: str | None = Field(description="The vendor's code of its type: CS (common stock), ADRC, ETF, ETN, ...")
    exchange: str | None = Field(description="MIC of the primary exchange: XNYS, XNAS, ...")
    equity_type: str = Field(description="How it is processed: the name of a row of equity_types")
    reason: Literal["bootstrap", "ipo", "listed", "relisted"] = Field(
        description="bootstrap: first scan of an empty database; ipo: its IPO is known; listed: no IPO is known; "
        "relisted: it was archived and is back"
    )
    session: date = Field(description="Session (New York) before which the scan ran")
    universes: list[str] = Field(description="Names of the universes it was put into with this, in order")
    ipo_date: date | None = Field(
        None, description="Day (New York) on which its IPO was to list; null where none is known"
    )
    ipo_price: float | None = Field(
        None, gt=0, description="Issue price of one share, US dollars; null where none is known"
    )


class FieldChange(BaseModel):
    """One field's change."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    old: str | float | bool | list[str] | None = Field(description="What it was; null where it was not known")
    new: str | float | bool | list[str] | None = Field(description="What it is now")


class SymbolChanged(EventData):
    """Renamed, re-typed, details changed, or put into or out of universes."""

    channel = Channel.SYMBOLS_CHANGED
    event_type = "symbol_changed"
    services = (Service.IPO_MONITOR,)
    examples = (
        Example(
            "2022-06-09T11:00:38.770113Z",
            {
                "symbol": "META",
                "session": "2022-06-09",
                "changes": {"ticker": {"old": "FB", "new": "META"}},
                "author": None,
                "words": None,
            },
        ),
        Example(
            "2025-09-03T11:00:40.036201Z",
            {
                "symbol": "ACMF",
                "session": "2025-09-03",
                "changes": {
                    "name": {"old": None, "new": "Acme Growth ETF"},
                    "exchange": {"old": "ARCX", "new": "XNAS"},
                },
                "author": None,
                "words": None,
            },
        ),
    )

    symbol: str = Field(description="Ticker after the change", min_length=1)
    session: date = Field(description="Session (New York) before which the scan ran; a rename holds from it on")
    changes: dict[str, FieldChange] = Field(
        description="What changed, by name: ticker (a rename), name, type, exchange, composite_figi, share_class_figi, "
        "cik, universes, equity_type, market_cap (US dollars), sic_code, list_date, pinned (true: no scan archives it); more may come",
        min_length=1,
    )
    author: str | None = Field(None, description="The person who changed it; null where a scan or a rule did")
    words: str | None = Field(None, description="That person's reason; null otherwise")


class SymbolArchived(EventData):
    """Delisted: kept with its history, no longer processed."""

    channel = Channel.SYMBOLS_ARCHIVED
    event_type = "symbol_archived"
    services = (Service.IPO_MONITOR,)
    examples = (
        Example(
            "2025-09-03T11:00:39.515930Z",
            {
                "symbol": "ACMZ",
                "session": "2025-09-03",
                "delist_date": "2025-09-02",
                "reason": "absent_twice",
                "author": None,
                "words": None,
            },
        ),
    )

    symbol: str = Field(description="Ticker that it had; another security may take it", min_length=1)
    session: date = Field(description="Session (New York) before which the scan ran")
    delist_date: date = Field(description="First session (New York) on which it was no longer listed")
    reason: Literal["absent_twice", "vendor_says_delisted", "by_person"] = Field(
        description="absent_twice: the listings of two sessions lacked it; vendor_says_delisted: the vendor says so; "
        "by_person: `author` archived it, and no scan lists it again"
    )
    author: str | None = Field(None, description="The person who archived it; null otherwise")
    words: str | None = Field(None, description="That person's reason; null otherwise")
