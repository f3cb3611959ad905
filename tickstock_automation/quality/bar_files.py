"""Files of bars, whatever wrote them: CSV or Parquet, column names in any case, dates with or without a time of day.

What cannot be read is told row by row, and never stops the rest.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from tickstock_automation.errors import NotFound, UsedWrongly

NAMES = {
    "symbol": ("symbol", "ticker", "sym"),
    "date": ("date", "datetime", "timestamp", "session", "day", "time"),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v"),
}
SPLIT_NAMES = {
    "symbol": ("ticker", "symbol"),
    "ex_date": ("execution_date", "ex_date", "date"),
    "split_from": ("split_from",),
    "split_to": ("split_to",),
}
FIGURES = ("open", "high", "low", "close", "volume")
MISSING = ("", "nan", "null", "none", "na", "n/a", "-")  # for a figure: not given, which is not unreadable
FIRST_YEAR = 1900


@dataclass(frozen=True)
class Unreadable:
    """A row that says nothing usable: where it stands (the file's first row of data is 1), what it is about, why."""

    row: int
    symbol: str | None
    date: date | None
    why: str
    raw: dict[str, str | None]


@dataclass(frozen=True)
class BarFile:
    """bars: symbol, date, open, high, low, close, volume, as they stand in the file, without the unreadable rows."""

    bars: pl.DataFrame
    unreadable: list[Unreadable]


def read_bars(path: Path) -> BarFile:
    """The bars of a file; NotFound where there is none, UsedWrongly where it is no table of bars."""
    table = _table(path)
    columns = _columns(table, NAMES, path, optional=("symbol",))
    if "symbol" not in columns:  # one symbol's bars, named as the file is
        table = table.with_columns(pl.lit(path.name.split(".")[0]).alias("symbol"))
        columns["symbol"] = "symbol"
    raw = table.select(pl.col(columns[name]).alias(name) for name in NAMES).with_row_index("row", offset=1)
    texts = raw.select(pl.col("row"), *(_text(raw, name) for name in NAMES))
    read = texts.select(
        "row", pl.col("symbol").str.strip_chars().alias("symbol"), _day(pl.col("date")).alias("date"),
        *(_figure(pl.col(name)).alias(name) for name in FIGURES),
    )  # fmt: skip
    faults = _faults(texts, read)
    bad = faults.filter(pl.col("why").is_not_null())
    return BarFile(
        read.filter(~pl.col("row").is_in(bad["row"].to_list())).select(list(NAMES))
        if bad.height
        else read.select(list(NAMES)),
        [_unreadable(row) for row in bad.join(texts, on="row").sort("row").iter_rows(named=True)],
    )


def read_splits(path: Path) -> pl.DataFrame:
    """symbol, ex_date, ratio (new shares for one old) of a file with ticker, execution_date, split_from, split_to."""
    table = _table(path)
    columns = _columns(table, SPLIT_NAMES, path)
    texts = table.select(_text(table, columns[name]).alias(name) for name in SPLIT_NAMES)
    read = texts.select(
        pl.col("symbol").str.strip_chars(), _day(pl.col("ex_date")).alias("ex_date"),
        (_figure(pl.col("split_to")) / _figure(pl.col("split_from"))).alias("ratio"),
    )  # fmt: skip
    bad = read.with_row_index("row", offset=1).filter(
        pl.any_horizontal(pl.all().is_null()) | (pl.col("ratio") <= 0) | ~pl.col("ratio").is_finite()
    )
    if bad.height:
        raise UsedWrongly(
            f"{path}: row {bad['row'][0]} is no split: ticker, execution_date, split_from and split_to are needed"
        )
    return read


def _table(path: Path) -> pl.DataFrame:
    if path.is_dir():
        raise UsedWrongly(f"{path} is a folder: name a file of bars")
    if not path.is_file():
        raise NotFound(f"there is no file {path}")
    if path.suffix.lower() in (".parquet", ".pq"):
        try:
            return pl.read_parquet(path)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise UsedWrongly(f"{path} cannot be read as Parquet: {error}") from None
    try:
        return pl.read_csv(
            path, infer_schema=False, separator=_separator(path), truncate_ragged_lines=True, encoding="utf8-lossy",
            raise_if_empty=False,
        )  # fmt: skip
    except OSError as error:
        raise UsedWrongly(f"{path} cannot be read to its end: {error}") from None
    except pl.exceptions.PolarsError:
        return _row_by_row(path)


def _first_line(path: Path) -> str:
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", errors="replace") as file:
            return str(file.readline())
    except (OSError, EOFError) as error:
        raise UsedWrongly(f"{path} cannot be read: {error}") from None


def _separator(path: Path) -> str:
    line = _first_line(path)
    return max(",;\t|", key=line.count)


def _row_by_row(path: Path) -> pl.DataFrame:
    """For what the fast reader refuses, such as a quote that is never closed."""
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
            rows = list(
                csv.reader(
                    (line.replace("\0", "") for line in file), delimiter=_separator(path), quoting=csv.QUOTE_NONE
                )
            )
    except (OSError, EOFError, csv.Error) as error:
        raise UsedWrongly(f"{path} cannot be read as CSV: {error}") from None
    header, *body = rows or [[]]
    width = len(header)
    return pl.DataFrame(
        [[*map(_unquoted, row[:width]), *[None] * (width - len(row))] for row in body if row],
        schema=dict.fromkeys((name or f"column_{place}" for place, name in enumerate(header)), pl.String), orient="row",
    )  # fmt: skip


def _unquoted(cell: str) -> str:
    """Without the quotes around it: they were not trusted to tell where a cell ends."""
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _columns(
    table: pl.DataFrame, wanted: dict[str, tuple[str, ...]], path: Path, optional: tuple[str, ...] = ()
) -> dict[str, str]:
    """Which column is which, whatever the case of its name."""
    known: dict[str, str] = {}
    for name in table.columns:
        known.setdefault(name.strip().strip("﻿\"'").lower(), name)
    found = {
        name: next((known[alias] for alias in aliases if alias in known), None) for name, aliases in wanted.items()
    }
    lacking = [name for name, column in found.items() if column is None and name not in optional]
    if lacking:
        has = ", ".join(table.columns[:12]) or "nothing"
        raise UsedWrongly(f"{path} has no column for {', '.join(lacking)}; it has {has}")
    return {name: column for name, column in found.items() if column is not None}


def _text(table: pl.DataFrame, name: str) -> pl.Expr:
    kind = table.schema[name]
    column = pl.col(name)
    if kind == pl.String:
        return column
    if kind.is_nested() or kind == pl.Binary:
        raise UsedWrongly(f"the column {name} holds {kind}, and not one figure a row")
    if isinstance(kind, pl.Datetime):
        return column.dt.strftime("%Y-%m-%d").alias(name)
    return column.cast(pl.String).alias(name)


def _day(text: pl.Expr) -> pl.Expr:
    """A date of ISO form, with or without a time after it, of eight digits, or as Americans write it; else null."""
    plain = text.str.strip_chars()
    iso = plain.str.extract(r"^(\d{4}[-/]\d{1,2}[-/]\d{1,2})(?:$|[T ].*)", 1).str.replace_all("/", "-")
    digits = plain.str.extract(r"^(\d{8})$", 1)
    american = plain.str.extract(r"^(\d{1,2}/\d{1,2}/\d{4})(?:$|[T ].*)", 1)
    found = pl.coalesce(
        iso.str.to_date("%Y-%m-%d", strict=False), digits.str.to_date("%Y%m%d", strict=False),
        american.str.to_date("%m/%d/%Y", strict=False),
    )  # fmt: skip
    return pl.when(found.dt.year() >= FIRST_YEAR).then(found)


def _figure(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars().cast(pl.Float64, strict=False).fill_nan(None)


def _faults(texts: pl.DataFrame, read: pl.DataFrame) -> pl.DataFrame:
    """row, symbol, date, why: null where the row can be read."""
    both = pl.concat(
        [read, texts.select(pl.col(name).alias(f"{name}_text") for name in ("date", *FIGURES))], how="horizontal"
    )
    garbled = [
        pl.when(
            pl.col(name).is_null()
            & ~pl.col(f"{name}_text").fill_null("").str.strip_chars().str.to_lowercase().is_in(list(MISSING))
        ).then(pl.format(f"{name} is no number: {{}}", pl.col(f"{name}_text").str.slice(0, 40)))
        for name in FIGURES
    ]  # fmt: skip
    nothing = pl.all_horizontal(pl.col(name).is_null() for name in FIGURES)
    why = pl.coalesce(
        pl.when(pl.col("symbol").is_null() | (pl.col("symbol") == "")).then(pl.lit("it names no symbol")),
        pl.when(pl.col("date").is_null()).then(
            pl.format("its date cannot be read: {}", pl.col("date_text").fill_null("").str.slice(0, 40))
        ),
        *garbled,
        pl.when(nothing).then(pl.lit("it has no figures")),
    )
    return both.select("row", pl.col("symbol").alias("whose"), pl.col("date").alias("when"), why.alias("why"))


def _unreadable(row: dict[str, object]) -> Unreadable:
    raw = {name: None if row[name] is None else str(row[name]) for name in NAMES}
    symbol, day, number = row["whose"], row["when"], row["row"]
    assert isinstance(number, int)
    return Unreadable(
        number,
        symbol if isinstance(symbol, str) and symbol else None,
        day if isinstance(day, date) else None,
        str(row["why"]),
        raw,
    )
