"""A close that is off by itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import polars as pl

from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context
from tickstock_automation.quality.outliers.telling import COMPLAINT, HEAVIER, HEAVY, HUGE, RETURN, SURE, severity, times

LEAST, LEAST_Z = 0.09, 5.5


def closes(context: Context) -> Iterator[Finding]:
    """The close alone: the day's body and the gap after it cancel each other, or, of a last bar, no market makes such a body."""
    yield from _before_the_next_open(context)
    yield from _of_the_last_bar(context)


def _before_the_next_open(context: Context) -> Iterator[Finding]:
    following = pl.col("gap").shift(-1)  # null where no bar of the symbol follows
    scale = ((pl.col("body_scale").pow(2) + pl.col("gap_scale").shift(-1).pow(2)) / 2).sqrt()
    off = (pl.col("body") - following) / 2
    rest = (pl.col("body") + following).abs()
    rows = context.bars.select(
        "symbol_id", "symbol", "date", "close", "v_ratio", off.alias("off"), (off.abs() / scale).alias("z"), rest.alias("rest"),
        pl.col("gap").abs().alias("gap"), "gap_scale",
    ).filter(
        (pl.col("off").abs() > LEAST) & (pl.col("z") > LEAST_Z) & (pl.col("rest") < RETURN * pl.col("off").abs())
        & (pl.col("v_ratio").fill_null(0.0) < HEAVY) & pl.col("date").is_in(context.judged)
    )  # fmt: skip
    for row in rows.iter_rows(named=True):
        yield _told(row, "open and the next open say", "back at the next open")


def _of_the_last_bar(context: Context) -> Iterator[Finding]:
    """Sure before its next open: a body of 2.5 times and more, beside a volume that is not wild."""
    rows = context.bars.select(
        "symbol_id", "symbol", "date", "close", pl.col("body").alias("off"), (pl.col("body").abs() / pl.col("body_scale")).alias("z"),
        "left", pl.col("v_ratio").fill_null(0.0).alias("v_ratio"),
    ).filter(
        (pl.col("left") == 0) & (pl.col("off").abs() > HUGE) & (pl.col("z") > SURE) & (pl.col("v_ratio") < HEAVIER)
        & pl.col("date").is_in(context.judged)
    )  # fmt: skip
    for row in rows.iter_rows(named=True):
        yield _told(row, "its open says", "nothing after it, but too large to be a market's")


def _told(row: dict[str, Any], whose: str, then: str) -> Finding:
    level = row["close"] * math.exp(-row["off"])
    return COMPLAINT.about(
        row, f"close {row['close']:g} is {times(row['off'])} what {whose} ({level:.4g}); volume ordinary; {then}",
        "data_error", severity(row["off"]), "refetch", observed=row["close"], expected=level, threshold=SURE,
        z=round(row["z"], 1), factor=math.exp(row["off"]),
    )  # fmt: skip
