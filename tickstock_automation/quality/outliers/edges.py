"""The first and the last bar, which have one neighbour only."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context
from tickstock_automation.quality.levels import FIRST_BARS, UNIT_NOISE, Levels
from tickstock_automation.quality.outliers.telling import BIG, COMPLAINT, HEAVIER, HEAVY, HUGE, SURE, severity, times
from tickstock_automation.quality.ratios import split_ratio, unit_ratio

LEAST, UNSURE_HEAVY = 0.1, 0.7
FIRST = 0.25
QUIET_LEAST, QUIET_Z, QUIET_VOLUME = 0.18, 12.0, 0.35  # of 112,000 bars none moved so far beyond its usual, so quietly


@dataclass(frozen=True)
class _Edge:
    rows: range
    shift: float
    z: float
    volume: float
    words: str


def edges(context: Context) -> Iterator[Finding]:
    """What is sure from one side, and (undetermined, settled by the next session) what is not."""
    for edge in _lonely(context.levels):
        shift = abs(edge.shift)
        unit = unit_ratio(edge.shift, UNIT_NOISE)
        split = split_ratio(edge.shift, 0.015)
        sure = edge.volume < HEAVIER and (unit is not None or shift > HUGE)
        sure = sure or (split is not None and shift > BIG and edge.volume < HEAVY)
        first = edge.words == "first"
        sure = sure or (first and shift > FIRST and edge.volume < HEAVY)
        sure = sure or (shift > QUIET_LEAST and edge.z > QUIET_Z and edge.volume < QUIET_VOLUME)
        if not sure and (shift < LEAST or edge.volume > UNSURE_HEAVY):
            continue
        for row in context.rows(edge.rows):
            level = row["close"] * math.exp(-edge.shift)
            why = f"nothing {'before' if first else 'after'} it, so only one side tells"
            yield COMPLAINT.about(
                row, f"close {row['close']:g} is {times(edge.shift)} its neighbour's level ({level:.4g}); {why}",
                "data_error" if sure else "undetermined", severity(edge.shift), "refetch", observed=row["close"],
                expected=level, threshold=SURE, z=round(edge.z, 1), factor=math.exp(edge.shift),
            )  # fmt: skip


def _lonely(levels: Levels) -> Iterator[_Edge]:
    used = {end for one in levels.segments for end in (one.first, one.last + 1)}
    for at in map(int, levels.breaks):
        z = abs(levels.gap[at]) / levels.gap_scale[at]
        if at in used or z < SURE:
            continue
        quiet = 0.0 if math.isnan(levels.v_ratio[at]) else float(levels.v_ratio[at])
        number, gap = int(levels.number[at]), float(levels.gap[at])
        if levels.ends_first_bars(at) and levels.left[at] >= FIRST_BARS:
            before = 0.0 if math.isnan(levels.v_ratio[at - 1]) else float(levels.v_ratio[at - 1])
            yield _Edge(range(at - number, at), -gap, float(z), max(quiet, before), "first")
        elif levels.left[at] == 0:
            yield _Edge(range(at, at + 1), gap, float(z), quiet, "last")
