"""A file of bars, checked: no database, no server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.bar_files import Unreadable, read_bars, read_splits
from tickstock_automation.quality.findings import Finding, in_order, raised
from tickstock_automation.quality.frame import Prices
from tickstock_automation.quality.table import check_table
from tickstock_automation.sessions import calendar

NO_CALENDAR = "none"
FEW = 0.1  # of the usual number of bars a day: without a calendar, a day with fewer is no session


@dataclass(frozen=True)
class FileReport:
    """What a file holds and what was found in it, in the order of symbol, date, check."""

    symbols: int
    rows: int
    unreadable: int
    first: date | None
    last: date | None
    findings: list[Finding]


def check_file(path: Path, splits: Path | None = None, code: str = "XNYS", prices: Prices = "adjusted") -> FileReport:
    """All checks over the bars of a file. `code`: of an exchange's calendar, or `none`: a session is what most symbols have.

    Raises NotFound where there is no such file, UsedWrongly where it is no table of bars or no exchange has the code.
    """
    file = read_bars(path)
    known = read_splits(splits) if splits is not None else None
    bars = file.bars
    first, last = (bars["date"].min(), bars["date"].max()) if bars.height else (None, None)
    found = []
    if isinstance(first, date) and isinstance(last, date):
        found = check_table(bars, known, _sessions(bars, code, first, last), prices)
    rows = bars.height + len(file.unreadable)
    unreadable = [_finding(one) for one in file.unreadable]
    return FileReport(
        bars["symbol"].n_unique(), rows, len(unreadable), first if isinstance(first, date) else None,
        last if isinstance(last, date) else None, in_order([*unreadable, *found]),
    )  # fmt: skip


def _sessions(bars: pl.DataFrame, code: str, first: date, last: date) -> list[date]:
    if code.lower() == NO_CALENDAR:
        days = bars.group_by("date").agg(pl.col("symbol").n_unique().alias("symbols")).sort("date")
        usual = days["symbols"].median()
        return days.filter(pl.col("symbols") >= FEW * (usual if isinstance(usual, float) else 1.0))["date"].to_list()
    return calendar(code, first - timedelta(days=1), last).between(first, last)


def _finding(row: Unreadable) -> Finding:
    return Finding(
        0, row.symbol or "", row.date or date.min, "unreadable_row", Channel.DATA_GAP, raised("low", "data_error"), "data_error",
        None, None, None, "review",
        {"words": f"row {row.row} cannot be read: {row.why}", "measure": "rows", "row": row.row, "raw": row.raw},
    )  # fmt: skip
