"""Open and close in each other's place for some days."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.quality.market import AT, CLOSE, DAYS, ONE, OPEN, Market, days_of, quiet
from tickstock_automation.quality.checks.open_close_swapped import open_close_swapped


def swap(market: Market, first: int, last: int, symbol: int = ONE) -> Market:
    """Open and close change places from session `first` up to `last`, not included."""
    part = market.prices[symbol, first:last]
    part[:, [OPEN, CLOSE]] = part[:, [CLOSE, OPEN]]
    return market


@pytest.mark.parametrize("bars", [6, 10, 15])
def test_a_stretch_whose_opens_follow_the_opens_before(bars: int) -> None:
    market = quiet(overnight=0.002)
    found = swap(market, AT, AT + bars).found(open_close_swapped)
    assert len(days_of(found) & set(range(AT, AT + bars))) >= bars - 4  # ends that tell little are left
    assert days_of(found) <= set(range(AT - 1, AT + bars + 1))
    for one in found:
        assert (one.symbol, one.verdict, one.severity, one.remediation) == ("S03", "data_error", "high", "refetch")
        assert one.threshold == 10.0
        assert one.evidence["gain"] > one.threshold
        at = DAYS.index(one.date)
        assert (one.observed, one.expected) == (market.prices[ONE, at, CLOSE], market.prices[ONE, at, OPEN])
        assert "when swapped" in one.evidence["words"]


@pytest.mark.parametrize("bars", [1, 2])
def test_a_day_or_two_do_not_tell(market: Market, bars: int) -> None:
    assert swap(market, AT, AT + bars).found(open_close_swapped) == []


def test_a_day_that_closed_where_it_opened_stays_right(market: Market) -> None:
    market.prices[ONE, AT + 4, CLOSE] = market.prices[ONE, AT + 4, OPEN]
    found = swap(market, AT, AT + 10).found(open_close_swapped)
    assert found
    assert AT + 4 not in days_of(found)


@pytest.mark.parametrize("seed", range(5))
def test_in_a_market_as_it_is_no_stretch_fits_better(seed: int) -> None:
    assert quiet(seed=seed).found(open_close_swapped) == []


def test_days_that_turn_again_and_again_are_no_swaps(market: Market) -> None:
    body = 0.02 * (-1.0) ** np.arange(20)
    level = market.prices[ONE, AT - 1, CLOSE]
    for at, move in enumerate(body, AT):
        close = level * (1 + move)
        market.prices[ONE, at] = np.round([level, max(level, close) + 0.1, min(level, close) - 0.1, close], 2)
        level = close
    market.times(ONE, AT + 20, None, float(level / market.prices[ONE, AT + 19, CLOSE]))
    assert market.found(open_close_swapped) == []


def test_only_in_the_sessions_judged(market: Market) -> None:
    swap(market, AT, AT + 12)
    assert days_of(market.found(open_close_swapped, DAYS[AT + 5 : AT + 7])) == {AT + 5, AT + 6}
