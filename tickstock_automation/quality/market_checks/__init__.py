"""The whole-market checks: each a pure function from a market's facts to findings, registered here by one line.

Corrupted tickers are refused at the door: many in one answer are one alert of `refused_rows`.
"""

from collections.abc import Callable

from tickstock_automation.quality.market_checks.closed_day import closed_day
from tickstock_automation.quality.market_checks.copied_closes import copied_closes
from tickstock_automation.quality.market_checks.facts import MarketFacts
from tickstock_automation.quality.market_checks.finding import MarketFinding
from tickstock_automation.quality.market_checks.market_rows import market_rows
from tickstock_automation.quality.market_checks.same_factor import same_factor
from tickstock_automation.quality.market_checks.splits import duplicate_split, unseen_split
from tickstock_automation.quality.market_checks.vendor_notes import (
    bars_without_listing,
    listing_without_bars,
)

MARKET_CHECKS: tuple[Callable[[MarketFacts], list[MarketFinding]], ...] = (
    copied_closes,
    market_rows,
    closed_day,
    same_factor,
    bars_without_listing,
    listing_without_bars,
    duplicate_split,
    unseen_split,
)


def run_market_checks(facts: MarketFacts) -> list[MarketFinding]:
    """All findings of all checks, in the order of date and check."""
    found = [finding for check in MARKET_CHECKS for finding in check(facts)]
    return sorted(found, key=lambda finding: (finding.date, finding.check))
