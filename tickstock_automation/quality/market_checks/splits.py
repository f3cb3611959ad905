"""The vendor's splits against each other and against the tape."""

import math
from datetime import date, timedelta

import polars as pl

from tickstock_automation.quality.market_checks.facts import MarketFacts
from tickstock_automation.quality.market_checks.finding import MarketFinding

NEAR = timedelta(days=7)
CLEAR = math.log(1.5)  # a split by less may hide in a day's move
SHOWN = 0.3  # of the split's own step, as logarithms
MANY = 3


def duplicate_split(facts: MarketFacts) -> list[MarketFinding]:
    """Two splits of a symbol on one ex-date, or the same one again within a week: the bars before are divided twice."""
    frame = facts.splits.sort("symbol_id", "ex_date", "ratio").with_columns(
        pl.col("ex_date").shift(1).over("symbol_id").alias("before"), pl.col("ratio").shift(1).over("symbol_id").alias("other")
    )  # fmt: skip
    near = (pl.col("ex_date") - pl.col("before")) <= NEAR
    twice = frame.filter(near & ((pl.col("ex_date") == pl.col("before")) | (pl.col("ratio") == pl.col("other"))))
    return [
        _finding(day, "duplicate_split", f"{len(names)} splits listed twice", names)
        for day, names in _by_day(facts, twice)
    ]


def unseen_split(facts: MarketFacts) -> list[MarketFinding]:
    """Three splits of one ex-date, or more, that the closes do not show: misdated, or never made. (One alone is
    `split_unadjusted` of its symbol.)"""
    step = pl.col("ratio").log()
    shown = -(pl.col("close_on") / pl.col("close_before")).log() / step
    unseen = facts.splits.filter(
        (step.abs() >= CLEAR) & (pl.col("close_before") > 0) & (pl.col("close_on") > 0) & (shown < SHOWN)
    )
    return [
        _finding(day, "unseen_split", f"{len(names)} splits of this day do not show in the closes", names)
        for day, names in _by_day(facts, unseen)
        if len(names) >= MANY
    ]


def _by_day(facts: MarketFacts, rows: pl.DataFrame) -> list[tuple[date, list[str]]]:
    found = (
        rows.rename({"ex_date": "date"})
        .filter(facts.is_judged())
        .group_by("date")
        .agg(pl.col("symbol").unique().sort())
        .sort("date")
    )
    return list(found.iter_rows())


def _finding(day: date, check: str, words: str, names: list[str]) -> MarketFinding:
    return MarketFinding(
        date=day, check=check, severity="high", verdict="data_error", observed=float(len(names)), expected=0.0,
        threshold=0.0, remediation="look_up_split",
        evidence={"words": f"{words}: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}", "measure": "splits", "symbols": names},
    )  # fmt: skip
