"""A bar, or a block of bars, on another level, and back."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tickstock_automation.events.catalogue import Verdict
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context
from tickstock_automation.quality.levels import Segment
from tickstock_automation.quality.outliers.telling import (
    BIG,
    COMPLAINT,
    HEAVIER,
    HEAVY,
    HUGE,
    RETURN,
    SURE,
    severity,
    times,
)
from tickstock_automation.quality.ratios import split_ratio, unit_ratio

LEAST, CLEAR = 0.065, 0.085  # the largest real day that came back beside ordinary volume reached 0.056
BEYOND, FRENZY = math.log(8.0), 3.0  # no market's work at all; and how much may be traded beside a huge shift
FEW_BARS = 5  # over which a smaller shift is seen as well
CERTAIN = 0.09  # a shift that no real day came back from


def segments(context: Context) -> Iterator[Finding]:
    """Each bar of a segment that is no market's work, and the day of a real move that came back."""
    for segment in context.levels.segments:
        verdict, why = judged(segment)
        if verdict is None:
            continue
        factor = times(segment.shift)
        length = "back next session" if segment.bars == 1 else f"back after {segment.bars} sessions"
        for row in context.rows(range(segment.first, segment.last + 1)):
            level = row["close"] * math.exp(-segment.shift)
            yield COMPLAINT.about(
                row, f"close {row['close']:g} is {factor} what its neighbours say ({level:.4g}); {why}; {length}",
                verdict, severity(segment.shift), "refetch" if verdict == "data_error" else "review",
                observed=row["close"], expected=level, threshold=SURE, z=round(segment.z, 1), factor=math.exp(segment.shift),
                sessions=segment.bars,
            )  # fmt: skip


def judged(segment: Segment) -> tuple[Verdict | None, str]:
    """Error, event, or neither worth a word."""
    shift, volume = abs(segment.shift), max(segment.volume_in, segment.volume_out)
    if segment.z < SURE or segment.mismatch > RETURN or shift < LEAST:
        return None, ""
    unit = unit_ratio(segment.shift, 0.1) or split_ratio(segment.shift, 0.03)
    named = f"about {unit.words}" if unit else f"{segment.z:.0f} usual gaps"
    if shift > BEYOND or (shift > HUGE and volume < FRENZY) or (shift > BIG and volume < 2 * HEAVY):
        return "data_error", named
    if segment.bars == 1 and segment.volume_in < (
        HEAVIER if shift > CERTAIN and segment.mismatch < RETURN - 0.1 else HEAVY
    ):
        return "data_error" if shift > CLEAR else "undetermined", f"{named}, volume ordinary"
    if segment.bars > 1 and shift > 2 * LEAST and volume < 0.7 * HEAVY and segment.mismatch < 0.6 * RETURN:
        return "data_error", f"{named}, volume ordinary"
    if 1 < segment.bars <= FEW_BARS and shift > CERTAIN and volume < 0.7 * HEAVY and segment.mismatch < 0.5 * RETURN:
        return "data_error" if segment.z > 2 * SURE else "undetermined", f"{named}, volume ordinary"
    if segment.bars > 1:
        return None, ""
    return "market_event", f"{named}, but traded heavily"
