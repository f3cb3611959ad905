"""What is wrong with bars before anything is planted, so that telling it counts neither for nor against."""

from __future__ import annotations

from datetime import date

import polars as pl

SCHEMA = {"symbol": pl.String, "date": pl.Date}
TOLERANCE = 1e-4  # of a price, as a share


def flaws(bars: pl.DataFrame, sessions: list[date]) -> pl.DataFrame:
    """symbol, date of missing sessions between a symbol's first and last bar, and of bars without volume or with prices that
    contradict each other. `bars`: symbol, date, open, high, low, close, volume."""
    prices = ("open", "high", "low", "close")
    contradicts = (
        (pl.col("volume") <= 0)
        | (pl.min_horizontal(prices) <= 0)
        | (pl.max_horizontal(prices) > pl.col("high") * (1 + TOLERANCE))
        | (pl.min_horizontal(prices) < pl.col("low") * (1 - TOLERANCE))
    )
    wrong = bars.filter(contradicts).select("symbol", "date")
    days = pl.DataFrame({"date": sessions}, schema={"date": pl.Date})
    spans = bars.group_by("symbol").agg(pl.col("date").min().alias("first"), pl.col("date").max().alias("last"))
    due = spans.join(days, how="cross").filter(pl.col("date").is_between("first", "last"))
    missing = due.join(bars, on=["symbol", "date"], how="anti").select("symbol", "date")
    return pl.concat([missing, wrong]).unique().sort("symbol", "date")


def listed_flaws(ranges: pl.DataFrame, sessions: list[date]) -> pl.DataFrame:
    """symbol, date of every session in `ranges` (symbol, first, last: dates, both included)."""
    days = pl.DataFrame({"date": sessions}, schema={"date": pl.Date})
    return ranges.join(days, how="cross").filter(pl.col("date").is_between("first", "last")).select("symbol", "date")
