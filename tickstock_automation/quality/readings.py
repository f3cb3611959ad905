"""How well a bar fits its neighbours and its market when it is read otherwise: open and close swapped, or as another session's.

Each reading is held against the plain one by the logarithm of a likelihood ratio, above zero where the other reading fits
better. Gaps and bodies, less the market's own, over their usual size have heavy tails: Student's t, whose negative logarithm
is ln(1 + x²/n)·(n + 1)/2. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
SHORTEST_SWAP, LONGEST_SWAP = 3, 22
LONGEST_SHIFT = 25
TAILS, VOLUME_SPREAD = 3.0, 0.3
MOST_GAIN = 1.0  # of one move or volume, for a shift: no single one decides it
PROMISING = 1.5
NEARLY = 2.0
WORTH = 7.0  # a gain below it is chance
_COLUMNS = (
    "o", "c", "raw_gap", "raw_body", "market_gap", "market_body", "gap_scale", "body_scale", "v_ratio", "day_v",
)  # fmt: skip


@dataclass(frozen=True)
class Swap:
    """Open and close change places from row `first` to row `last`; `gain`: how much better that fits."""

    first: int
    last: int
    gain: float


class Readings:
    """The frame's columns as arrays; rows are those of the frame."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._values = {name: frame[name].cast(pl.Float64).fill_null(0.0).to_numpy() for name in _COLUMNS}
        self.number = frame["number"].to_numpy()
        self.left = frame["left"].to_numpy()
        self.dates = frame["date"].to_numpy()

    def swaps(self) -> list[Swap]:
        """Stretches of 3 to 22 bars that fit better with open and close swapped, none overlapping, the best first."""
        v = self._values
        o, c, market, scale = v["o"], v["c"], v["market_gap"], v["gap_scale"]
        if len(o) < SHORTEST_SWAP + 2:
            return []
        earlier_o, earlier_c = np.roll(o, 1), np.roll(c, 1)
        plain = _cost((o - earlier_c - market) / scale)
        inside = plain - _cost((c - earlier_o - market) / scale)
        entering = plain - _cost((c - earlier_c - market) / scale)
        leaving = plain - _cost((o - earlier_o - market) / scale)
        for link in (inside, entering, leaving):
            link[self.number == 0] = 0.0
        bodies = _cost((v["raw_body"] - v["market_body"]) / v["body_scale"]) - _cost(
            (-v["raw_body"] - v["market_body"]) / v["body_scale"]
        )
        links, sums = np.cumsum(inside), np.concatenate([[0.0], np.cumsum(bodies)])
        first = np.flatnonzero((links[2:] - links[:-2] > PROMISING) & (self.number[:-2] >= 1) & (self.left[:-2] >= 2))
        found = []
        for length in range(SHORTEST_SWAP, LONGEST_SWAP + 1):
            start = first[self.left[first] >= length]  # with a bar after the last
            last = start + length - 1
            gain = links[last] - links[start] + sums[last + 1] - sums[start] + entering[start] + leaving[last + 1]
            good = gain > WORTH
            found += [
                Swap(int(a), int(b), float(g)) for a, b, g in zip(start[good], last[good], gain[good], strict=True)
            ]
        return [one for group in _groups(found) for one in _apart(group)]

    def shift_gains(self, rows: npt.NDArray[np.int64], sessions: int) -> Floats:
        """How much better each of these bars fits as that of the session `sessions` later (or, below 0, earlier)."""
        days, place = np.unique(self.dates, return_inverse=True)
        first = np.zeros(len(days), dtype=np.int64)
        first[place] = np.arange(len(place))
        other = first[np.clip(place[rows] + sessions, 0, len(days) - 1)]
        v = self._values
        gap, body = v["raw_gap"][rows], v["raw_body"][rows]
        gap_scale, body_scale = v["gap_scale"][rows], v["body_scale"][rows]
        volume = v["v_ratio"][rows] + v["day_v"][rows]
        return (
            _gain(gap, v["market_gap"][rows], v["market_gap"][other], gap_scale)
            + _gain(body, v["market_body"][rows], v["market_body"][other], body_scale)
            + _gain(volume, v["day_v"][rows], v["day_v"][other], np.full(len(rows), VOLUME_SPREAD))
        )


def _cost(x: Floats) -> Floats:
    return np.asarray((TAILS + 1) / 2 * np.log1p(x * x / TAILS), dtype=np.float64)


def cost(x: pl.Expr) -> pl.Expr:
    """Student's t: how much less likely `x` usual moves are than none, as a logarithm."""
    return (TAILS + 1) / 2 * (x * x / TAILS).log1p()


def _gain(values: Floats, plain: Floats, other: Floats, scale: Floats) -> Floats:
    return np.clip(_cost((values - plain) / scale) - _cost((values - other) / scale), -MOST_GAIN, MOST_GAIN)


def _groups(found: list[Swap]) -> list[list[Swap]]:
    """Those that overlap or touch, together."""
    groups: list[list[Swap]] = []
    end = -1
    for one in sorted(found, key=lambda swap: swap.first):
        if groups and one.first <= end + 1:
            groups[-1].append(one)
        else:
            groups.append([one])
        end = max(end, one.last)
    return groups


def _apart(found: list[Swap]) -> list[Swap]:
    """The best of those that overlap, cut to the shortest part of it that fits nearly as well."""
    chosen: list[Swap] = []
    cores: list[Swap] = []
    for one in sorted(found, key=lambda swap: -swap.gain):
        if all(one.last + 1 < other.first or other.last + 1 < one.first for other in chosen):
            inside = [
                other for other in found
                if one.first <= other.first and other.last <= one.last and other.gain >= one.gain - NEARLY
            ]  # fmt: skip
            core = min(inside, key=lambda other: (other.last - other.first, -other.gain))
            cores.append(Swap(core.first, core.last, one.gain))
            chosen.append(one)
    return cores
