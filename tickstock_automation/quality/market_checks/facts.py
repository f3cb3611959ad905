"""What the whole-market checks look at: figures of each day, the vendor's contradictions, the splits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

DAYS: dict[str, Any] = {
    "date": pl.Date, "rows": pl.Int64, "compared": pl.Int64, "copied": pl.Int64, "factor": pl.Float64,
    "factor_symbols": pl.Int64, "tickers": pl.List(pl.String),
}  # fmt: skip
"""By day: bars; those whose close was compared with the day before's, and that have the same; the factor, of the close before,
that most symbols moved by alike (of moves over a tenth), how many did, and some of them."""
NOTES: dict[str, Any] = {"date": pl.Date, "kind": pl.String, "count": pl.Int64, "tickers": pl.List(pl.String)}
"""By day and kind: how many tickers, and some of them. `kind`: one of `vendor_differences`."""
SPLITS_SEEN = {
    "symbol_id": pl.Int64, "symbol": pl.String, "ex_date": pl.Date, "ratio": pl.Float64, "close_before": pl.Float64,
    "close_on": pl.Float64,
}  # fmt: skip
"""Splits (new shares for an old one) with the closes as traded before and on the ex-date, null where there is none."""

FACTOR_FROM = 0.1  # moves below are the market's daily bread, and two may be alike by chance
BINS = 4_000  # of a factor's logarithm: two within 0.025% are the same
FEW = 3
SOME = 20
USUAL_DAYS = 20
ENOUGH_DAYS = 5


@dataclass(frozen=True)
class MarketFacts:
    """All of it. `sessions`: the window's; `judged`: those judged; frames with the columns DAYS, NOTES, SPLITS_SEEN."""

    sessions: list[date]
    judged: list[date]
    days: pl.DataFrame
    notes: pl.DataFrame
    splits: pl.DataFrame

    def is_judged(self) -> pl.Expr:
        """Whether a `date` lies between the first and the last session judged."""
        return pl.col("date").is_between(self.judged[0], self.judged[-1])


def day_figures(bars: pl.DataFrame, splits: pl.DataFrame, symbols: pl.DataFrame) -> list[dict[str, Any]]:
    """DAYS of a part of the market (frames BARS, SPLITS, SYMBOLS), as JSON: parts can be put together."""
    split_days = splits.select("symbol_id", pl.col("ex_date").alias("date"), pl.lit(value=True).alias("split"))
    frame = (
        bars.select("symbol_id", "date", "close")
        .sort("symbol_id", "date")
        .with_columns(pl.col("close").shift(1).over("symbol_id").alias("before"))
        .join(split_days.unique(["symbol_id", "date"]), on=["symbol_id", "date"], how="left")
    )
    usable = (pl.col("before") > 0) & (pl.col("close") > 0) & pl.col("split").is_null()
    frame = frame.with_columns(pl.when(usable).then((pl.col("close") / pl.col("before")).log()).alias("move"))
    days = frame.group_by("date").agg(
        pl.len().alias("rows"),
        pl.col("move").is_not_null().sum().alias("compared"),
        (pl.col("move") == 0).sum().alias("copied"),
    )
    alike = (
        frame.filter(pl.col("move").abs() >= FACTOR_FROM)
        .with_columns((pl.col("move") * BINS).round().cast(pl.Int64).alias("bin"))
        .group_by("date", "bin")
        .agg(pl.len().alias("alike"), pl.col("symbol_id").sort().head(SOME).alias("ids"))
        .filter(pl.col("alike") >= FEW)
    )
    names = dict(symbols.select("symbol_id", "symbol").iter_rows())
    factors: dict[date, list[Any]] = {}
    for day, place, count, ids in alike.sort("alike", descending=True).iter_rows():
        factors.setdefault(day, []).append([place, count, [names[id_] for id_ in ids if id_ in names]])
    return [
        {"date": str(day), "rows": rows, "compared": compared, "copied": copied, "factors": factors.get(day, [])[:SOME]}
        for day, rows, compared, copied in days.sort("date").iter_rows()
    ]


def together(parts: Iterable[list[dict[str, Any]]]) -> pl.DataFrame:
    """The parts' figures as one frame DAYS."""
    found: dict[str, dict[str, Any]] = {}
    for part in parts:
        for row in part:
            day = found.setdefault(row["date"], {"rows": 0, "compared": 0, "copied": 0, "factors": {}})
            for name in ("rows", "compared", "copied"):
                day[name] += row[name]
            for place, count, tickers in row["factors"]:
                known = day["factors"].setdefault(place, [0, []])
                known[0] += count
                known[1] += tickers
    rows = [(date.fromisoformat(day), *_figures(one)) for day, one in sorted(found.items())]
    return pl.DataFrame(rows, schema=DAYS, orient="row")


def _figures(day: Mapping[str, Any]) -> tuple[Any, ...]:
    place, (count, tickers) = max(day["factors"].items(), key=lambda item: item[1][0], default=(None, (0, [])))
    factor = None if place is None else float(pl.select((pl.lit(place) / BINS).exp()).item())
    return day["rows"], day["compared"], day["copied"], factor, count, sorted(tickers)[:SOME]


def usual(column: str) -> pl.Expr:
    """The median of the days before, null where these are too few to say. Days without a session are left out by the caller."""
    return pl.col(column).shift(1).rolling_median(USUAL_DAYS, min_samples=ENOUGH_DAYS)
