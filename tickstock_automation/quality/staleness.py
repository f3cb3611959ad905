"""The newest bar is older than it should be. Pure."""

from __future__ import annotations

from typing import Any

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Finding, raised
from tickstock_automation.quality.reading import Window

CHECK = "stale_data"
BEHIND = 3
LONG_BEHIND = 10


def stale_data(bars: pl.DataFrame, symbols: pl.DataFrame, found: Window) -> list[Finding]:
    """A listed symbol whose newest bar is three sessions behind the last one judged, or more.

    Dated by that newest bar, so that it is one finding however long it lasts. A symbol without any bar in the window is not
    found: nothing tells it from one that never traded (`listing_without_bars` counts these). Frames BARS and SYMBOLS.
    """
    if len(found.sessions) <= BEHIND:
        return []
    late = (pl.col("date") < found.sessions[-BEHIND]) & (pl.col("date") >= found.judged[0])
    newest = bars.group_by("symbol_id").agg(pl.col("date").max()).filter(late)
    place = {day: number for number, day in enumerate(found.sessions)}
    rows = newest.filter(pl.col("date").is_in(found.sessions)).join(symbols, on="symbol_id").sort("symbol")
    return [_finding(row, place[row["date"]], found) for row in rows.iter_rows(named=True)]


def _finding(row: dict[str, Any], at: int, found: Window) -> Finding:
    behind = len(found.sessions) - 1 - at
    return Finding(
        symbol_id=row["symbol_id"], symbol=row["symbol"], date=row["date"], check=CHECK, channel=Channel.DATA_GAP,
        severity=raised("medium" if behind >= LONG_BEHIND else "low", "data_error"), verdict="data_error",
        observed=None, expected=None, threshold=float(BEHIND), remediation="reload",
        evidence={
            "words": f"no bar since {row['date']}, {behind} sessions before {found.last}", "measure": "sessions behind",
            "behind": behind, "missing_from": str(found.sessions[at + 1]),
        },
    )  # fmt: skip
