"""A quiet but lively market: a seeded random walk on real sessions, into which a test writes what it is about."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import BARS, SPLITS, SYMBOLS, Context, Prices, prepare
from tickstock_automation.quality.judging import judge
from tickstock_automation.sessions import calendar

OPEN, HIGH, LOW, CLOSE = range(4)
SESSIONS = 160
DAYS = calendar().between(date(2023, 5, 1), date(2024, 1, 31))[:SESSIONS]
HALF_DAY = DAYS.index(date(2023, 7, 3))
AT = 80  # the session that most tests write into: with 80 before it and 79 after
ONE, OTHER = 3, 7  # the symbols that most tests write into
Check = Callable[[Context], list[Finding]]
Floats = NDArray[np.float64]


def name(symbol: int) -> str:
    return f"S{symbol:02d}"


@dataclass
class Market:
    """`prices` (symbol, session, open-high-low-close) and `volumes` (symbol, session), to be written into; `extra`: further rows
    as (symbol, date, open, high, low, close, volume); `missing`: (symbol, session) without a bar."""

    prices: Floats
    volumes: Floats
    days: list[date]
    missing: set[tuple[int, int]] = field(default_factory=set)
    extra: list[tuple[Any, ...]] = field(default_factory=list)
    splits: list[tuple[int, date, float]] = field(default_factory=list)
    listed: dict[int, date] = field(default_factory=dict)
    threshold: float = 0.2
    as_given: Prices = "traded"

    def times(self, symbol: int, first: int, last: int | None, price: float, volume: float = 1.0) -> Market:
        """Multiplies the bars from session `first` up to `last`, not included."""
        self.prices[symbol, first:last] = (self.prices[symbol, first:last] * price).round(4)
        self.volumes[symbol, first:last] = (self.volumes[symbol, first:last] * volume).round()
        return self

    def heavy(self, symbol: int, at: int, *times: float) -> Market:
        """So many times the volume, session by session from `at` on."""
        self.volumes[symbol, at : at + len(times)] *= times
        return self

    def without(self, symbol: int, sessions: Collection[int]) -> Market:
        self.missing |= {(symbol, at) for at in sessions}
        return self

    def twice(self, symbol: int, day: date, close: float, volume: float = 1e6) -> Market:
        """One more row."""
        self.extra.append((symbol + 1, day, close, close * 1.01, close * 0.99, close, volume))
        return self

    @property
    def bars(self) -> pl.DataFrame:
        count, length = self.volumes.shape
        rows = [
            (symbol + 1, self.days[at], *map(float, self.prices[symbol, at]), float(self.volumes[symbol, at]))
            for symbol in range(count)
            for at in range(length)
            if (symbol, at) not in self.missing
        ]
        return pl.DataFrame([*rows, *self.extra], schema=BARS, orient="row")

    @property
    def symbols(self) -> pl.DataFrame:
        rows = [
            (symbol + 1, name(symbol), "STOCK_EOD", self.listed.get(symbol), self.threshold)
            for symbol in range(len(self.volumes))
        ]
        return pl.DataFrame(rows, schema=SYMBOLS, orient="row")

    @property
    def known_splits(self) -> pl.DataFrame:
        return pl.DataFrame([(s + 1, day, ratio) for s, day, ratio in self.splits], schema=SPLITS, orient="row")

    def context(self, judged: list[date] | None = None, **more: Any) -> Context:
        return prepare(
            self.bars, self.known_splits, self.symbols, self.days, self.days if judged is None else judged, self.as_given, **more
        )  # fmt: skip

    def found(self, check: Check, judged: list[date] | None = None, **more: Any) -> list[Finding]:
        """What one check finds, each finding well told."""
        found = check(self.context(judged, **more))
        for one in found:
            well_told(one, check.__name__)
        return found

    def judged(self, judged: list[date] | None = None, **more: Any) -> list[Finding]:
        """What all checks find, merged."""
        return judge(
            self.bars, self.known_splits, self.symbols, sessions=self.days, judged=self.days if judged is None else judged,
            prices=self.as_given, **more,
        )  # fmt: skip


def quiet(symbols: int = 20, seed: int = 11, *, overnight: float = 0.005, common: float = 0.004) -> Market:
    """Nothing happens in it, and it never stands still. `overnight`: the size of a symbol's own gaps; `common`: of the moves of
    all together."""
    rng = np.random.default_rng(seed)
    shape = (symbols, SESSIONS)
    gap = rng.normal(0, common * 0.75, SESSIONS) + rng.normal(0, overnight, shape)
    body = rng.normal(0, common, SESSIONS) + rng.normal(0, 0.008, shape)
    level = np.log(70) + rng.uniform(-0.5, 0.5, (symbols, 1)) + np.cumsum(gap + body, axis=1)
    close, opened = level, level - body
    high = np.maximum(opened, close) + np.abs(rng.normal(0, 0.004, shape)) + 0.0005
    low = np.minimum(opened, close) - np.abs(rng.normal(0, 0.004, shape)) - 0.0005
    prices = np.exp(np.stack([opened, high, low, close], axis=2)).round(2)
    volumes = 1e6 * np.exp(rng.normal(0, 0.2, shape) + rng.normal(0, 0.08, SESSIONS))
    volumes[:, HALF_DAY] *= 0.42
    return Market(prices, volumes.round(), list(DAYS))


def well_told(one: Finding, check: str) -> None:
    """A finding names itself, its limit and its words, and can be written as JSON."""
    assert one.check == check
    assert one.threshold is not None
    assert one.evidence["words"]
    assert one.evidence["measure"]
    assert one.key == f"{check}:{one.symbol_id}:{one.date}"
    json.dumps([one.observed, one.expected, one.threshold, one.evidence], allow_nan=False)


def where(found: list[Finding]) -> list[tuple[str, int]]:
    """Symbol and session of each finding, in order."""
    return sorted((one.symbol, DAYS.index(one.date)) for one in found)


def days_of(found: list[Finding]) -> set[int]:
    return {DAYS.index(one.date) for one in found}
