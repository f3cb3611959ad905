"""Prices of a bar, or of two or three running, that are off by different amounts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context
from tickstock_automation.quality.levels import Levels
from tickstock_automation.quality.outliers.telling import BIG, COMPLAINT, HEAVIER, HEAVY, severity, times

LEAST, LEFT = 0.06, 0.45
SURE = 7.0  # usual gaps, on both sides
MOST_BARS = 3
LEAST_OF_MANY, LEFT_OF_MANY = 0.12, 0.25


@dataclass(frozen=True)
class _Stretch:
    """Rows `first` to `last` stand apart from the level (a logarithm) of both sides; `z` in usual gaps, `most` the larger gap."""

    first: int
    last: int
    level: float
    z: float
    most: float


def crooked(context: Context) -> Iterator[Finding]:
    """Gaps on both sides of one to three bars, while what stands before and after them fits."""
    told: set[int] = set()
    levels = context.levels
    breaks = set(map(int, levels.breaks))
    for bars in range(MOST_BARS, 0, -1):  # two that are off by different amounts are not one
        for first in levels.breaks:
            second = int(first) + bars
            if second not in breaks or levels.number[second] < bars:
                continue
            stretch = _stretch(levels, int(first), second)
            if stretch is not None:
                rows = [row for row in range(stretch.first, stretch.last + 1) if row not in told]
                told.update(rows)
                yield from (_finding(row, stretch) for row in context.rows(rows))


def _finding(row: dict[str, Any], stretch: _Stretch) -> Finding:
    shift = row["c"] - stretch.level
    expected = row["close"] * math.exp(-shift)
    return COMPLAINT.about(
        row, f"close {row['close']:g} is {times(shift)} what the days before and after it say ({expected:.4g}),"
        f" {stretch.z:.0f} usual gaps from both; volume ordinary",
        "data_error", severity(stretch.most), "refetch", observed=row["close"], expected=expected, threshold=SURE,
        z=round(stretch.z, 1), factor=math.exp(shift), gap=stretch.most, sessions=stretch.last - stretch.first + 1,
    )  # fmt: skip


def _stretch(levels: Levels, first: int, second: int) -> _Stretch | None:
    bars, inside = second - first, slice(first, second)
    gaps = abs(levels.gap[first]), abs(levels.gap[second])
    z = min(gaps[0] / levels.gap_scale[first], gaps[1] / levels.gap_scale[second])
    least, most = min(gaps), max(gaps)
    before, after = levels.c[first - 1], levels.o[second]
    market = levels.market_gap[first : second + 1].sum() + levels.market_body[inside].sum()
    across = abs(after - before - market)
    if least <= LEAST or z <= SURE or across >= LEFT * most:
        return None
    volume = np.nan_to_num(levels.v_ratio[inside], nan=0.0).max()
    if volume >= (2 * HEAVIER if most > BIG else HEAVY):
        return None
    level = (before + after) / 2
    if bars > 1:  # a move and its undoing some days later take more to be nobody's work
        off = np.abs((levels.o[inside] + levels.c[inside]) / 2 - level).min()
        drift = levels.body_scale[first] * bars**0.5
        if (
            least <= LEAST_OF_MANY
            or off <= LEAST_OF_MANY / 2
            or across >= min(LEFT_OF_MANY * most, 3 * drift + LEAST / 2)
        ):
            return None
    return _Stretch(first, second - 1, float(level), float(z), float(most))
