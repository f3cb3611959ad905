"""The rule that the detectors are held against, as the application this one takes over from had it: no verdicts, no splits, no calendar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

MOVE = 0.20  # close to close, as a share
VOLUME = 5.0  # times the mean of the sessions before
MEAN_SESSIONS = 20
SATURDAY = 5


@dataclass(frozen=True)
class NaiveFinding:
    """What the rule tells; all that it finds it holds for an error."""

    symbol: str
    date: date
    check: str
    evidence: Mapping[str, Any]
    verdict: str = "data_error"


def naive_findings(bars: pl.DataFrame) -> list[NaiveFinding]:
    """Moves over 20%, volumes over 5 times the mean of the 20 bars before, weekdays without a bar. `bars`: symbol, date, close,
    volume."""
    before = pl.col("volume").shift(1).rolling_mean(MEAN_SESSIONS).over("symbol")
    frame = bars.sort("symbol", "date", maintain_order=True).with_columns(
        (pl.col("close") / pl.col("close").shift(1).over("symbol") - 1).alias("move"),
        (pl.col("volume") / before).alias("times"),
        pl.col("date").shift(1).over("symbol").alias("previous"),
    )
    found = [
        NaiveFinding(symbol, day, "price_move", {"words": f"moved {move:+.0%}"})
        for symbol, day, move in frame.filter(pl.col("move").abs() > MOVE).select("symbol", "date", "move").iter_rows()
    ]
    loud = frame.filter(pl.col("times") > VOLUME).select("symbol", "date", "times")
    found += [
        NaiveFinding(symbol, day, "volume", {"words": f"{times:.1f} times the mean"})
        for symbol, day, times in loud.iter_rows()
    ]
    gaps = frame.filter((pl.col("date") - pl.col("previous")) > pl.duration(days=1)).select(
        "symbol", "previous", "date"
    )
    found += [
        NaiveFinding(symbol, day, "gap", {"words": "a weekday without a bar"})
        for symbol, last, next_ in gaps.iter_rows()
        for day in _weekdays_between(last, next_)
    ]
    return found


def _weekdays_between(last: date, next_: date) -> list[date]:
    days = (last + timedelta(days=at) for at in range(1, (next_ - last).days))
    return [day for day in days if day.weekday() < SATURDAY]
