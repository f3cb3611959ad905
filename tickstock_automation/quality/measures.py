"""What the checks measure of one bar, in plain figures. Pure."""

from __future__ import annotations

import math
from datetime import date

import polars as pl

from tickstock_automation.quality.frame import Context


def measures(context: Context, symbol_id: int, day: date) -> dict[str, float | None]:
    """Of a symbol's day; empty where it has no sound bar.

    move, market_move: close to close, as shares, the market's own apart; gap, body, high_wick, low_wick, next_gap: in usual ones of
    the symbol, without the market's; volume: times the usual; restlessness: of the whole market that day, 1 on most.
    """
    within = "symbol_id"
    rows = context.bars.with_columns(
        pl.col("gap").shift(-1).over(within).alias("next_gap"), pl.col("gap_scale").shift(-1).over(within).alias("next_scale")
    ).filter((pl.col("symbol_id") == symbol_id) & (pl.col("date") == day))  # fmt: skip
    if rows.is_empty():
        return {}
    row = rows.to_dicts()[0]
    whole = None if row["raw_gap"] is None else math.expm1(row["raw_gap"] + row["raw_body"])
    own = None if row["gap"] is None else math.expm1(row["gap"] + row["body"])
    found = {
        "move": whole, "market_move": None if whole is None or own is None else whole - own,
        "gap": _over(row["gap"], row["gap_scale"]), "body": _over(row["body"], row["body_scale"]),
        "high_wick": _over(row["up"], row["wick_scale"]), "low_wick": _over(row["down"], row["wick_scale"]),
        "next_gap": _over(row["next_gap"], row["next_scale"]),
        "volume": None if row["v_ratio"] is None else math.exp(row["v_ratio"]),
        "restlessness": max(row["day_gap"], row["day_body"]),
    }  # fmt: skip
    return {name: None if value is None else round(value, 4) for name, value in found.items()}


def _over(value: float | None, scale: float | None) -> float | None:
    return None if value is None or not scale else value / scale
