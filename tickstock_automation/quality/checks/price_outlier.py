"""A bar, or one of its prices, out of line with both neighbours, that comes back."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import polars as pl

from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context
from tickstock_automation.quality.outliers.closes import closes
from tickstock_automation.quality.outliers.crooked import crooked
from tickstock_automation.quality.outliers.digits import digits
from tickstock_automation.quality.outliers.edges import edges
from tickstock_automation.quality.outliers.segments import segments
from tickstock_automation.quality.outliers.telling import severity
from tickstock_automation.quality.outliers.wicks import wicks

WAYS = (segments, edges, closes, crooked, wicks)
NEVER_WILD = 0.3  # no days are so wild as to explain it: a fourth of it from open to close, day after day
WILD_DAYS, WILD = 11, 4.0  # bars around, and times the median move within them: what is less is one more wild day


def price_outlier(context: Context) -> list[Finding]:
    """A bar, a block of up to 25 bars, or one price of a bar that stands apart from both sides; one finding a bar.

    Measured in usual moves of the symbol (a robust scale of 30 bars on either side, times the day's restlessness;
    Barndorff-Nielsen et al. take 10 mean deviations from a median for trades, Brownlees and Gallo 3 standard deviations plus a
    floor). Real jumps that come back next session beside ordinary volume do not reach 6% in 92 large companies over five years:
    6 usual gaps and 8.5% with less than 2.7 times the usual volume is an error, from 6.5% on it is looked into; what is heavier is
    the market's. Among wild days, whose median move from open to close is a fourth of it, it is not decided: AIG fell by a
    tenth and came back on 2010-02-26.
    """
    seen: dict[tuple[int, date], Finding] = {}
    for way in WAYS:
        for one in way(context):
            seen.setdefault((one.symbol_id, one.date), one)
    sure = {key for key, one in seen.items() if one.verdict == "data_error"}
    seen.update(((one.symbol_id, one.date), one) for one in digits(context, sure))
    wild = _wild(context, [one for one in seen.values() if _shift(one) < NEVER_WILD])
    return [_doubted(one) if _shift(one) < wild.get(key, 0.0) else one for key, one in seen.items()]


def _wild(context: Context, found: list[Finding]) -> dict[tuple[int, date], float]:
    """The shift that wild days around explain, of each bar of the symbols that something was found of."""
    some = context.bars.filter(pl.col("symbol_id").is_in({one.symbol_id for one in found}))
    usual = (
        pl.col("raw_body").abs().rolling_median(WILD_DAYS, min_samples=WILD_DAYS // 2, center=True).over("symbol_id")
    )
    return {
        (symbol_id, day): min(WILD * move, NEVER_WILD)
        for symbol_id, day, move in some.select("symbol_id", "date", usual.fill_null(0.0)).iter_rows()
    }


def _shift(one: Finding) -> float:
    """How far off it is told to be, as a logarithm; without limit where it is told of a high or a low, or is no error."""
    factor = one.evidence.get("factor")
    if not factor or one.verdict != "data_error":
        return math.inf
    return max(abs(math.log(factor)), float(one.evidence.get("gap", 0.0)))


def _doubted(one: Finding) -> Finding:
    words = f"{one.evidence['words']}; but the days around are as wild"
    return replace(
        one, verdict="undetermined", severity=severity(_shift(one)), remediation="review",
        evidence={**one.evidence, "words": words},
    )  # fmt: skip
