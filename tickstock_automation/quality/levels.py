"""Breaks in the level of prices, and what they come to: a bar or a block that is out of line and comes back, or a step that stays.

A break is a gap overnight far beyond what is usual for the symbol. Two breaks that cancel each other are a segment: the bars
between stand on another level. Both neighbours decide, as Barndorff-Nielsen et al. ("Realized kernels in practice", 2009,
rule Q4 with backward and forward medians) have it; that a real move trades heavily and a wrong print does not is what tells
the two apart. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from tickstock_automation.quality.ratios import unit_ratio

LONGEST_BLOCK = 25
BREAK_SCALES = 5.0
LEAST_BREAK = 0.045
LARGE_STEP = 0.6
FIRST_BARS, UNIT_NOISE = 3, 0.1
Floats = npt.NDArray[np.float64]
_COLUMNS = (
    "gap", "body", "gap_scale", "body_scale", "v_ratio", "quiet", "o", "c", "market_gap", "market_body",
)  # fmt: skip


@dataclass(frozen=True)
class Segment:
    """Bars from row `first` to row `last` of the frame stand `shift` (a logarithm) above their surroundings.

    z: the shift in usual gaps; mismatch: what is left of it after both breaks, as a share; volume: the quietest word on how
    much was traded as it began and ended, as a logarithm against usual.
    """

    first: int
    last: int
    shift: float
    z: float
    mismatch: float
    volume_in: float
    volume_out: float

    @property
    def bars(self) -> int:
        return self.last - self.first + 1

    @property
    def doubt(self) -> float:
        """The lower, the likelier an error: a close match, a short stay, nothing traded on it."""
        return self.mismatch + 0.03 * (self.bars - 1) + 0.2 * max(0.0, self.volume_in, self.volume_out)


@dataclass(frozen=True)
class Step:
    """At row `at` the level changes by `shift` (a logarithm) and stays, for `after` bars at least.

    z: in usual gaps; noise: what a move of that long usually is, as a logarithm (overnight, or over the sessions without a bar);
    body_z: the day's own move in usual ones; volume, volume_next: ln over usual, of this day and the next.
    """

    at: int
    shift: float
    z: float
    noise: float
    body_z: float
    volume: float
    volume_next: float
    after: int


class Levels:
    """The frame's columns as arrays, and what was found in them. Rows are those of the frame."""

    def __init__(self, frame: pl.DataFrame) -> None:
        values: dict[str, Floats] = {
            name: frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in _COLUMNS
        }
        self.gap, self.body, self.gap_scale, self.body_scale = (values[name] for name in _COLUMNS[:4])
        self.v_ratio, self.quiet, self.o, self.c = (values[name] for name in _COLUMNS[4:8])
        self.market_gap, self.market_body = (values[name] for name in _COLUMNS[8:])
        self.number = frame["number"].to_numpy()
        self.left = frame["left"].to_numpy()
        self.away = frame["away"].cast(pl.Float64).fill_null(1.0).to_numpy()

    @cached_property
    def breaks(self) -> npt.NDArray[np.int64]:
        """Rows whose gap is far beyond the usual one."""
        with np.errstate(invalid="ignore"):
            found = np.abs(self.gap) > np.maximum(BREAK_SCALES * self.gap_scale * np.sqrt(self.away), LEAST_BREAK)
        return np.flatnonzero(found)

    @cached_property
    def segments(self) -> list[Segment]:
        """Pairs of breaks that cancel each other, each break in one pair at most, the best first."""
        pairs = []
        breaks = self.breaks
        for position, first in enumerate(breaks):
            for second in breaks[position + 1 :]:
                bars = int(second - first)
                if bars > LONGEST_BLOCK or self.number[second] < bars:
                    break
                found = self._segment(int(first), int(second))
                if found is not None:
                    pairs.append(found)
        pairs.sort(key=lambda one: (one.doubt, one.first))
        taken: set[int] = set()
        chosen = []
        for one in pairs:
            ends = {one.first, one.last + 1}
            if not ends & taken:
                taken |= ends
                chosen.append(one)
        return sorted(chosen, key=lambda one: one.first)

    def _segment(self, first: int, second: int) -> Segment | None:
        gap_in, gap_out = self.gap[first], self.gap[second]
        shift, rest = (gap_in - gap_out) / 2, abs(gap_in + gap_out)
        if gap_in * gap_out >= 0:
            return None
        bars = second - first
        scale = float(np.hypot(self.gap_scale[first], self.gap_scale[second])) / np.sqrt(2)
        drift = 0.0 if bars == 1 else 1.5 * self.body_scale[first] * np.sqrt(bars)
        if rest > max(0.5 * abs(shift), 3 * scale) or rest > 4 * scale + 4 * drift + 0.25 * abs(shift):
            return None
        return Segment(
            first, second - 1, float(shift), float(abs(shift) / scale), float(rest / abs(shift)),
            _or(self.v_ratio[first], 0.0), _or(self.v_ratio[second], 0.0),
        )  # fmt: skip

    def ends_first_bars(self, at: int) -> bool:
        """Whether a break after a symbol's first bar, or after its second or third by a unit, tells of the bars before it."""
        number = int(self.number[at])
        return number == 1 or (number <= FIRST_BARS and unit_ratio(float(self.gap[at]), UNIT_NOISE) is not None)

    @cached_property
    def steps(self) -> list[Step]:
        """Breaks that are no segment's, no first bar's and no last one's, where the level before and the level after are apart by about the gap."""
        ends = {end for one in self.segments for end in (one.first, one.last + 1)}
        alone = [
            int(at) for at in self.breaks if int(at) not in ends and self.left[at] and not self.ends_first_bars(int(at))
        ]
        return [step for at in alone if (step := self._step(at)) is not None]

    def noise(self, at: int) -> float:
        """The usual size of the move from the bar before row `at` to its open: one night, and the sessions without a bar."""
        away = float(self.away[at])
        return float(np.sqrt(away * self.gap_scale[at] ** 2 + (away - 1) * self.body_scale[at] ** 2))

    def _step(self, at: int) -> Step | None:
        number, left = int(self.number[at]), int(self.left[at])
        before = self.c[at - min(number, 5) : at]
        after = self.c[at : at + min(left, 4) + 1]
        lasting = float(np.median(after) - np.median(before))
        gap = float(self.gap[at])
        if lasting * gap <= 0 or abs(lasting - gap) > 0.4 * abs(gap) + 5 * self.body_scale[at]:
            return None
        # A large split changes the level of the volume too, so the weeks after it are what is usual; a crash's are not.
        volume = self.quiet if abs(gap) > LARGE_STEP else self.v_ratio
        return Step(
            at, gap, float(abs(gap) / self.gap_scale[at]), self.noise(at), float(abs(self.body[at]) / self.body_scale[at]),
            _or(volume[at], 0.0), _or(volume[at + 1], 0.0) if left else 0.0, left,
        )  # fmt: skip


def _or(value: float, other: float) -> float:
    """The value, or the other where it is unknown."""
    return other if np.isnan(value) else float(value)
