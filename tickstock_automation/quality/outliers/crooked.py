"""Prices of a bar, or of two or three running, that are off by different amounts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import polars as pl

from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context
from tickstock_automation.quality.outliers.telling import BIG, COMPLAINT, HEAVIER, HEAVY, SURE, severity, times

LEAST, LEFT = 0.06, 0.45
MOST_BARS = 3
LEAST_OF_MANY, LEFT_OF_MANY = 0.12, 0.25


def crooked(context: Context) -> Iterator[Finding]:
    """Gaps on both sides of one to three bars, while what stands before and after them fits."""
    told: set[tuple[int, object]] = set()
    for bars in range(MOST_BARS, 0, -1):  # two that are off by different amounts are not one
        for row in _stretches(context, bars):
            for one in context.rows(range(row["row"], row["row"] + bars)):
                if (one["symbol_id"], one["date"]) in told:
                    continue
                told.add((one["symbol_id"], one["date"]))
                shift = one["c"] - row["level"]
                yield COMPLAINT.about(
                    one, f"close {one['close']:g} is {times(shift)} what the days before and after it say"
                    f" ({one['close'] * math.exp(-shift):.4g}), {row['z']:.0f} usual gaps from both; volume ordinary",
                    "data_error", severity(row["most"]), "refetch", observed=one["close"],
                    expected=one["close"] * math.exp(-shift), threshold=SURE, z=round(row["z"], 1), factor=math.exp(shift),
                    sessions=bars,
                )  # fmt: skip


def _stretches(context: Context, bars: int) -> Iterator[dict[str, Any]]:
    """Where `bars` bars stand apart: the first one's row, the level (ln) around them, z and the larger gap."""
    within = "symbol_id"
    after = pl.col("o").shift(-bars).over(within)
    before = pl.col("c").shift(1).over(within)
    gap_out, scale_out = pl.col("gap").shift(-bars).over(within), pl.col("gap_scale").shift(-bars).over(within)
    inside = range(bars)
    market = pl.sum_horizontal(
        *(pl.col("market_gap").shift(-step) for step in range(bars + 1)),
        *(pl.col("market_body").shift(-step) for step in inside),
    )
    level = (before + after) / 2
    off = [(pl.mean_horizontal("o", "c").shift(-step).over(within) - level).abs() for step in inside]
    rows = context.bars.with_row_index("row").select(
        "row", level.alias("level"),
        pl.min_horizontal(pl.col("gap").abs() / pl.col("gap_scale"), gap_out.abs() / scale_out).alias("z"),
        pl.min_horizontal(pl.col("gap").abs(), gap_out.abs()).alias("least"),
        pl.max_horizontal(pl.col("gap").abs(), gap_out.abs()).alias("most"), (after - before - market).abs().alias("across"),
        pl.min_horizontal(off).alias("off"), (pl.col("body_scale") * bars**0.5).alias("drift"),
        pl.max_horizontal(*(pl.col("v_ratio").fill_null(0.0).shift(-step).over(within) for step in inside)).alias("volume"),
    ).filter(
        (pl.col("least") > LEAST) & (pl.col("z") > SURE) & (pl.col("across") < LEFT * pl.col("most"))
        & (pl.col("volume") < pl.when(pl.col("most") > BIG).then(2 * HEAVIER).otherwise(HEAVY))
    )  # fmt: skip
    if bars > 1:  # a move and its undoing some days later take more to be nobody's work
        rows = rows.filter(
            (pl.col("least") > LEAST_OF_MANY) & (pl.col("off") > LEAST_OF_MANY / 2)
            & (pl.col("across") < LEFT_OF_MANY * pl.col("most")) & (pl.col("across") < 3 * pl.col("drift") + LEAST / 2)
        )  # fmt: skip
    return rows.iter_rows(named=True)
