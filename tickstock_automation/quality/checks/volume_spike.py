"""A volume far above what the symbol usually trades."""

import math
from typing import Any

import polars as pl

from tickstock_automation.events.catalogue import Channel, Verdict
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import MEDIAN_SESSIONS, Context, other_bar

THRESHOLD = 5.0
ENOUGH_BARS = 10  # a median of fewer says nothing: the first days of a listing trade wildly
AROUND = 3.0  # times the median of the weeks around: what stays is a new level, not a spike
WILD = 22.0  # times: beyond it a quiet price beside quiet neighbours is no market's work
ALONE = 70.0
BESIDE = 1.8  # times: both neighbours below it
QUIET = 3.0  # usual moves
LOT, ROUNDED = 100, 0.9  # where this share of the volumes are whole lots ...
WHOLE = 50  # ... a whole number of so many of them is what a wrong unit leaves
COMPLAINT = Complaint("volume_spike", Channel.VOLUME_ANOMALY, "times the median")


def volume_spike(context: Context) -> list[Finding]:
    """Over 5 times the median of the 20 sessions before, adjusted for splits and for what the whole market traded that day.

    The contract, section 6. News moves the price, or leaves its mark on the days around: the largest volume of 92 large companies
    over five years beside a quiet price, an addition to an index, was 49 times the median, with twice the usual volume on
    both days beside it; with quiet neighbours it was 15 times. What is 22 times and quiet all around, or is a whole number
    of fiftyfold lots where the symbol's volumes are not, is an error of units. With a price that moved it is a market event.
    """
    ratio = pl.col("v") - pl.col("v_before") - pl.col("day_v")
    within = "symbol_id"
    rows = context.bars.with_columns(
        ratio.alias("spike"),
        other_bar("v_ratio", -1).alias("prior"),
        other_bar("v_ratio", 1).alias("following"),
        other_bar("gap", 1).alias("next_gap"),
        (pl.col("volume") % LOT == 0).cast(pl.Float64).rolling_mean(MEDIAN_SESSIONS, min_samples=1).over(within).alias("lots"),
    ).filter(
        ((pl.col("spike") > math.log(THRESHOLD)) & (pl.col("number") >= ENOUGH_BARS) & (pl.col("v_ratio") > math.log(AROUND))
         | (pl.col("v_ratio") > math.log(ALONE)))
        & pl.col("date").is_in(context.judged)
    )  # fmt: skip
    found = []
    for row in rows.iter_rows(named=True):
        times = math.exp(max(row["spike"] or 0.0, row["v_ratio"]))
        usual = math.exp(row["v_usual"] + row["day_v"]) / row["factor"]
        verdict, why = _verdict(row)
        found.append(
            COMPLAINT.about(
                row, f"volume {row['volume']:,.0f} is {times:.1f} times the median; {why}", verdict,
                "medium" if times >= 2 * THRESHOLD else "low", "refetch" if verdict == "data_error" else "review",
                observed=row["volume"], expected=usual, threshold=THRESHOLD, ratio=times, gap=row["gap"], body=row["body"],
            )
        )  # fmt: skip
    return found


def _verdict(row: dict[str, Any]) -> tuple[Verdict, str]:
    moved = max(abs(row["gap"] or 0.0) / row["gap_scale"], abs(row["body"]) / row["body_scale"])
    sides = max(row["prior"] or 0.0, row["following"] or 0.0)
    whole = row["lots"] > ROUNDED and row["volume"] % (WHOLE * LOT) == 0
    levels = [row[name] for name in ("v_before", "v_after") if row[name] is not None]
    least = min([row["v_ratio"], *(row["v"] - level - row["day_v"] for level in levels)])
    unit = (least > math.log(WILD) and (sides < math.log(BESIDE) or whole)) or least > math.log(ALONE)
    if unit and moved < 2 * QUIET:
        return "data_error", "neither the price nor the days beside it say so much was traded: an error of units"
    if moved > QUIET:
        return "market_event", f"the price moved {moved:.0f} times as much as usual"
    return "undetermined", "the price is quiet"
