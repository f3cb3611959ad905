"""The bars that the quality benchmark plants into: a folder's or made ones, with what is known to be wrong in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from tickstock_automation.bench.lifelike import lifelike_bars
from tickstock_automation.bench.planting import flaws, listed_flaws
from tickstock_automation.replay.folder import FolderError, read_folder
from tickstock_automation.sessions import calendar

KNOWN_BAD = "known_bad.csv"
RANGE_COLUMNS = {"symbol": pl.String, "first": pl.Date, "last": pl.Date}


@dataclass(frozen=True)
class Source:
    """`bars`: symbol, date, open, high, low, close, volume, split-adjusted; `splits`: symbol, ex_date, ratio; `known_bad`: symbol,
    date of what was wrong before anything was planted; `name` says where they are from."""

    name: str
    bars: pl.DataFrame
    splits: pl.DataFrame
    sessions: list[date]
    known_bad: pl.DataFrame

    def only(self, symbols: list[str]) -> Source:
        """The same of some symbols."""
        chosen = pl.col("symbol").is_in(symbols)
        return Source(
            self.name,
            self.bars.filter(chosen),
            self.splits.filter(chosen),
            self.sessions,
            self.known_bad.filter(chosen),
        )


def made_source(seed: int, symbols: int = 92, sessions: int = 1250) -> Source:
    """Made bars, in which nothing is wrong."""
    made = lifelike_bars(seed, symbols, sessions)
    return Source("made bars", made.bars, made.splits, made.sessions, flaws(made.bars, made.sessions))


def folder_source(folder: Path, known_bad: Path | None = None) -> Source:
    """A folder's bars. What is wrong in them: what `flaws` sees, and the ranges of `known_bad` (symbol,first,last), or of
    known_bad.csv in the folder where there is one. FolderError where a file cannot be used."""
    read = read_folder(folder)
    sessions = calendar().between(read.first_day, read.last_day)
    splits = read.splits.select(
        pl.col("ticker").alias("symbol"), pl.col("execution_date").alias("ex_date"),
        (pl.col("split_to") / pl.col("split_from")).alias("ratio"),
    )  # fmt: skip
    listed = listed_flaws(_ranges(known_bad or folder / KNOWN_BAD, required=known_bad is not None), sessions)
    bad = pl.concat([flaws(read.bars, sessions), listed]).unique().sort("symbol", "date")
    return Source(str(folder), read.bars, splits, sessions, bad)


def _ranges(path: Path, *, required: bool) -> pl.DataFrame:
    if not required and not path.is_file():
        return pl.DataFrame(schema=RANGE_COLUMNS)
    try:
        return pl.read_csv(path, infer_schema=False).select(
            pl.col("symbol"), pl.col("first").str.to_date(), pl.col("last").str.to_date()
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise FolderError(f"{path} cannot be read as symbol,first,last: {reason}") from None
