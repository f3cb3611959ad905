"""Checks over any table of bars, without database or server. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

from tickstock_automation.quality.checks.unexpected_session import COMPLAINT
from tickstock_automation.quality.findings import Finding, in_order
from tickstock_automation.quality.frame import BARS, PRICES, SPLITS, SYMBOLS, Context, Prices, prepare
from tickstock_automation.quality.judging import findings_of

MOVE_THRESHOLD = 0.2
PENNY_MOVE_THRESHOLD = 0.3
STRAY_BARS, STRAY_DAYS = 2, 400
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
    bars, strays = _without_strays(bars)
    found = findings_of(table_context(bars, splits, sessions, prices))
    return in_order([*found, *(_stray(row) for row in strays.iter_rows(named=True))])


def table_context(
    bars: pl.DataFrame, splits: pl.DataFrame | None, sessions: Sequence[date] | None, prices: Prices
) -> Context:
    """What the checks look at, of a table of bars as `check_table` takes it; all its sessions are judged."""
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
    return prepare(
        numbered.select(list(BARS)), known, symbols.select(list(SYMBOLS)), days, days, prices, until_last_bar=True
    )


def _without_strays(bars: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The bars, and those of a symbol that stand by themselves years before or after all its others: a wrong date, not a
    history with a hole of years."""
    ordered = bars.sort("symbol", "date", maintain_order=True)
    away = (pl.col("date") - pl.col("date").shift(1).over("symbol")).dt.total_days() > STRAY_DAYS
    part = away.fill_null(value=False).cum_sum().over("symbol").alias("part")
    size = pl.len().over("symbol", "part").alias("size")
    alone = (pl.col("size") <= STRAY_BARS) & (pl.len().over("symbol") > 10 * STRAY_BARS)
    parts = ordered.with_columns(part).with_columns(size).with_columns(alone.alias("alone"))
    if not parts["alone"].any():
        return bars, ordered.clear()
    columns = bars.columns
    return parts.filter(~pl.col("alone")).select(columns), parts.filter("alone").select(columns)


def _stray(row: dict[str, Any]) -> Finding:
    return COMPLAINT.about(
        {"symbol_id": 0, **row}, f"a bar of {row['date']}, years from all others of {row['symbol']}: a wrong date",
        "data_error", "low", "review", observed=1.0, expected=0.0, threshold=0.0,
    )  # fmt: skip
