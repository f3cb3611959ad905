"""A high or a low that is off by itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

import polars as pl

from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context
from tickstock_automation.quality.outliers.telling import COMPLAINT, HEAVY, severity

FOUND, LEAST = 0.06, 0.11
SURE = 10.0  # usual wicks
LONG, LONG_HEAVY = 0.15, 1.6  # a longer one may stand beside more volume
STORM, LONG_IN_STORM = 2.0, 0.35  # times the usual wicks of the whole market: 2015-08-24, say


def wicks(context: Context) -> Iterator[Finding]:
    """High or low far beyond open and close, in a market that is calm, without the trading that would go with it."""
    wick = pl.max_horizontal("up", "down")
    volume = pl.col("v_ratio").fill_null(0.0)
    rows = context.bars.select(
        "symbol_id", "symbol", "date", "high", "low", "close", "up", "down", wick.alias("wick"), "day_wick",
        (wick / pl.col("wick_scale")).alias("z"), "v_ratio",
    ).filter(
        (pl.col("wick") > FOUND) & (pl.col("z") > SURE) & pl.col("date").is_in(context.judged)
        & ((volume < HEAVY) | ((volume < LONG_HEAVY) & (pl.col("wick") > LONG)))
        & ((pl.col("day_wick") < STORM) | (pl.col("wick") > LONG_IN_STORM))
    )  # fmt: skip
    for row in rows.iter_rows(named=True):
        name = "high" if row["up"] >= row["down"] else "low"
        sure = row["wick"] > LEAST
        expected = row[name] * math.exp(-row["wick"] if name == "high" else row["wick"])
        yield COMPLAINT.about(
            row, f"{name} {row[name]:g} is {row['z']:.0f} usual wicks away from open and close ({expected:.4g}); volume ordinary",
            "data_error" if sure else "undetermined", severity(row["wick"]), "refetch", observed=row[name],
            expected=expected, threshold=SURE, z=round(row["z"], 1),
        )  # fmt: skip
