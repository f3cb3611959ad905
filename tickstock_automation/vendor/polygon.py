"""Polygon.io (now Massive) through polygon-api-client: the only module that imports it.

The package knows the paths and parameters; the transport under it is ours, since its own stores its time limits and never
uses them, retries inside the rate limit, hides the status code, and returns [] for a body that is not JSON.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

import structlog
from polygon import RESTClient
from polygon.rest.vX import VXClient

from tickstock_automation.errors import BadAnswer, Fault, TickstockError, TryAgain
from tickstock_automation.settings import settings
from tickstock_automation.vendor.account import account_of
from tickstock_automation.vendor.client import (
    BarsAnswer,
    Details,
    Dividend,
    Ipo,
    Listing,
    ListingAnswer,
    Split,
    TickerChange,
    Vendor,
)
from tickstock_automation.vendor.http import Http, NotThere, Reply, printable
from tickstock_automation.vendor.limits import PAGE_WAIT_S, SHORT_WAIT_S, call_limit
from tickstock_automation.vendor.meter import Ended, Meter, NoMeter, Outcome, endpoint_of
from tickstock_automation.vendor.page import Page, page_of
from tickstock_automation.vendor.rows import details_of, dividend_of, ipo_of, listing_of, split_of, ticker_changes_of
from tickstock_automation.vendor.shared_meter import SharedMeter

MOST_PAGES = 200

log = structlog.get_logger("vendor")


class _Transport(RESTClient, VXClient):  # type: ignore[misc]
    """The vendor's client with its transport replaced by ours, and the meter asked before each call."""

    def __init__(self, api_key: str, base: str, timeout_s: float, meter: Meter) -> None:
        super().__init__(api_key=api_key, base=base, retries=0, pagination=False)
        self._http = Http(base, self.headers, api_key, timeout_s)
        self._meter = meter
        self.longest_wait_s = SHORT_WAIT_S
        self.calls = 0

    def _get(  # type: ignore[no-untyped-def]
        self, path, params=None, result_key=None, deserializer=None, raw=False, options=None
    ) -> Page:
        ticket = self._meter.before(endpoint_of(path), self.longest_wait_s)
        self.calls += 1
        started, reply = time.monotonic(), None
        try:
            reply = self._http.get(path, params)
            seconds = time.monotonic() - started
            self._http.check(path, reply)
            page = page_of(path, reply.body)
        except TickstockError as error:
            self._meter.after(ticket, _ended(error, reply, time.monotonic() - started))
            raise
        log.debug("vendor call", path=path, bytes=reply.bytes, seconds=round(seconds, 3))
        self._meter.after(ticket, Ended(Outcome.ANSWERED, seconds, reply.bytes))
        return page


def _ended(error: TickstockError, reply: Reply | None, seconds: float) -> Ended:
    log.debug("vendor call", reason=str(error), seconds=round(seconds, 3))
    if reply is None:
        return Ended(Outcome.FAILED, seconds, error=printable(str(error)))
    outcome = Outcome.UNUSABLE if reply.status == 200 else reply.outcome
    hold_s = error.after_s if isinstance(error, TryAgain) else None
    told = printable(str(error)) if outcome in (Outcome.FAILED, Outcome.LIMITED, Outcome.REFUSED) else None
    return Ended(outcome, seconds, reply.bytes, told, hold_s)


class PolygonVendor(Vendor):
    """The vendor as the rest of the system sees it."""

    def __init__(self, api_key: str, base: str, timeout_s: float, meter: Meter | None = None) -> None:
        self._client = _Transport(api_key, base, timeout_s, meter or NoMeter())

    @property
    def calls(self) -> int:  # type: ignore[override]
        return self._client.calls

    def listings(self, day: date) -> ListingAnswer:
        found: dict[Listing, None] = {}
        refused = repeated = 0
        pages = self._pages(
            self._client.list_tickers(market="stocks", active=True, date=day.isoformat(), limit=1000, raw=True),
            keep={"date": day.isoformat(), "active": "true"},
        )
        for page in pages:
            for row in page.rows("count"):
                listing = listing_of(row)
                if listing is None or row.get("active") is False:
                    refused += 1
                elif listing in found:
                    repeated += 1
                else:
                    found[listing] = None
        delayed = sum(page.body.get("status") == "DELAYED" for page in pages)
        return ListingAnswer(tuple(found), len(pages), refused, repeated, delayed)

    def details(self, ticker: str) -> Details | None:
        page = self._found(lambda: self._client.get_ticker_details(ticker, raw=True))
        return None if page is None else details_of(page, ticker)

    def ticker_changes(self, ticker: str) -> tuple[TickerChange, ...]:
        page = self._found(lambda: self._client.get_ticker_events(ticker, types="ticker_change", raw=True))
        return () if page is None else ticker_changes_of(page)

    def ipos(self, first: date, last: date) -> tuple[Ipo, ...]:
        found = {}
        dated = self._client.list_ipos(
            listing_date_gte=first.isoformat(), listing_date_lte=last.isoformat(), limit=1000, raw=True
        )
        # Of those without a date only the pending ones are asked for: one that is withdrawn then stays as it was, and matches
        # a listing only under its own issuer's name.
        undated = self._client.list_ipos(ipo_status="pending", limit=1000, raw=True)
        for page in (*self._pages(undated), *self._pages(dated)):  # a dated row has the last word
            for row in page.rows():
                ipo = ipo_of(row)
                if ipo is not None:
                    found[ipo.ticker, ipo.issuer] = ipo
        return tuple(found.values())

    def grouped_bars(self, day: date) -> BarsAnswer:
        page = self._client.get_grouped_daily_aggs(day.isoformat(), adjusted=False, raw=True)
        return BarsAnswer("grouped", {"date": day.isoformat()}, tuple(page.rows("resultsCount")), page.body_hash)

    def range_bars(self, ticker: str, first: date, last: date) -> BarsAnswer:
        page = self._client.get_aggs(
            ticker, 1, "day", first.isoformat(), last.isoformat(), adjusted=False, limit=50_000, raw=True
        )
        if page.body.get("ticker") not in (None, ticker):
            raise BadAnswer(
                f"{page.path}: asked for {ticker}, the answer is about {page.body.get('ticker')!r}",
                Fault.OTHER_QUESTION,
            )
        arguments = {"ticker": ticker, "from": first.isoformat(), "to": last.isoformat()}
        return BarsAnswer("range", arguments, tuple(page.rows("resultsCount")), page.body_hash)

    def splits(self, first: date, last: date) -> tuple[Split, ...]:
        first_page = self._client.list_splits(
            execution_date_gte=first.isoformat(), execution_date_lte=last.isoformat(), limit=1000, raw=True
        )
        found = {}
        for page in self._pages(first_page):
            for row in page.rows():
                split = split_of(row, page.path)
                found[split] = split  # the vendor lists some twice
        return tuple(found)

    def dividends(self, first: date, last: date) -> tuple[Dividend, ...]:
        first_page = self._client.list_dividends(
            ex_dividend_date_gte=first.isoformat(), ex_dividend_date_lte=last.isoformat(), limit=1000, raw=True
        )
        rows = (dividend_of(row, page.path) for page in self._pages(first_page) for row in page.rows())
        return tuple(dict.fromkeys(one for one in rows if one.cash_amount > 0))

    @staticmethod
    def _found(ask: Callable[[], Page]) -> Page | None:
        try:
            return ask()
        except NotThere:
            return None

    def _pages(self, first: Page, keep: Mapping[str, str] | None = None) -> list[Page]:
        """All pages; BadAnswer where they repeat, never end, or lead to another question than was asked (`keep`)."""
        pages = [first]
        while following := pages[-1].body.get("next_url"):
            parts = urlsplit(str(following))
            asked = dict(parse_qsl(parts.query))
            wrong = {name: asked[name] for name, value in (keep or {}).items() if asked.get(name, value) != value}
            if wrong:
                raise BadAnswer(f"{parts.path}: the next page is of another question: {wrong}", Fault.OTHER_QUESTION)
            self._client.longest_wait_s = PAGE_WAIT_S
            try:
                page = self._client._get(f"{parts.path}?{parts.query}")
            finally:
                self._client.longest_wait_s = SHORT_WAIT_S
            repeated = any(page.body.get("results") == earlier.body.get("results") for earlier in pages)
            if repeated or len(pages) >= MOST_PAGES:
                raise BadAnswer(
                    f"{parts.path}: the vendor's pages repeat or do not end ({len(pages)} read)", Fault.PAGES
                )
            pages.append(page)
        return pages


@lru_cache(maxsize=1)
def vendor() -> Vendor:
    """The vendor of this process, by its settings."""
    found = settings()
    account = account_of(found)
    assert found.polygon_api_key is not None
    meter = SharedMeter(account, call_limit(found.redis_url, found.polygon_calls_per_minute))
    return PolygonVendor(found.polygon_api_key.get_secret_value(), account.vendor, account.timeout_s, meter)
