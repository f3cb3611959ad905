"""What this system asks of a vendor, and the form in which answers come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol


@dataclass(frozen=True)
class Listing:
    """One row of the vendor's listing."""

    ticker: str
    name: str | None = None
    type: str | None = None
    exchange: str | None = None
    composite_figi: str | None = None
    share_class_figi: str | None = None
    cik: str | None = None


@dataclass(frozen=True)
class ListingAnswer:
    """All pages of a day's listing; `refused` counts rows that could not be a listing, `repeated` doubled tickers."""

    listings: tuple[Listing, ...]
    pages: int
    refused: int
    repeated: int


@dataclass(frozen=True)
class BarsAnswer:
    """The rows of one bars call, raw, as the vendor named them; `body_hash` is the SHA-256 of the answer."""

    endpoint: str
    arguments: dict[str, str]
    rows: tuple[dict[str, Any], ...]
    body_hash: str


@dataclass(frozen=True)
class Split:
    """`split_from` old shares became `split_to` on `execution_date`, the first session that trades after it."""

    ticker: str
    execution_date: date
    split_from: float
    split_to: float


class Vendor(Protocol):
    """A source of listings and daily bars.

    Every method raises VendorUnavailable (try again), VendorRefused (stop) or BadAnswer (nothing usable came), and never
    returns an empty answer in the place of a broken one. `calls` counts the calls made by this object.
    """

    calls: int

    def listings(self, day: date) -> ListingAnswer:
        """All active stock-market tickers as of a day."""

    def grouped_bars(self, day: date) -> BarsAnswer:
        """The whole market's bars of one day, as traded: one call."""

    def range_bars(self, ticker: str, first: date, last: date) -> BarsAnswer:
        """One ticker's bars, as traded: one call."""

    def splits(self, first: date, last: date) -> tuple[Split, ...]:
        """Splits with an execution date in the interval."""
