"""What this system asks of a vendor, and the form in which answers come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Protocol

LONGEST_TICKER = 24


def is_ticker(value: object) -> bool:
    """Whether a value can be a ticker: no control characters, no blanks, not nothing, no unheard-of length."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_TICKER
        and value.isascii()
        and value.isprintable()
        and " " not in value
    )


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
    """All pages of a day's listing. One ticker may stand in it twice where the vendor's rows of it differ.

    `refused` counts rows that could not be a listing, `repeated` rows that were given before, `delayed` pages that the
    vendor marks as such.
    """

    listings: tuple[Listing, ...]
    pages: int
    refused: int
    repeated: int
    delayed: int = 0


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


@dataclass(frozen=True)
class Dividend:
    """Cash for one share, before tax and as it was paid, to who held it before `ex_date`."""

    ticker: str
    ex_date: date
    cash_amount: float
    currency: str = "USD"


@dataclass(frozen=True)
class Details:
    """One ticker in full. `active` False: delisted, `delisted` its first day without trade where the vendor says when."""

    listing: Listing
    active: bool
    delisted: date | None = None
    list_date: date | None = None
    market_cap: float | None = None  # US dollars
    sic_code: str | None = None


@dataclass(frozen=True)
class TickerChange:
    """A security had `ticker` from `day` on."""

    ticker: str
    day: date


class IpoStatus(StrEnum):
    """Where an IPO stands."""

    RUMORED = "rumored"
    PENDING = "pending"
    POSTPONED = "postponed"
    PRICED = "priced"
    LISTED = "listed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Ipo:
    """A coming or recent IPO; prices of one share, in `currency`."""

    ticker: str
    issuer: str
    status: IpoStatus
    announced: date | None = None
    listing_date: date | None = None
    issue_price: float | None = None
    low_price: float | None = None
    high_price: float | None = None
    currency: str | None = None
    exchange: str | None = None  # MIC


class Vendor(Protocol):
    """A source of listings and daily bars.

    Every method raises VendorUnavailable (try again), VendorRefused (stop) or BadAnswer (nothing usable came), and never
    returns an empty answer in the place of a broken one. `calls` counts the calls made by this object.
    """

    calls: int

    def listings(self, day: date) -> ListingAnswer:
        """All active stock-market tickers as of a day."""

    def details(self, ticker: str) -> Details | None:
        """Who has a ticker now, or had it last; None where nobody is known to have had it."""

    def ticker_changes(self, ticker: str) -> tuple[TickerChange, ...]:
        """Which tickers the security had that has `ticker` now, oldest first; empty where the vendor knows nothing."""

    def ipos(self, first: date, last: date) -> tuple[Ipo, ...]:
        """IPOs with a listing date in the interval, and those without a date yet."""

    def grouped_bars(self, day: date) -> BarsAnswer:
        """The whole market's bars of one day, as traded: one call."""

    def range_bars(self, ticker: str, first: date, last: date) -> BarsAnswer:
        """One ticker's bars, as traded: one call."""

    def splits(self, first: date, last: date) -> tuple[Split, ...]:
        """Splits with an execution date in the interval."""

    def dividends(self, first: date, last: date) -> tuple[Dividend, ...]:
        """Cash dividends with an ex-date in the interval."""
