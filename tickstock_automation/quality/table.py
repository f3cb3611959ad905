"""Checks over any table of bars, without database or server. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import BARS, PRICES, SPLITS, SYMBOLS, Prices
from tickstock_automation.quality.judging import judge

MOVE_THRESHOLD = 0.2
PENNY_MOVE_THRESHOLD = 0.3
PENNY = 5.0  # dollars: the SEC's rule 3a51-1


def check_table(
    bars: pl.DataFrame,
    splits: pl.DataFrame | None,
    sessions: Sequence[date] | None,
    prices: Prices = "adjusted",
) -> list[Finding]:
    """Findings about a table of bars: symbol, date, open, high, low, close, volume, in any order.

    `splits`: symbol, ex_date, ratio (new shares for one old). `sessions`: the exchange's, over the table's days at least;
    None: each day that has a bar is one. Whether a symbol is a penny stock is told by its median close.
    """
    names = bars.group_by("symbol").agg(pl.col("close").median().alias("usual")).sort("symbol")
    symbols = names.select(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("symbol_id"),
        "symbol",
        pl.lit("").alias("equity_type"),
        pl.lit(None, dtype=pl.Date).alias("listed_from"),
        pl.when(pl.col("usual") < PENNY).then(PENNY_MOVE_THRESHOLD).otherwise(MOVE_THRESHOLD).alias("move_threshold"),
    )
    ids = symbols.select("symbol_id", "symbol")
    numbered = bars.join(ids, on="symbol", maintain_order="left").select(
        "symbol_id", "date", *(pl.col(name).cast(pl.Float64) for name in (*PRICES, "volume"))
    )
    days = list(sessions) if sessions is not None else sorted(numbered["date"].unique())
    known = pl.DataFrame(schema=SPLITS) if splits is None else splits.join(ids, on="symbol").select(list(SPLITS))
    return judge(
        numbered.select(list(BARS)), known, symbols.select(list(SYMBOLS)), sessions=days, judged=days, prices=prices,
        until_last_bar=True,
    )  # fmt: skip
