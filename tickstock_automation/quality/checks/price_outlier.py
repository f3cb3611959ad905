"""A bar, or one of its prices, out of line with both neighbours, that comes back."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from tickstock_automation.events.catalogue import Channel, Verdict
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import Context
from tickstock_automation.quality.levels import Levels, Segment
from tickstock_automation.quality.ratios import split_ratio, unit_ratio

HUGE = math.log(2.5)  # such a level for some days and back is no market's work
BIG = math.log(1.8)
LEAST = 0.065
SURE = 6.0  # usual moves
HEAVY = 1.0  # ln of volume over usual: above it, people traded on the news
CERTAIN, HEAVIER = 0.09, 1.8  # a shift that no real day came back from, and how much may be traded beside it
RETURN = 0.4  # of the shift may be left after both breaks
CLOSE_LEAST, CLOSE_SURE = 0.09, 5.5
CROOKED_LEAST, CROOKED_RETURN = 0.06, 0.45
WICK_LEAST = 0.11
WICK_FOUND = 0.06
WICK_SURE = 10.0
WICK_LONG, WICK_HEAVY = 0.15, 1.6  # a longer one may stand beside more volume
WICK_IN_STORM = 0.35
STORM = 2.0  # times the usual wicks, of the whole market: 2015-08-24, say
EDGE_SURE = 0.25
EDGE_LEAST, EDGE_Z, EDGE_VOLUME = 0.18, 12.0, 0.35  # of 112,000 bars none moved so far beyond its usual, so quietly
COMPLAINT = Complaint("price_outlier", Channel.PRICE_ANOMALY, "usual moves")


def price_outlier(context: Context) -> list[Finding]:
    """A bar, a block of up to 25 bars, or one price of a bar that stands apart from both sides.

    Measured in usual overnight gaps of the symbol (a robust scale of 30 bars on either side, times the day's restlessness;
    Barndorff-Nielsen et al. take 10 mean deviations from a median for trades, Brownlees and Gallo 3 standard deviations plus a
    floor). Real jumps that come back next session with ordinary volume do not reach 6% in 92 large companies over five years:
    6 usual gaps and 5% with less than 2.7 times the usual volume is an error; heavier ones are the market's.
    """
    found = [*_segments(context), *_edges(context), *_closes(context), *_crooked(context), *_wicks(context)]
    seen: dict[tuple[int, Any], Finding] = {}
    for one in found:
        seen.setdefault((one.symbol_id, one.date), one)
    return list(seen.values())


def _segments(context: Context) -> Iterator[Finding]:
    for segment in context.levels.segments:
        verdict, why = judged(segment)
        if verdict is None:
            continue
        times = _times(segment.shift)
        length = "back next session" if segment.bars == 1 else f"back after {segment.bars} sessions"
        for row in context.rows(range(segment.first, segment.last + 1)):
            level = row["close"] * math.exp(-segment.shift)
            yield COMPLAINT.about(
                row, f"close {row['close']:g} is {times} what its neighbours say ({level:.4g}); {why}; {length}",
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
    if shift > HUGE or (shift > BIG and volume < 2 * HEAVY):
        return "data_error", named
    if segment.bars == 1 and segment.volume_in < (
        HEAVIER if shift > CERTAIN and segment.mismatch < RETURN - 0.1 else HEAVY
    ):
        return "data_error", f"{named}, volume ordinary"
    if segment.bars > 1 and shift > 2 * LEAST and volume < 0.7 * HEAVY and segment.mismatch < 0.6 * RETURN:
        return "data_error", f"{named}, volume ordinary"
    if segment.bars > 1:
        return None, ""
    return "market_event", f"{named}, but traded heavily"


@dataclass(frozen=True)
class _Edge:
    row: int
    shift: float
    z: float
    volume: float
    words: str


def _edges(context: Context) -> Iterator[Finding]:
    """The first and the last bar have one neighbour only."""
    for edge in _lonely(context.levels):
        shift = abs(edge.shift)
        unit = unit_ratio(edge.shift, 0.1)
        split = split_ratio(edge.shift, 0.015)
        sure = unit is not None or shift > HUGE or (split is not None and shift > BIG and edge.volume < HEAVY)
        first = edge.words == "first"
        sure = sure or (first and shift > EDGE_SURE and edge.volume < HEAVY)
        sure = sure or (shift > EDGE_LEAST and edge.z > EDGE_Z and edge.volume < EDGE_VOLUME)
        if not sure and (shift < 0.1 or edge.volume > HEAVY):
            continue
        for row in context.rows([edge.row]):
            level = row["close"] * math.exp(-edge.shift)
            why = f"it is the {edge.words} bar, so only one side tells"
            yield COMPLAINT.about(
                row, f"close {row['close']:g} is {_times(edge.shift)} its neighbour's level ({level:.4g}); {why}",
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
        if levels.number[at] == 1 and levels.left[at] >= 3:
            before = 0.0 if math.isnan(levels.v_ratio[at - 1]) else float(levels.v_ratio[at - 1])
            yield _Edge(at - 1, -float(levels.gap[at]), float(z), max(quiet, before), "first")
        elif levels.left[at] == 0:
            yield _Edge(at, float(levels.gap[at]), float(z), quiet, "last")


def _closes(context: Context) -> Iterator[Finding]:
    """The close alone: the day's body and the gap after it cancel each other."""
    within = "symbol_id"
    following = pl.col("gap").shift(-1).over(within)
    scale = ((pl.col("body_scale").pow(2) + pl.col("gap_scale").shift(-1).over(within).pow(2)) / 2).sqrt()
    off = (pl.col("body") - following) / 2
    rest = (pl.col("body") + following).abs()
    rows = context.bars.select(
        "symbol_id", "symbol", "date", "close", "v_ratio", off.alias("off"), (off.abs() / scale).alias("z"), rest.alias("rest"),
        pl.col("gap").abs().alias("gap"), "gap_scale",
    ).filter(
        (pl.col("off").abs() > CLOSE_LEAST) & (pl.col("z") > CLOSE_SURE) & (pl.col("rest") < RETURN * pl.col("off").abs())
        & (pl.col("v_ratio").fill_null(0.0) < HEAVY) & pl.col("date").is_in(context.judged)
    )  # fmt: skip
    for row in rows.iter_rows(named=True):
        level = row["close"] * math.exp(-row["off"])
        yield COMPLAINT.about(
            row, f"close {row['close']:g} is {_times(row['off'])} what open and the next open say ({level:.4g}); volume"
            " ordinary; back at the next open",
            "data_error", severity(row["off"]), "refetch", observed=row["close"], expected=level, threshold=SURE,
            z=round(row["z"], 1), factor=math.exp(row["off"]),
        )  # fmt: skip


def _crooked(context: Context) -> Iterator[Finding]:
    """Prices that are off by different amounts: gaps on both sides, while the days before and after fit each other."""
    within = "symbol_id"
    gap_out = pl.col("gap").shift(-1).over(within)
    scale_out = pl.col("gap_scale").shift(-1).over(within)
    across = (pl.col("gap") + pl.col("raw_body") + gap_out).abs()
    least = pl.min_horizontal(pl.col("gap").abs(), gap_out.abs())
    rows = context.bars.select(
        "symbol_id", "symbol", "date", "close", "v_ratio", (pl.col("c").shift(1) + pl.col("o").shift(-1)).alias("levels"),
        pl.min_horizontal(pl.col("gap").abs() / pl.col("gap_scale"), gap_out.abs() / scale_out).alias("z"), "c",
        least.alias("least"), pl.max_horizontal(pl.col("gap").abs(), gap_out.abs()).alias("most"), across.alias("across"), "gap",
    ).filter(
        (pl.col("least") > CROOKED_LEAST) & (pl.col("z") > SURE) & (pl.col("across") < CROOKED_RETURN * pl.col("most"))
        & (pl.col("v_ratio").fill_null(0.0) < pl.when(pl.col("most") > BIG).then(2 * HEAVIER).otherwise(HEAVY))
        & pl.col("date").is_in(context.judged)
    )  # fmt: skip
    for row in rows.iter_rows(named=True):
        expected = row["close"] * math.exp(row["levels"] / 2 - row["c"])
        yield COMPLAINT.about(
            row, f"open and close {row['close']:g} are {row['z']:.0f} usual gaps from both sides, which fit each other"
            f" ({expected:.4g}); volume ordinary",
            "data_error", severity(row["most"]), "refetch", observed=row["close"], expected=expected, threshold=SURE,
            z=round(row["z"], 1), factor=math.exp(row["c"] - row["levels"] / 2),
        )  # fmt: skip


def _wicks(context: Context) -> Iterator[Finding]:
    """High or low alone."""
    wick = pl.max_horizontal("up", "down")
    volume = pl.col("v_ratio").fill_null(0.0)
    rows = context.bars.select(
        "symbol_id", "symbol", "date", "high", "low", "close", "up", "down", wick.alias("wick"), "day_wick",
        (wick / pl.col("wick_scale")).alias("z"), "v_ratio",
    ).filter(
        (pl.col("wick") > WICK_FOUND) & (pl.col("z") > WICK_SURE) & pl.col("date").is_in(context.judged)
        & ((volume < HEAVY) | ((volume < WICK_HEAVY) & (pl.col("wick") > WICK_LONG)))
        & ((pl.col("day_wick") < STORM) | (pl.col("wick") > WICK_IN_STORM))
    )  # fmt: skip
    for row in rows.iter_rows(named=True):
        name = "high" if row["up"] >= row["down"] else "low"
        sure = row["wick"] > WICK_LEAST
        expected = row[name] * math.exp(-row["wick"] if name == "high" else row["wick"])
        yield COMPLAINT.about(
            row, f"{name} {row[name]:g} is {row['z']:.0f} usual wicks away from open and close ({expected:.4g}); volume ordinary",
            "data_error" if sure else "undetermined", severity(row["wick"]), "refetch", observed=row[name],
            expected=expected, threshold=WICK_SURE, z=round(row["z"], 1),
        )  # fmt: skip


def severity(shift: float) -> Any:
    """By how far it is off: 20% medium, 50% high, 150% critical."""
    size = abs(shift)
    return "critical" if size > math.log(2.5) else "high" if size > math.log(1.5) else "medium"


def _times(shift: float) -> str:
    factor = math.exp(shift)
    return f"{factor:.4g}x" if factor >= 2 or factor <= 0.5 else f"{factor - 1:+.1%} of"
