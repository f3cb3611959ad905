"""Ratios that a price may be off by: those of splits, and those of units. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

# New shares for old ones. Whole splits up to 50:1 and the fractional ones that companies have used; reversed as well.
SPLITS = (
    (5, 4), (4, 3), (3, 2), (2, 1), (5, 2), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (10, 1), (12, 1), (15, 1),
    (20, 1), (25, 1), (30, 1), (40, 1), (50, 1),
)  # fmt: skip
UNITS = (10, 100, 1_000, 10_000)


@dataclass(frozen=True)
class Ratio:
    """A known ratio: its words ("2:1 split", "100x"), and how far a shift is from it (in logarithms)."""

    words: str
    unit: bool
    distance: float


def split_ratio(shift: float, tolerance: float) -> Ratio | None:
    """The split whose step a shift of prices (logarithm, later over earlier) is, within a tolerance; None where there is none.

    Prices fall by a split's ratio and rise by a reverse split's.
    """
    best: Ratio | None = None
    for new, old in SPLITS:
        distance = abs(abs(shift) - math.log(new / old))
        if distance <= tolerance and (best is None or distance < best.distance):
            best = Ratio(f"{new}:{old} split" if shift < 0 else f"{old}:{new} reverse split", False, distance)
    return best


def unit_ratio(shift: float, tolerance: float) -> Ratio | None:
    """The power of ten that a shift is, within a tolerance."""
    for unit in UNITS:
        distance = abs(abs(shift) - math.log(unit))
        if distance <= tolerance:
            return Ratio(f"{unit:,}x" if shift > 0 else f"1/{unit:,}", True, distance)
    return None
