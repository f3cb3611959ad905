"""The replay's own calls, no paths of the vendor's: what moment it is for the market, and which faults are on."""

from __future__ import annotations

import json
from typing import Any

from tornado.web import HTTPError

from tickstock_automation.replay.faults.switch import FaultError
from tickstock_automation.replay.handler import KeyedHandler
from tickstock_automation.replay.market import Now


class ControlHandler(KeyedHandler):
    def sent(self) -> Any:
        try:
            return json.loads(self.request.body)
        except ValueError:
            raise HTTPError(400, reason="The body is not JSON") from None


class Clock(ControlHandler):
    def get(self) -> None:
        now = self.market.now
        self.answer({"status": "OK", "day": now.day.isoformat(), "closed": now.closed})

    def put(self) -> None:
        body = self.sent()
        self.market.set_now(Now(self.parse_date(body["day"]), bool(body["closed"])) if body.get("day") else None)
        self.answer({"status": "OK"})


class SwitchedFaults(ControlHandler):
    """A list of NAME@DATE; PUT replaces it."""

    def get(self) -> None:
        self.answer(self.market.faults.given())

    def put(self) -> None:
        given = self.sent()
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            raise HTTPError(400, reason="The body is no list of faults, each NAME@DATE")
        try:
            self.market.faults.set(given)
        except FaultError as error:
            raise HTTPError(400, reason=str(error)) from None
        self.answer(self.market.faults.given())
