"""The HTTP side of the replay: the vendor's paths, parameters, envelopes and status codes, as polygon-api-client calls them."""

from __future__ import annotations

import asyncio
import hmac
import json
import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from tickstock_automation.replay.market import PAGE_LIMIT, Market, Now

STOCKS_GROUPED = r"/v2/aggs/grouped/locale/us/market/stocks/(\d{4}-\d\d-\d\d)"
RANGE = r"/v2/aggs/ticker/([^/]+)/range/1/day/(\d{4}-\d\d-\d\d)/(\d{4}-\d\d-\d\d)"


class VendorHandler(RequestHandler):
    """What all paths share: the key, dates, the envelope, errors as the vendor words them."""

    def initialize(self, market: Market, api_key: str, count: Callable[[], None]) -> None:
        self.market = market
        self.api_key = api_key
        self.count = count

    def prepare(self) -> None:
        self.count()
        given = self.request.headers.get("Authorization", "").removeprefix("Bearer ") or self.get_argument("apiKey", "")
        if not hmac.compare_digest(given.encode(), self.api_key.encode()):
            raise HTTPError(401, reason="Unknown API Key")

    def date_of(self, name: str) -> date | None:
        value = self.get_argument(name, None)
        return self.parse_date(value) if value else None

    def parse_date(self, value: str) -> date:
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise HTTPError(400, reason=f"Could not parse the date {value!a}") from None

    def answer(self, **body: Any) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"status": "OK", "request_id": uuid.uuid4().hex, **body}, separators=(",", ":")))

    def write_error(self, status_code: int, **_kwargs: Any) -> None:
        self.set_header("Content-Type", "application/json")
        status = {401: "ERROR", 404: "NOT_FOUND"}.get(status_code, "ERROR")
        self.finish(json.dumps({"status": status, "request_id": uuid.uuid4().hex, "error": self._reason}))


class Tickers(VendorHandler):
    def get(self) -> None:
        limit = int(self.get_argument("limit", "100"))
        active = self.get_argument("active", "true") == "true"
        rows, following = self.market.tickers(
            self.date_of("date"), active=active, cursor=self.get_argument("cursor", None), limit=limit
        )
        body: dict[str, Any] = {"results": rows, "count": len(rows)}
        if following:
            day = self.get_argument("date", "")
            body["next_url"] = (
                f"{self.request.protocol}://{self.request.host}/v3/reference/tickers?cursor={following}"
                f"&limit={limit}&active={str(active).lower()}" + (f"&date={day}" if day else "")
            )
        self.answer(**body)


class Details(VendorHandler):
    def get(self, ticker: str) -> None:
        found = self.market.details(ticker, self.date_of("date"))
        if found is None:
            raise HTTPError(404, reason="Ticker not found.")
        self.answer(results=found)


class Grouped(VendorHandler):
    def get(self, day: str) -> None:
        adjusted = self.get_argument("adjusted", "true") == "true"
        rows = self.market.grouped(self.parse_date(day), adjusted=adjusted)
        self.answer(
            adjusted=adjusted,
            queryCount=len(rows),
            resultsCount=len(rows),
            **({"results": rows, "count": len(rows)} if rows else {}),
        )


class Range(VendorHandler):
    def get(self, ticker: str, first: str, last: str) -> None:
        adjusted = self.get_argument("adjusted", "true") == "true"
        rows = self.market.range(ticker, self.parse_date(first), self.parse_date(last), adjusted=adjusted)
        self.answer(
            ticker=ticker,
            adjusted=adjusted,
            queryCount=len(rows),
            resultsCount=len(rows),
            **({"results": rows, "count": len(rows)} if rows else {}),
        )


class Splits(VendorHandler):
    def get(self) -> None:
        day = self.date_of("execution_date")
        rows = self.market.splits(
            day or self.date_of("execution_date.gte"),
            day or self.date_of("execution_date.lte"),
            self.get_argument("ticker", None),
        )
        start = int(self.get_argument("cursor", "0"))
        limit = min(int(self.get_argument("limit", "10")), PAGE_LIMIT)
        body: dict[str, Any] = {"results": rows[start : start + limit]}
        if start + limit < len(rows):
            asked = "".join(
                f"&{name}={value}"
                for name in ("execution_date.gte", "execution_date.lte", "limit")
                if (value := self.get_argument(name, ""))
            )
            body["next_url"] = (
                f"{self.request.protocol}://{self.request.host}/v3/reference/splits?cursor={start + limit}{asked}"
            )
        self.answer(**body)


class Dividends(VendorHandler):
    def get(self) -> None:
        self.answer(results=[])


class Status(VendorHandler):
    def get(self) -> None:
        now = self.market.now
        self.answer(
            market="closed" if now.closed else "open",
            serverTime=f"{now.day}T{'16:15' if now.closed else '09:30'}:00-05:00",
        )


class Holidays(VendorHandler):
    def get(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(self.market.holidays()))


class Clock(VendorHandler):
    """The replay's own control, no path of the vendor's: what moment it is for the market."""

    def get(self) -> None:
        now = self.market.now
        self.answer(day=now.day.isoformat(), closed=now.closed)

    def put(self) -> None:
        body = json.loads(self.request.body)
        self.market.set_now(Now(self.parse_date(body["day"]), bool(body["closed"])) if body.get("day") else None)
        self.answer()


class NotFound(VendorHandler):
    def get(self, *_parts: str) -> None:
        raise HTTPError(404, reason="Not found")


def application(market: Market, api_key: str, count: Callable[[], None] = lambda: None) -> Application:
    """The vendor's API over a market."""
    shared = {"market": market, "api_key": api_key, "count": count}
    return Application(
        [
            (r"/v3/reference/tickers", Tickers, shared),
            (r"/v3/reference/tickers/([^/]+)", Details, shared),
            (STOCKS_GROUPED, Grouped, shared),
            (RANGE, Range, shared),
            (r"/v3/reference/splits", Splits, shared),
            (r"/v3/reference/dividends", Dividends, shared),
            (r"/v1/marketstatus/now", Status, shared),
            (r"/v1/marketstatus/upcoming", Holidays, shared),
            (r"/replay/clock", Clock, {**shared, "count": lambda: None}),
        ],
        default_handler_class=NotFound,
        default_handler_args=shared,
        compress_response=True,
        log_function=lambda _handler: None,
    )


def serve(market: Market, api_key: str, host: str, port: int, on_ready: Callable[[int], None]) -> None:
    """Serves until the process is stopped; `on_ready` is told the port."""

    async def run() -> None:
        server = HTTPServer(application(market, api_key))
        sockets = bind_sockets(port, host)
        server.add_sockets(sockets)
        on_ready(sockets[0].getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(run())
