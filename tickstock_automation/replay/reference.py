"""What the vendor says of a ticker: who has it, or had it last, and which tickers that security had. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from tickstock_automation.replay.folder import Listing

COLUMNS = ("ticker", "name", "type", "primary_exchange", "composite_figi", "share_class_figi", "cik")
MORE = ("market_cap", "sic_code")


def listing_row(one: Listing, *, active: bool) -> dict[str, Any]:
    """A row of the listing; of what is not active, with its first day without it."""
    row: dict[str, Any] = {name: value for name in COLUMNS if (value := getattr(one, name)) is not None}
    row |= {"market": "stocks", "locale": "us", "active": active, "currency_name": "usd"}
    if one.last is not None and not active:
        row["delisted_utc"] = f"{one.last + timedelta(days=1)}T00:00:00Z"
    return row


def details_row(one: Listing, day: date) -> dict[str, Any]:
    """A ticker in full, as of a day."""
    more = {name: value for name in MORE if (value := getattr(one, name)) is not None}
    return listing_row(one, active=one.on(day)) | more | {"list_date": one.first.isoformat()}


def holder(listings: Sequence[Listing], name: str, day: date) -> Listing | None:
    """Who has this ticker (or composite FIGI) on a day, else who had it last before; None where nobody did."""
    begun = (one for one in listings if name in (one.ticker, one.composite_figi) and one.first <= day)
    return max(begun, key=lambda one: (one.on(day), one.first), default=None)


def ticker_changes(listings: Sequence[Listing], one: Listing, day: date) -> list[dict[str, Any]]:
    """Which ticker the security had from which day on, newest first; its listings are those with the same FIGI."""
    same = [
        other for other in listings
        if other == one or (other.composite_figi == one.composite_figi is not None and other.first <= day)
    ]  # fmt: skip
    changes: list[dict[str, Any]] = []
    for other in sorted(same, key=lambda other: other.first):
        if not changes or changes[-1]["ticker_change"]["ticker"] != other.ticker:
            change = {"ticker": other.ticker}
            changes.append({"type": "ticker_change", "date": other.first.isoformat(), "ticker_change": change})
    return changes[::-1]
