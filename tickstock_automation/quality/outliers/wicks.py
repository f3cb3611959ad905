"""A high or a low that is off by itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date

import polars as pl

from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context
from tickstock_automation.quality.outliers.telling import COMPLAINT, HEAVY, severity

FOUND, LEAST = 0.06, 0.11
SURE = 10.0  # usual wicks
LONG, LONG_HEAVY = 0.15, 1.6  # a longer one may stand beside more volume
STORM = 2.0  # times the usual wicks, of the whole market
LONG_IN_STORM = 0.35  # in such a storm; in a wilder one so much longer
TOGETHER = 3  # symbols that have such a wick to the same side on one day ...
TOGETHER_SHARE = 0.2  # ... are the market, however few are known: 2010-05-06


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
        & ((pl.col("day_wick") < STORM) | (pl.col("wick") > LONG_IN_STORM * pl.col("day_wick") / STORM))
    )  # fmt: skip
    crowds = _crowds(context.bars.filter(pl.col("date").is_in(rows["date"].unique().implode())))
    for row in rows.iter_rows(named=True):
        name = "high" if row["up"] >= row["down"] else "low"
        if (row["date"], name) in crowds and row["wick"] <= LONG_IN_STORM:
            continue
        sure = row["wick"] > LEAST
        expected = row[name] * math.exp(-row["wick"] if name == "high" else row["wick"])
        yield COMPLAINT.about(
            row, f"{name} {row[name]:g} is {row['z']:.0f} usual wicks away from open and close ({expected:.4g}); volume ordinary",
            "data_error" if sure else "undetermined", severity(row["wick"]), "refetch", observed=row[name],
            expected=expected, threshold=SURE, z=round(row["z"], 1),
        )  # fmt: skip


def _crowds(bars: pl.DataFrame) -> set[tuple[date, str]]:
    """The days and sides on which so many symbols have a long wick that a wrong print of each is not likely."""
    found: set[tuple[date, str]] = set()
    for name, wick in (("high", "up"), ("low", "down")):
        long = ((pl.col(wick) / pl.col("wick_scale")) > SURE / 2).sum()
        days = bars.group_by("date").agg(long.alias("long"), pl.len().alias("all"))
        crowded = days.filter((pl.col("long") >= TOGETHER) & (pl.col("long") >= TOGETHER_SHARE * pl.col("all")))
        found |= {(day, name) for day in crowded["date"]}
    return found
