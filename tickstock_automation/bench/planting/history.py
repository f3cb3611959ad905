"""One symbol's bars as arrays that a fault can be written into."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

OPEN, HIGH, LOW, CLOSE = range(4)
COLUMNS = ("open", "high", "low", "close")
SCHEMA = {"symbol": pl.String, "date": pl.Date, **dict.fromkeys((*COLUMNS, "volume"), pl.Float64)}
DECIMALS = 4


@dataclass
class Row:
    """A bar that stands beside the sessions' own: a second one for a day, or one on a day without a session."""

    day: date
    prices: NDArray[np.float64]
    volume: float


@dataclass
class History:
    """One symbol's bars by date. `prices` (n, 4): open, high, low, close; `volume` (n,), shares; `missing`: places left out."""

    symbol: str
    days: list[date]
    prices: NDArray[np.float64]
    volume: NDArray[np.float64]
    missing: set[int] = field(default_factory=set)
    extra: list[Row] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.days)

    def copy(self) -> History:
        """The same bars, to be written into."""
        return History(self.symbol, self.days, self.prices.copy(), self.volume.copy())

    def place_of(self, day: date) -> int | None:
        """The row of a day."""
        at = bisect_left(self.days, day)
        return at if at < len(self) and self.days[at] == day else None

    def scale(self, first: int, last: int, price: float, volume: float = 1.0) -> None:
        """Multiplies the rows from `first` up to `last`, not included, and what stands beside them."""
        self.prices[first:last] = (self.prices[first:last] * price).round(DECIMALS)
        if volume != 1.0:
            self.volume[first:last] = (self.volume[first:last] * volume).round()
        end = self.days[last] if last < len(self) else date.max
        for row in self.extra:
            if self.days[first] <= row.day < end:
                row.prices, row.volume = (row.prices * price).round(DECIMALS), round(row.volume * volume)

    def frame(self) -> pl.DataFrame:
        """The rows with the columns SCHEMA, by date; a second row of a day comes after the first."""
        kept = [at for at in range(len(self)) if at not in self.missing]
        own = _frame(self.symbol, [self.days[at] for at in kept], self.prices[kept], self.volume[kept])
        if not self.extra:
            return own
        beside = _frame(
            self.symbol, [row.day for row in self.extra], np.array([row.prices for row in self.extra]),
            np.array([row.volume for row in self.extra]),
        )  # fmt: skip
        return pl.concat([own, beside]).sort("date", maintain_order=True)


def histories(bars: pl.DataFrame) -> dict[str, History]:
    """The histories of `bars` (columns SCHEMA), by symbol in alphabetical order."""
    ordered = bars.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()).sort("symbol", "date")
    return {
        str(part["symbol"][0]): History(
            str(part["symbol"][0]), part["date"].to_list(), part.select(COLUMNS).to_numpy().copy(),
            part["volume"].to_numpy().copy(),
        )
        for part in ordered.partition_by("symbol", maintain_order=True)
    }  # fmt: skip


def frame_of(found: Mapping[str, History] | Iterable[History]) -> pl.DataFrame:
    """All histories in one frame, columns SCHEMA, by symbol and date."""
    rows = found.values() if isinstance(found, Mapping) else found
    parts = [history.frame() for history in rows]
    return pl.concat(parts) if parts else pl.DataFrame(schema=SCHEMA)


def _frame(symbol: str, days: list[date], prices: NDArray[np.float64], volume: NDArray[np.float64]) -> pl.DataFrame:
    values = {name: prices[:, at] for at, name in enumerate(COLUMNS)}
    return pl.DataFrame({"symbol": [symbol] * len(days), "date": days, **values, "volume": volume}, schema=SCHEMA)
