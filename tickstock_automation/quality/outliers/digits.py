"""Two digits that have changed places, in a close or in all prices of a bar: smaller errors than any other outlier is sure of."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from datetime import date
from typing import Any

import polars as pl

from tickstock_automation.quality.digits import swapped
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import PRICES, Context
from tickstock_automation.quality.levels import LEAST_BREAK
from tickstock_automation.quality.outliers.telling import COMPLAINT, HEAVY, severity

LEAST_Z = 6.0  # usual moves off, on both sides
FITS = 1.0  # usual moves that may be left on either side once they are put right


def digits(context: Context, sure: Collection[tuple[int, date]]) -> Iterator[Finding]:
    """A bar, or its close, that stands off on both sides, beside ordinary volume, and on neither once two digits change places.
    `sure`: symbol_id and date of what is known to be wrong already."""
    following = pl.col("gap").shift(-1)  # null where no bar of the symbol follows
    next_scale = pl.col("gap_scale").shift(-1)
    off = (following.abs() > LEAST_BREAK) & (following.abs() > LEAST_Z * next_scale)
    rows = context.bars.select(
        "symbol_id", "symbol", "date", *PRICES, "gap", "body", "gap_scale", "body_scale", "v_ratio",
        following.alias("following"), next_scale.alias("next_scale"),
    ).filter(
        off & (pl.col("v_ratio").fill_null(0.0) < HEAVY) & pl.col("date").is_in(context.judged)
    )  # fmt: skip
    for row in rows.iter_rows(named=True):
        if (row["symbol_id"], row["date"]) in sure:
            continue
        whole, alone = _bar(row), _close(row)
        right = whole or alone
        if right is None:
            continue
        shift = math.log(row["close"] / right)
        whose = "all four prices" if whole else "it"
        yield COMPLAINT.about(
            row, f"close {row['close']:g} fits the days around as {right:g}, with two digits of {whose} in each other's place;"
            " volume ordinary",
            "data_error", severity(shift), "refetch", observed=row["close"], expected=right, threshold=LEAST_Z,
            z=round(abs(row["following"]) / row["next_scale"], 1), factor=math.exp(shift),
        )  # fmt: skip


def _bar(row: dict[str, Any]) -> float | None:
    """The close as it was, where the digits of all prices are swapped."""
    if not _off(row["gap"], row["gap_scale"], row["following"]):
        return None
    o, _, _, c = prices = [row[name] for name in PRICES]
    for opened, high, low, closed in swapped(prices):
        in_order = low <= min(opened, closed) and max(opened, closed) <= high
        if in_order and _fits(row, row["gap"] + math.log(opened / o), row["gap_scale"], closed / c):
            return closed
    return None


def _close(row: dict[str, Any]) -> float | None:
    """The close as it was, where its digits alone are swapped."""
    if not _off(row["body"], row["body_scale"], row["following"]):
        return None
    for (closed,) in swapped([row["close"]]):
        ratio = closed / row["close"]
        inside = row["low"] <= closed <= row["high"]
        if inside and _fits(row, row["body"] + math.log(ratio), row["body_scale"], ratio):
            return closed
    return None


def _off(move: float | None, scale: float, following: float) -> bool:
    """Whether the move to the close is as far beyond the usual as the one from it, and the other way."""
    return move is not None and abs(move) > max(LEAST_BREAK, LEAST_Z * scale) and move * following < 0


def _fits(row: dict[str, Any], before: float, scale: float, ratio: float) -> bool:
    after = row["following"] - math.log(ratio)
    return abs(before) < FITS * scale and abs(after) < FITS * row["next_scale"]
