"""What a kind of fault is: a name, a class, where it may stand, and the function that writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import numpy as np

from tickstock_automation.bench.planting.history import History

FaultClass = Literal["plain", "subtle"]
Prices = Literal["adjusted", "traded"]


@dataclass(frozen=True)
class Wrong:
    """One fault as written: the days a finding must sit on, and which of several forms it took."""

    days: tuple[date, ...]
    form: str = ""


@dataclass(frozen=True)
class Split:
    """A split as the vendor lists it; `ratio` is shares after for one before."""

    symbol: str
    ex_date: date
    ratio: float


@dataclass(frozen=True)
class Market:
    """What a fault may look at besides its own symbol: the bars before anything was planted, stormy days, the sessions, and how
    the prices will be given."""

    histories: Mapping[str, History]
    storm: frozenset[date]
    sessions: frozenset[date]
    prices: Prices = "adjusted"


@dataclass(frozen=True)
class Spot:
    """Where a fault goes: row `at` of a history, with the seed's generator. `listed` takes splits the vendor would list."""

    history: History
    at: int
    rng: np.random.Generator
    market: Market
    listed: list[Split] = field(default_factory=list)

    @property
    def day(self) -> date:
        return self.history.days[self.at]

    def wrong(self, count: int = 1, form: str = "") -> list[Wrong]:
        """The `count` rows from here are wrong."""
        return [Wrong(tuple(self.history.days[self.at : self.at + count]), form)]

    def moved(self, at: int) -> Spot:
        """The same at another row."""
        return Spot(self.history, at, self.rng, self.market, self.listed)

    def between(self, least: float, most: float) -> float:
        """A number from a range, evenly."""
        return float(self.rng.uniform(least, most))

    def count(self, least: int, most: int) -> int:
        """A whole number from a range, both ends included."""
        return int(self.rng.integers(least, most + 1))

    def either(self, *choices: float) -> float:
        """One of some numbers."""
        return float(choices[int(self.rng.integers(len(choices)))])

    def chance(self, share: float = 0.5) -> bool:
        """True in this share of the cases."""
        return bool(self.rng.random() < share)


Writer = Callable[[Spot], list[Wrong]]
Places = Callable[[History, Market], Sequence[int]]


def anywhere(history: History, market: Market) -> Sequence[int]:
    """Neither the first two weeks nor the last days, which are kinds of their own."""
    return range(12, len(history) - 3)


def middle(history: History, market: Market) -> Sequence[int]:
    """With enough history on both sides to see a level."""
    return range(40, len(history) - 30)


def with_room(history: History, market: Market) -> Sequence[int]:
    """Where a block of three weeks ends before the history does."""
    return range(12, len(history) - 20)


@dataclass(frozen=True)
class Kind:
    """A kind of fault. `write` changes the history and says which days are wrong; it returns nothing and changes nothing
    where the fault would be none (a swap of equal values, say)."""

    name: str
    fault_class: FaultClass
    write: Writer
    places: Places = anywhere


def plain(places: Places = anywhere) -> Callable[[Writer], Kind]:
    """Makes a function a kind of its name that any monitor must find."""
    return lambda write: Kind(write.__name__, "plain", write, places)


def subtle(places: Places = anywhere) -> Callable[[Writer], Kind]:
    """Makes a function a kind of its name that takes thought to find."""
    return lambda write: Kind(write.__name__, "subtle", write, places)
