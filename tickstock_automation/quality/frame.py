"""The frame that every check works on. Pure: from bars, splits and the calendar to one row for each bar, with neighbours.

Columns: symbol_id, symbol, equity_type, listed_from, date, open, high, low, close, volume (as traded), factor (what
splits after this bar divide its prices by), adj_close, adj_volume, prev_date, prev_adj_close, move (close to close, as a
share, adjusted), market_move (median of `move` over the day's symbols), volume_median (of the 20 bars before),
volume_bars (how many of those there are), move_threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

MEDIAN_SESSIONS = 20
BARS = {
    "symbol_id": pl.Int64, "date": pl.Date, "open": pl.Float64, "high": pl.Float64, "low": pl.Float64,
    "close": pl.Float64, "volume": pl.Float64,
}  # fmt: skip
SPLITS = {"symbol_id": pl.Int64, "ex_date": pl.Date, "ratio": pl.Float64}
SYMBOLS = {
    "symbol_id": pl.Int64, "symbol": pl.String, "equity_type": pl.String, "listed_from": pl.Date,
    "move_threshold": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True)
class Context:
    """What a check looks at: the frame, the sessions judged, all sessions of the window, the symbols."""

    bars: pl.DataFrame
    symbols: pl.DataFrame
    judged: list[date]
    sessions: list[date]


def prepare(bars: pl.DataFrame, splits: pl.DataFrame, symbols: pl.DataFrame) -> pl.DataFrame:
    """Joins and neighbours. `bars`, `splits`, `symbols` have the columns BARS, SPLITS, SYMBOLS."""
    frame = bars.sort("symbol_id", "date").join(symbols, on="symbol_id")
    frame = frame.join(_factors(bars, splits), on=["symbol_id", "date"], how="left").with_columns(
        pl.col("factor").fill_null(1.0)
    )
    within = "symbol_id"
    volume_before = pl.col("adj_volume").shift(1).rolling_median(MEDIAN_SESSIONS, min_samples=1).over(within)
    frame = frame.with_columns(
        (pl.col("close") / pl.col("factor")).alias("adj_close"),
        (pl.col("volume") * pl.col("factor")).alias("adj_volume"),
    ).with_columns(
        pl.col("date").shift(1).over(within).alias("prev_date"),
        pl.col("adj_close").shift(1).over(within).alias("prev_adj_close"),
        volume_before.alias("volume_median"),
        pl.col("date").cum_count().over(within).sub(1).alias("volume_bars"),
    )
    usable = (pl.col("prev_adj_close") > 0) & (pl.col("adj_close") > 0)
    return frame.with_columns(
        pl.when(usable).then(pl.col("adj_close") / pl.col("prev_adj_close") - 1).alias("move")
    ).with_columns(pl.col("move").median().over("date").fill_null(0.0).alias("market_move"))


def _factors(bars: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """For bars before a split: what their prices are divided by, as the product over all splits after them."""
    return (
        bars.select("symbol_id", "date")
        .join(splits, on="symbol_id")
        .filter(pl.col("ex_date") > pl.col("date"))
        .group_by("symbol_id", "date")
        .agg(pl.col("ratio").product().alias("factor"))
    )
