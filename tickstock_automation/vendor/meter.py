"""What watches over the vendor's calls: asked before each, told after it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol


class Endpoint(StrEnum):
    """What a call is counted under."""

    LISTING = "listing"
    DETAILS = "details"
    EVENTS = "events"
    IPOS = "ipos"
    GROUPED = "grouped"
    RANGE = "range"
    SPLITS = "splits"
    DIVIDENDS = "dividends"
    OTHER = "other"


_PATHS = (
    (re.compile(r"/v3/reference/tickers/?"), Endpoint.LISTING),
    (re.compile(r"/v3/reference/tickers/[^/]+"), Endpoint.DETAILS),
    (re.compile(r"/vX/reference/tickers/[^/]+/events"), Endpoint.EVENTS),
    (re.compile(r"/vX/reference/ipos"), Endpoint.IPOS),
    (re.compile(r"/v2/aggs/grouped/.*"), Endpoint.GROUPED),
    (re.compile(r"/v2/aggs/ticker/.*"), Endpoint.RANGE),
    (re.compile(r"/v3/reference/splits"), Endpoint.SPLITS),
    (re.compile(r"/v3/reference/dividends"), Endpoint.DIVIDENDS),
)


def endpoint_of(path: str) -> Endpoint:
    """The endpoint of a path, with or without its query."""
    bare = path.partition("?")[0]
    return next((endpoint for pattern, endpoint in _PATHS if pattern.fullmatch(bare)), Endpoint.OTHER)


class Outcome(StrEnum):
    """How a call ended."""

    ANSWERED = "answered"  # 404 too: nobody has what was named
    NOT_IN_PLAN = "not_in_plan"  # 403
    FAILED = "failed"  # 5xx, no answer, or not in time
    LIMITED = "limited"  # 429
    REFUSED = "refused"  # 401
    UNUSABLE = "unusable"  # no JSON, an unexpected status: says neither that the vendor is up nor that it is down
    NOT_MADE = "not_made"  # allowed, but the minute's calls are spent


@dataclass(frozen=True)
class Ticket:
    """A call that may be made. `day` is the New York day it is counted for; `probe` numbers the one try at an open breaker."""

    endpoint: Endpoint
    day: date
    probe: int | None = None


@dataclass(frozen=True)
class Ended:
    """A call that was made. `bytes` as they came; `hold_s` is how long a 429 asked us to wait."""

    outcome: Outcome
    seconds: float = 0.0
    bytes: int = 0
    error: str | None = None
    hold_s: float | None = None


class Meter(Protocol):
    """Watches over calls."""

    def before(self, endpoint: Endpoint, longest_wait_s: float) -> Ticket:
        """Allows a call, or waits for it no longer than that; raises VendorUnavailable or VendorRefused where it may not be made."""

    def after(self, ticket: Ticket, ended: Ended) -> None:
        """Counts what came of it."""


class NoMeter(Meter):
    """Allows everything and counts nothing: a client by itself, without a system around it."""

    def before(self, endpoint: Endpoint, longest_wait_s: float) -> Ticket:
        return Ticket(endpoint, date.min)

    def after(self, ticket: Ticket, ended: Ended) -> None:
        pass
