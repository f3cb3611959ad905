"""Prices of one bar that are off by different amounts."""

from __future__ import annotations

import math
from collections.abc import Iterator

import polars as pl

from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context
from tickstock_automation.quality.outliers.telling import BIG, COMPLAINT, HEAVIER, HEAVY, SURE, severity

LEAST, LEFT = 0.06, 0.45


def crooked(context: Context) -> Iterator[Finding]:
    """Gaps on both sides, while the days before and after fit each other."""
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
        (pl.col("least") > LEAST) & (pl.col("z") > SURE) & (pl.col("across") < LEFT * pl.col("most"))
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
