"""What all paths of the vendor share: the key, dates, the envelope, pages, errors as the vendor words them, and the faults."""

from __future__ import annotations

import asyncio
import hmac
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from tornado.web import HTTPError, RequestHandler

from tickstock_automation.replay.faults.fault import Answer, Asked, DataFault, Row, ShapeFault, TransportFault
from tickstock_automation.replay.faults.shape import AGAIN
from tickstock_automation.replay.faults.switch import Switched
from tickstock_automation.replay.market import PAGE_LIMIT, Market


def encoded(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


class KeyedHandler(RequestHandler):
    """A call with the key that the vendor gave."""

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

    def answer(self, body: Any) -> None:
        self.send(encoded(body))

    def send(self, body: bytes) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(body)

    def write_error(self, status_code: int, **_kwargs: Any) -> None:
        self.set_header("Content-Type", "application/json")
        status = {401: "ERROR", 404: "NOT_FOUND"}.get(status_code, "ERROR")
        self.finish(json.dumps({"status": status, "request_id": uuid.uuid4().hex, "error": self._reason}))


class VendorHandler(KeyedHandler):
    """A path of the vendor's: `question` reads what is asked for, `body` answers it, and faults change the answer."""

    kind = Answer.OTHER

    def initialize(self, market: Market, api_key: str, count: Callable[[], None]) -> None:
        super().initialize(market, api_key, count)
        self.left = asyncio.Event()
        self.acting: Sequence[Switched] = ()

    async def get(self, *parts: str) -> None:
        asked = self.question(*parts)
        self.acting = self.market.faults.acting(self.kind, self.market.now.day)
        for one in self.acting:
            if isinstance(one.fault, TransportFault):
                await one.fault.act(self, lambda: self.written(asked), self.left)
                return
        self.send(self.written(asked))

    def on_connection_close(self) -> None:
        self.left.set()

    def question(self, *_parts: str) -> Asked:
        return self.asked()

    def body(self, asked: Asked) -> Any:
        raise NotImplementedError

    def asked(self, **more: Any) -> Asked:
        return Asked(self.kind, self.url(), **more)

    def written(self, asked: Asked) -> bytes:
        """The answer as it goes out."""
        return encoded(self.whole(asked))

    def whole(self, asked: Asked) -> Any:
        """The answer in its envelope, with the faults of its shape."""
        body = self.body(asked)
        if not isinstance(body, dict):
            return body
        body = self.envelope() | body
        for one in self.acting:
            if isinstance(one.fault, ShapeFault):
                body = one.fault.act(body, replace(asked, day=one.day), self.market)
        return body

    @staticmethod
    def envelope() -> Row:
        return {"status": "OK", "request_id": uuid.uuid4().hex}

    def spoil(self, asked: Asked) -> Callable[[list[Row]], list[Row]]:
        """What the faults of the data make of the rows."""

        def spoiled(rows: list[Row]) -> list[Row]:
            for one in self.acting:
                if isinstance(one.fault, DataFault):
                    rows = one.fault.act(rows, replace(asked, day=one.day), self.market)
            return rows

        return spoiled

    def url(self, *, without: str = "", **changes: str) -> str:
        """This call's address with other arguments, and without the key."""
        names = self.request.arguments.keys() - {"apiKey", without}
        given = {name: self.get_argument(name) for name in sorted(names)}
        return f"{self.request.protocol}://{self.request.host}{self.request.path}?{urlencode(given | changes)}"

    def number(self, name: str, usual: int) -> int:
        value = self.get_argument(name, str(usual))
        if not value.isascii() or not value.isdecimal():
            raise HTTPError(400, reason=f"{name} is no number: {value!a}")
        return int(value)

    def page(self, rows: list[Row], usual_limit: int) -> Row:
        """One page of the rows, and where the next one is."""
        start, limit = self.number("cursor", 0), min(self.number("limit", usual_limit), PAGE_LIMIT)
        body: Row = {"results": rows[start : start + limit]}
        if start + limit < len(rows):
            body["next_url"] = self.url(without=AGAIN, cursor=str(start + limit))
        return body
