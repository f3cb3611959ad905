"""A bar, or one of its prices, out of line with both neighbours, that comes back."""

from __future__ import annotations

from datetime import date

from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context
from tickstock_automation.quality.outliers.closes import closes
from tickstock_automation.quality.outliers.crooked import crooked
from tickstock_automation.quality.outliers.edges import edges
from tickstock_automation.quality.outliers.segments import segments
from tickstock_automation.quality.outliers.wicks import wicks

WAYS = (segments, edges, closes, crooked, wicks)


def price_outlier(context: Context) -> list[Finding]:
    """A bar, a block of up to 25 bars, or one price of a bar that stands apart from both sides; one finding a bar.

    Measured in usual moves of the symbol (a robust scale of 30 bars on either side, times the day's restlessness;
    Barndorff-Nielsen et al. take 10 mean deviations from a median for trades, Brownlees and Gallo 3 standard deviations plus a
    floor). Real jumps that come back next session beside ordinary volume do not reach 6% in 92 large companies over five years:
    6 usual gaps and 8.5% with less than 2.7 times the usual volume is an error, from 6.5% on it is looked into; what is heavier is
    the market's.
    """
    seen: dict[tuple[int, date], Finding] = {}
    for way in WAYS:
        for one in way(context):
            seen.setdefault((one.symbol_id, one.date), one)
    return list(seen.values())
