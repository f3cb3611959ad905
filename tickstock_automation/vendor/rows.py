"""The vendor's rows as values of ours. What a row lacks is None; what cannot be understood and is needed is an error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

from tickstock_automation.errors import BadAnswer, Fault
from tickstock_automation.vendor.client import (
    Details,
    Dividend,
    Ipo,
    IpoStatus,
    Listing,
    Split,
    TickerChange,
    is_ticker,
)
from tickstock_automation.vendor.page import Page


def listing_of(row: dict[str, Any]) -> Listing | None:
    """None for a row that names no possible ticker."""
    ticker = row.get("ticker")
    if not is_ticker(ticker):
        return None
    assert isinstance(ticker, str)
    return Listing(
        ticker,
        _text(row, "name"),
        _text(row, "type"),
        _text(row, "primary_exchange"),
        _text(row, "composite_figi"),
        _text(row, "share_class_figi"),
        _text(row, "cik"),
    )


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    return value.strip() or None if isinstance(value, str) and value.isprintable() else None


def _number(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    usable = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0
    return float(value) if usable else None  # type: ignore[arg-type]


def _day(row: Mapping[str, Any], name: str) -> date | None:
    """A date, or the date of a moment in UTC that stands for a day; None for what is none."""
    value = row.get(name)
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def details_of(page: Page, ticker: str) -> Details:
    row = page.body.get("results")
    listing = listing_of(row) if isinstance(row, dict) else None
    if not isinstance(row, dict) or listing is None:
        raise BadAnswer(f"{page.path}: the answer describes no ticker", Fault.NO_RESULTS)
    if listing.ticker != ticker:
        raise BadAnswer(f"{page.path}: asked for {ticker}, told of {listing.ticker}", Fault.OTHER_QUESTION)
    return Details(
        listing,
        active=row.get("active") is not False,
        delisted=_day(row, "delisted_utc"),
        list_date=_day(row, "list_date"),
        market_cap=_number(row, "market_cap"),
        sic_code=_text(row, "sic_code"),
    )


def ticker_changes_of(page: Page) -> tuple[TickerChange, ...]:
    results = page.body.get("results")
    events = results.get("events") if isinstance(results, dict) else None
    if not isinstance(events, list):
        raise BadAnswer(f"{page.path}: the answer has no list of events", Fault.NO_RESULTS)
    found = set()
    for event in events:
        change = event.get("ticker_change") if isinstance(event, dict) else None
        name = change.get("ticker") if isinstance(change, dict) else None
        day = _day(event, "date") if isinstance(event, dict) else None
        if isinstance(name, str) and name and day is not None:
            found.add(TickerChange(name, day))
    return tuple(sorted(found, key=lambda one: (one.day, one.ticker)))


IPO_STATUSES = {
    "rumor": IpoStatus.RUMORED,
    "pending": IpoStatus.PENDING,
    "postponed": IpoStatus.POSTPONED,
    "new": IpoStatus.PRICED,
    "priced": IpoStatus.PRICED,
    "direct_listing_process": IpoStatus.PENDING,
    "history": IpoStatus.LISTED,
    "withdrawn": IpoStatus.WITHDRAWN,
}


def ipo_of(row: dict[str, Any]) -> Ipo | None:
    """None for a row without a ticker or with a status nobody knows: nothing can be made of it."""
    listing, status = listing_of(row), IPO_STATUSES.get(str(row.get("ipo_status")))
    if listing is None or status is None:
        return None
    return Ipo(
        listing.ticker,
        _text(row, "issuer_name") or "",
        status,
        announced=_day(row, "announced_date"),
        listing_date=_day(row, "listing_date"),
        issue_price=_number(row, "final_issue_price"),
        low_price=_number(row, "lowest_offer_price"),
        high_price=_number(row, "highest_offer_price"),
        currency=_text(row, "currency_code"),
        exchange=_text(row, "primary_exchange"),
    )


def split_of(row: dict[str, Any], path: str) -> Split:
    try:
        split = Split(
            str(row["ticker"]),
            date.fromisoformat(row["execution_date"]),
            float(row["split_from"]),
            float(row["split_to"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswer(f"{path}: a split cannot be read: {row!r}") from error
    if split.split_from <= 0 or split.split_to <= 0:
        raise BadAnswer(f"{path}: a split with an impossible ratio: {row!r}")
    return split


def dividend_of(row: dict[str, Any], path: str) -> Dividend:
    try:
        return Dividend(
            str(row["ticker"]),
            date.fromisoformat(row["ex_dividend_date"]),
            float(row["cash_amount"]),
            str(row.get("currency") or "USD").upper(),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswer(f"{path}: a dividend cannot be read: {row!r}") from error
