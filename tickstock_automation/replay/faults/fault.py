"""What a fault is: one that changes the data, one that changes the answer's shape, or one of the transport."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Protocol

from tornado.web import RequestHandler

Row = dict[str, Any]
FEW = 3


class Answer(StrEnum):
    """What is asked for."""

    LISTING = "listing"
    DETAILS = "details"
    EVENTS = "events"
    IPOS = "ipos"
    GROUPED = "grouped"
    RANGE = "range"
    SPLITS = "splits"
    OTHER = "other"  # dividends, market status, holidays


BARS = frozenset({Answer.GROUPED, Answer.RANGE})
PAGED = frozenset({Answer.LISTING, Answer.IPOS, Answer.SPLITS})
LISTS = BARS | PAGED
ANY = frozenset(Answer)


@dataclass(frozen=True)
class Asked:
    """A question. `day` is the fault's; `first` and `last` are what a bars call asked for."""

    answer: Answer
    url: str
    day: date = date.min
    ticker: str = ""
    first: date = date.min
    last: date = date.max
    adjusted: bool = True


class Truth(Protocol):
    """The market as it is, for a fault that needs more than the right answer."""

    def session_before(self, day: date) -> date | None:
        """The last day with bars before a day."""

    def listed_on(self, day: date) -> frozenset[str]:
        """The tickers whose first day this is."""

    def another(self, ticker: str) -> str:
        """Any other ticker that has bars."""

    def grouped(self, day: date, *, adjusted: bool) -> list[Row]:
        """All bars of a day."""

    def range(self, ticker: str, first: date, last: date, *, adjusted: bool) -> list[Row]:
        """One ticker's bars."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`requests` is on how many requests of the day it acts unless another number is given, None for all of them."""

    name: str
    what: str
    source: str
    answers: frozenset[Answer]
    requests: int | None
    lasting: bool = False  # acts on later days too


@dataclass(frozen=True, kw_only=True)
class DataFault(Fault):
    """Changes the rows, before they are cut into pages. `act` leaves the rows it was given as they are."""

    requests: int | None = None
    act: Callable[[list[Row], Asked, Truth], list[Row]]


@dataclass(frozen=True, kw_only=True)
class ShapeFault(Fault):
    """Changes the answer around the rows. `act` may change the answer it is given, not its rows."""

    requests: int | None = FEW
    act: Callable[[Row, Asked, Truth], Row]


@dataclass(frozen=True, kw_only=True)
class TransportFault(Fault):
    """Answers in the place of the server: with the handler, the right answer's body, and what is set when the client leaves."""

    requests: int | None = FEW
    act: Callable[[RequestHandler, Callable[[], bytes], asyncio.Event], Awaitable[None]]


def one_in(number: int, ticker: object) -> bool:
    """Whether a ticker is among one in `number`: always the same ones."""
    return zlib.crc32(str(ticker).encode()) % number == 0
