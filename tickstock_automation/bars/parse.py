"""From a vendor's answer to bars: what can be stored, what is refused and why. Pure.

Refused: what cannot be read, another date than asked for, a second row for one day. Stored all the same, since the
vendor's word is kept and a check finds them: prices that contradict each other, zero or negative prices.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

NEW_YORK = "America/New_York"
LATEST_MS = 4_102_444_800_000  # the year 2100
RAW_COLUMNS = {"T": pl.String, "t": pl.Int64, "o": pl.Float64, "h": pl.Float64, "l": pl.Float64, "c": pl.Float64,
               "v": pl.Float64, "vw": pl.Float64, "n": pl.Int64}  # fmt: skip
BAR_COLUMNS = ("symbol_id", "date", "open", "high", "low", "close", "volume", "vwap", "trade_count")


@dataclass(frozen=True)
class Refused:
    """A row that is not stored, as it came."""

    reason: str
    ticker: str | None
    session: date | None
    raw: dict[str, Any]


@dataclass(frozen=True)
class Parsed:
    """`bars` has BAR_COLUMNS, one row for each (symbol_id, date); `not_asked` counts rows nobody wanted."""

    bars: pl.DataFrame
    refused: tuple[Refused, ...]
    not_asked: int


def parse(
    rows: Sequence[dict[str, Any]], symbol_ids: Mapping[str, int], sessions: Collection[date], ticker: str | None = None
) -> Parsed:
    """Reads the rows of one answer.

    `symbol_ids` maps the tickers that are wanted to their ids; `sessions` are the days asked for; `ticker` is whose
    range was asked for, None for a grouped answer.
    """
    frame = pl.DataFrame([_column(name, kind, rows) for name, kind in RAW_COLUMNS.items()]).with_row_index("row")
    if ticker is not None:
        frame = frame.with_columns(pl.col("T").fill_null(ticker))
    # Polars panics, and ends the process, at a moment it cannot hold.
    frame = frame.with_columns(pl.when(pl.col("t").is_between(0, LATEST_MS)).then("t"))
    prices = ("o", "h", "l", "c", "v")
    frame = frame.with_columns(
        pl.from_epoch("t", "ms").dt.replace_time_zone("UTC").dt.convert_time_zone(NEW_YORK).dt.date().alias("date"),
        pl.all_horizontal(pl.col(name).is_finite().fill_null(value=False) for name in prices).alias("readable"),
    )
    # A range holds days between those that are wanted: nobody asked for them, and nothing is wrong with them.
    between = pl.col("date").is_between(min(sessions), max(sessions)) & ~pl.col("date").is_in(list(sessions))
    frame = frame.filter(~(between & pl.col("T").is_in(list(symbol_ids))).fill_null(value=False))
    wanted = frame.filter(pl.col("T").is_in(list(symbol_ids)))
    strange = frame.filter(~pl.col("T").is_in(list(symbol_ids))) if ticker is not None else frame.clear()
    unreadable = ~pl.col("readable") | pl.col("date").is_null()
    reason = (
        pl.when(unreadable).then(pl.lit("unreadable"))
        .when(~pl.col("date").is_in(list(sessions))).then(pl.lit("wrong_date"))
        .when(pl.col("v") < 0).then(pl.lit("negative_volume"))
    )  # fmt: skip
    wanted = wanted.with_columns(reason.alias("reason"))
    good = wanted.filter(pl.col("reason").is_null())
    first = good.unique(["T", "date"], keep="first", maintain_order=True)
    refused = pl.concat(
        [
            wanted.filter(pl.col("reason").is_not_null()),
            good.join(first.select("row"), on="row", how="anti").with_columns(reason=pl.lit("duplicate")),
            strange.with_columns(reason=pl.lit("wrong_symbol")),
        ]
    )
    bars = first.select(
        pl.col("T").replace_strict(symbol_ids, return_dtype=pl.Int64, default=None).alias("symbol_id"),
        "date", pl.col("o").alias("open"), pl.col("h").alias("high"), pl.col("l").alias("low"),
        pl.col("c").alias("close"), pl.col("v").alias("volume"), pl.col("vw").alias("vwap"), pl.col("n").alias("trade_count"),
    )  # fmt: skip
    return Parsed(
        bars=bars,
        refused=tuple(
            Refused(row["reason"], row["T"], row["date"], rows[row["row"]])
            for row in refused.select("reason", "T", "date", "row").iter_rows(named=True)
        ),
        not_asked=len(rows) - bars.height - refused.height,
    )


def _column(name: str, kind: type[pl.DataType], rows: Sequence[dict[str, Any]]) -> pl.Series:
    """One field of all rows; what has the wrong type is null."""
    wanted = str if kind is pl.String else (int, float)
    values = [value if isinstance(value := row.get(name), wanted) and value is not True else None for row in rows]
    return pl.Series(name, values, dtype=kind, strict=False)
