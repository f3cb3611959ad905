"""Yesterday's close under today's fresh open, high and low."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.quality.market import AT, CLOSE, DAYS, ONE, OPEN, Market
from tickstock_automation.quality.checks.stale_close import stale_close


def moved_day(market: Market, size: float) -> Market:
    """The session opens where the one before closed and moves; the rest of the history goes on from there, and yesterday's
    close stands under it."""
    before = market.prices[ONE, AT - 1, CLOSE]
    market.times(ONE, AT + 1, None, float(before * (1 + size) / market.prices[ONE, AT + 1, OPEN]))
    opened = before * 1.001
    market.prices[ONE, AT] = np.round([opened, opened * (1.004 + size), opened * 0.999, before], 2)
    market.prices[ONE, AT, CLOSE] = before
    return market


def test_the_next_open_is_back_where_the_day_traded(market: Market) -> None:
    [one] = moved_day(market, 0.06).found(stale_close)
    assert (one.symbol, one.date, one.verdict, one.severity) == ("S03", DAYS[AT], "data_error", "high")
    assert (one.observed, one.threshold, one.remediation) == (market.prices[ONE, AT - 1, CLOSE], 9.0, "refetch")
    assert one.expected == market.prices[ONE, AT + 1, OPEN]
    assert "is the session before's" in one.evidence["words"]


def test_a_small_way_back_is_not_decided(market: Market) -> None:
    [one] = moved_day(market, 0.023).found(stale_close)
    assert (one.verdict, one.severity) == ("undetermined", "medium")


def test_one_close_in_150_repeats_the_one_before_by_chance(market: Market) -> None:
    assert moved_day(market, 0.004).found(stale_close) == []


def test_news_overnight_leaves_the_days_range(market: Market) -> None:
    moved_day(market, 0.01).times(ONE, AT + 1, None, 1.1)
    assert market.found(stale_close) == []


def test_a_close_of_its_own_is_none(market: Market) -> None:
    moved_day(market, 0.06)
    market.prices[ONE, AT, CLOSE] += 0.01
    assert market.found(stale_close) == []


def test_where_a_close_often_repeats_itself_it_takes_a_longer_way_back(market: Market) -> None:
    """The same moves in a share of three dollars, whose closes lie a third of a percent apart."""
    moved_day(market, 0.05)
    assert [one.verdict for one in market.found(stale_close)] == ["data_error"]
    market.prices[ONE] = np.round(market.prices[ONE] / 16, 2)
    assert "data_error" not in [one.verdict for one in market.found(stale_close)]


@pytest.mark.parametrize(("first", "found"), [(AT, 1), (AT + 1, 0)])
def test_only_in_the_sessions_judged(market: Market, first: int, found: int) -> None:
    assert len(moved_day(market, 0.06).found(stale_close, DAYS[first:])) == found
