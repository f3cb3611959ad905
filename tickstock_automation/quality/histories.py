"""Where one security's history ends under a symbol and another's, or nothing, begins. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from tickstock_automation.quality.levels import Levels
from tickstock_automation.quality.ratios import split_ratio, unit_ratio

WEEKS = 20  # bars on either side that are compared
FEW = 5
REACH = 40  # bars from the boundary that are told of
HOLE, LONG_HOLE = 3, 10  # sessions from one bar to the next
STEP, HOLE_STEP, LARGE_STEP = math.log(1.25), math.log(1.5), math.log(3.0)
ALIKE = math.log(10.0)  # times as many dollars traded a day, at most, by one company
TRADED, MUCH = math.log(20.0), math.log(200.0)  # times as much traded a day; beside a step by a known ratio
NO_SPLIT = 0.03  # the logarithm that a ratio may be off by ...
DRIFT, MOST_DRIFT = 2.0, 0.08  # ... or so many usual moves over a hole, at most
LIVE, DEAD = 0.9, 0.25  # share of bars with any volume
LIQUID = 10_000.0  # shares a day


@dataclass(frozen=True)
class Boundary:
    """The bars of `rows` belong to another history than those beyond row `at`; `why` in words."""

    at: int
    rows: range
    why: str


def boundaries(frame: pl.DataFrame, levels: Levels) -> list[Boundary]:
    """Of all symbols; the side on which fewer dollars are traded is the foreign one, where both trade alike the earlier one."""
    volume = frame["volume"].fill_null(0.0).fill_nan(0.0).to_numpy()
    found: list[Boundary] = []
    for at in _candidates(levels, volume):
        number, left = int(levels.number[at]), int(levels.left[at])
        small = levels.away[at] < HOLE and abs(levels.gap[at]) <= STEP and volume[at] > 0
        if number < FEW or left < FEW or small:
            continue
        why = _why(levels, volume, at)
        if why is None:
            continue
        found.append(Boundary(at, _foreign(levels, volume, at), why))
    return found


def _foreign(levels: Levels, volume: npt.NDArray[np.float64], at: int) -> range:
    """The rows beside the boundary on the side where less is traded, as far as less is traded."""
    number, left = int(levels.number[at]), int(levels.left[at])
    before = _dollars(levels, volume, _since(levels, at), at)
    after = _dollars(levels, volume, at, at + min(left + 1, WEEKS))
    later = after < before - TRADED
    rows = range(at, at + min(left + 1, REACH)) if later else range(at - 1, at - 1 - min(number, REACH), -1)
    if abs(after - before) > TRADED:
        traded = np.log(np.maximum(1.0, volume[list(rows)] * np.exp(levels.c[list(rows)])))
        usual = np.flatnonzero(traded > (before + after) / 2)
        rows = rows[: int(usual[0])] if len(usual) else rows
    return rows if later else rows[::-1]


def _candidates(levels: Levels, volume: npt.NDArray[np.float64]) -> list[int]:
    """Steps that stay, breaks after a hole, and first days without volume."""
    idle = volume <= 0
    stops = np.flatnonzero(idle[1:] & ~idle[:-1]) + 1
    holes = [int(at) for at in levels.breaks if levels.away[at] >= HOLE]
    return sorted({*(step.at for step in levels.steps), *holes, *(int(at) for at in stops if levels.number[at] > 0)})


def _why(levels: Levels, volume: npt.NDArray[np.float64], at: int) -> str | None:
    left = int(levels.left[at])
    gap, away = float(levels.gap[at]), float(levels.away[at])
    first, last = _since(levels, at), at + min(left + 1, WEEKS)
    lasting = float(np.median(levels.c[at:last]) - np.median(levels.c[first:at]))
    stays = lasting * gap > 0 and abs(lasting) > abs(gap) / 2
    near = max(NO_SPLIT, min(MOST_DRIFT, DRIFT * levels.noise(at))) if away >= HOLE else NO_SPLIT
    named = split_ratio(gap, near) or unit_ratio(gap, near)
    split = named is not None and abs(gap) > LARGE_STEP and _alike(levels, volume, first, at, last)
    if away >= LONG_HOLE and abs(gap) > HOLE_STEP and stays and not split:
        return f"after {away:.0f} sessions without a bar the price is {math.exp(gap):.4g}x"
    if away >= HOLE and abs(gap) > LARGE_STEP and stays and named is None:
        return f"after {away:.0f} sessions the price is {math.exp(gap):.4g}x, which is no split's ratio"
    shares = _shares(volume, at, last) - _shares(volume, first, at)
    if abs(gap) > STEP and stays and abs(shares) > (MUCH if named else TRADED):
        return f"the price steps to {math.exp(gap):.4g}x and stays, and {math.exp(shares):.2g} times as many shares are traded"
    live, dead = np.mean(volume[first:at] > 0), np.mean(volume[at:last] > 0)
    if (
        volume[at] <= 0
        and live >= LIVE
        and dead <= DEAD
        and left >= WEEKS // 2
        and np.median(volume[first:at]) > LIQUID
    ):
        return "hardly a share is traded from here on: dead data"
    return None


def _alike(levels: Levels, volume: npt.NDArray[np.float64], first: int, at: int, last: int) -> bool:
    """Whether about as many dollars are traded after as before."""
    return abs(_dollars(levels, volume, at, last) - _dollars(levels, volume, first, at)) < ALIKE


def _since(levels: Levels, at: int) -> int:
    """The first row of the weeks before `at`, not beyond a long hole."""
    first = at - min(int(levels.number[at]), WEEKS)
    holes = np.flatnonzero(levels.away[first + 1 : at] >= LONG_HOLE)
    return first + 1 + int(holes[-1]) if len(holes) else first


def _shares(volume: npt.NDArray[np.float64], first: int, last: int) -> float:
    """The logarithm of the median of the shares traded a day, at least one."""
    return float(np.log(max(1.0, float(np.median(volume[first:last])))))


def _dollars(levels: Levels, volume: npt.NDArray[np.float64], first: int, last: int) -> float:
    """The logarithm of the median of the dollars traded a day, at least one."""
    return float(np.log(max(1.0, float(np.median(volume[first:last] * np.exp(levels.c[first:last]))))))
