"""From a vendor's answer to bars: what can be stored, what is refused and why. Pure.

Refused: what cannot be read, an impossible ticker, another symbol or date than asked for, a day without a session, a
second row for one day, negative volume. Stored and flagged, since the vendor's word is kept and a check finds them:
prices that contradict each other, zero or negative prices.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from tickstock_automation.vendor.client import LONGEST_TICKER

NEW_YORK = "America/New_York"
LATEST_MS = 4_102_444_800_000  # the year 2100
RAW_COLUMNS = {"T": pl.String, "t": pl.Int64, "o": pl.Float64, "h": pl.Float64, "l": pl.Float64, "c": pl.Float64,
               "v": pl.Float64, "vw": pl.Float64, "n": pl.Int64}  # fmt: skip
BAR_COLUMNS = ("symbol_id", "date", "open", "high", "low", "close", "volume", "vwap", "trade_count", "flag")
WANTED = {"ticker": pl.String, "date": pl.Date, "symbol_id": pl.Int64}
POSSIBLE_TICKER = rf"^[\x21-\x7e]{{1,{LONGEST_TICKER}}}$"  # as vendor.client.is_ticker has it


@dataclass(frozen=True)
class Asked:
    """What a call asked for: of `ticker` (None: of everyone) from `first` to `last`. `sessions`: all of the exchange's between."""

    ticker: str | None
    first: date
    last: date
    sessions: Collection[date]


@dataclass(frozen=True)
class Refused:
    """A row that is not stored, as it came. `symbol_id` where it is about a bar that was wanted."""

    reason: str
    ticker: str | None
    session: date | None
    symbol_id: int | None
    raw: dict[str, Any]


@dataclass(frozen=True)
class Parsed:
    """`bars` has BAR_COLUMNS, one row for each (symbol_id, date); `not_asked` counts rows nobody wanted."""

    bars: pl.DataFrame
    refused: tuple[Refused, ...]
    not_asked: int


def parse(rows: Sequence[dict[str, Any]], asked: Asked, wanted: pl.DataFrame) -> Parsed:
    """Reads the rows of one answer. `wanted` has the columns of WANTED: whose bars of which days are to be stored."""
    frame = pl.DataFrame([_column(name, kind, rows) for name, kind in RAW_COLUMNS.items()]).with_row_index("row")
    grouped = asked.ticker is None
    if not grouped:
        frame = frame.with_columns(pl.col("T").fill_null(asked.ticker))
    # Polars panics, and ends the process, at a moment it cannot hold.
    frame = frame.with_columns(pl.when(pl.col("t").is_between(0, LATEST_MS)).then("t")).with_columns(
        pl.from_epoch("t", "ms").dt.replace_time_zone("UTC").dt.convert_time_zone(NEW_YORK).dt.date().alias("date")
    )
    # A row of a grouped answer is about the day that was asked for, whatever its own says.
    about = frame.select("row", pl.col("T").alias("ticker"), pl.lit(asked.first).alias("date") if grouped else "date")
    wanted = wanted.select(*WANTED)
    ids = about.join(wanted, on=["ticker", "date"], how="left").select("row", "symbol_id")
    frame = frame.join(ids, on="row", how="left", maintain_order="left").with_columns(_reason(asked).alias("reason"))
    good = frame.filter(pl.col("reason").is_null() & pl.col("symbol_id").is_not_null())
    first = good.unique(["symbol_id", "date"], keep="first", maintain_order=True)
    refused = pl.concat(
        [
            frame.filter(pl.col("reason").is_not_null()),
            good.join(first.select("row"), on="row", how="anti").with_columns(reason=pl.lit("duplicate")),
        ]
    )
    bars = first.select(
        "symbol_id", "date", pl.col("o").alias("open"), pl.col("h").alias("high"), pl.col("l").alias("low"),
        pl.col("c").alias("close"), pl.col("v").alias("volume"), pl.col("vw").alias("vwap"), pl.col("n").alias("trade_count"),
        _flag().alias("flag"),
    ).sort("symbol_id", "date")  # fmt: skip
    return Parsed(
        bars=bars,
        refused=tuple(
            Refused(reason, ticker, day, symbol_id, rows[row])
            for reason, ticker, day, symbol_id, row in refused.select(
                "reason", "T", "date", "symbol_id", "row"
            ).iter_rows()
        ),
        not_asked=len(rows) - bars.height - refused.height,
    )


def _reason(asked: Asked) -> pl.Expr:
    """Why a row is refused; null where it is not, or where nobody wanted it."""
    finite = [pl.col(name).is_finite().fill_null(value=False) for name in ("o", "h", "l", "c", "v")]
    unreadable = ~pl.all_horizontal(finite) | pl.col("date").is_null()
    of_bar = (
        pl.when(unreadable).then(pl.lit("unreadable"))
        .when(~pl.col("date").is_between(asked.first, asked.last)).then(pl.lit("wrong_date"))
        .when(~pl.col("date").is_in(list(asked.sessions))).then(pl.lit("no_session"))
        .when(pl.col("v") < 0).then(pl.lit("negative_volume"))
    )  # fmt: skip
    impossible = ~pl.col("T").str.contains(POSSIBLE_TICKER).fill_null(value=False)
    if asked.ticker is None:
        # of the others nobody asked how good they are
        return (
            pl.when(impossible)
            .then(pl.lit("impossible_ticker"))
            .otherwise(pl.when(pl.col("symbol_id").is_not_null()).then(of_bar))
        )
    return pl.when(pl.col("T") != asked.ticker).then(pl.lit("wrong_symbol")).otherwise(of_bar)


def _flag() -> pl.Expr:
    """What is wrong with the prices of a bar that is stored all the same."""
    prices = [pl.col(name) for name in ("o", "h", "l", "c")]
    return (
        pl.when(pl.any_horizontal(price < 0 for price in prices)).then(pl.lit("negative_price"))
        .when(pl.any_horizontal(price == 0 for price in prices)).then(pl.lit("zero_price"))
        .when((pl.col("h") < pl.max_horizontal("o", "l", "c")) | (pl.col("l") > pl.min_horizontal("o", "h", "c")))
        .then(pl.lit("contradictory"))
    )  # fmt: skip


def _column(name: str, kind: type[pl.DataType], rows: Sequence[dict[str, Any]]) -> pl.Series:
    """One field of all rows; what has the wrong type is null."""
    wanted = (str,) if kind is pl.String else (int, float)
    values = [value if type(value := row.get(name)) in wanted else None for row in rows]  # a bool is no number
    return pl.Series(name, values, dtype=kind, strict=False)
