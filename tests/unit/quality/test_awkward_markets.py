"""Markets that once misled a check: a fault at the edge of what is judged, beside another fault, or in a share of its own kind."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.unit.quality.market import AT, DAYS, ONE, Market, days_of
from tickstock_automation.quality.checks.copied_bar import copied_bar
from tickstock_automation.quality.checks.missing_session import missing_session
from tickstock_automation.quality.checks.price_outlier import price_outlier
from tickstock_automation.quality.checks.split_unadjusted import split_unadjusted
from tickstock_automation.quality.checks.stuck_price import stuck_price

LAST = len(DAYS) - 1


def test_a_wrong_bar_before_the_sessions_judged_still_explains_the_way_back(market: Market) -> None:
    assert market.times(ONE, AT, AT + 1, 1.5).judged(DAYS[AT + 1 :]) == []


def test_news_before_the_sessions_judged_still_explains_its_volume(market: Market) -> None:
    market.times(ONE, AT, None, 1.27).heavy(ONE, AT, 9, 6, 5.5)
    assert market.judged(DAYS[AT + 1 :]) == []


@pytest.mark.parametrize("ratio", [0.0, -2.0, math.inf, math.nan])
def test_a_split_of_an_impossible_ratio_is_no_split(market: Market, ratio: float) -> None:
    market.splits = [(ONE, DAYS[AT], ratio)]
    assert market.judged() == []


@pytest.mark.parametrize("volume", [math.nan, math.inf])
def test_a_volume_that_is_no_number_is_none(market: Market, volume: float) -> None:
    market.volumes[ONE, AT] = volume
    [one] = market.judged()
    assert (one.check, one.date, one.observed) == ("zero_volume", DAYS[AT], None)


def test_a_crash_of_the_newest_day_is_no_error(market: Market) -> None:
    found = market.times(ONE, LAST, None, 0.38).heavy(ONE, LAST, 40).judged()
    assert [(one.check, one.verdict) for one in found] == [("price_move", "market_event")]


@pytest.mark.parametrize(("factor", "volume"), [(2.0, 7), (2.0, 12), (0.1, 40), (0.1, 20)])
def test_a_step_near_a_ratio_that_trades_like_news_is_no_split(market: Market, factor: float, volume: float) -> None:
    fading = [max(1.0, volume / 2**day) for day in range(8)]
    assert market.times(ONE, AT, None, factor).heavy(ONE, AT, *fading).found(split_unadjusted) == []


def test_a_share_of_half_a_dollar_may_well_stand_still_for_a_day(market: Market) -> None:
    prices = market.prices[ONE]
    prices[:] = (prices * 0.012).round(2)
    prices[:, 1], prices[:, 2] = prices.max(axis=1), prices.min(axis=1)
    assert market.found(stuck_price) == []


def test_a_thin_share_may_repeat_a_bar_of_three_cents(market: Market) -> None:
    market.times(ONE, 0, None, 1, 0.0005)
    market.prices[ONE, AT - 3 : AT] = (50, 50.02, 49.99, 50)
    assert market.found(copied_bar) == []


@pytest.mark.parametrize(("first", "second"), [(10, 3), (10, 100), (100, 0.01), (1.3, 0.7)])
def test_two_wrong_bars_running_may_be_off_by_different_factors(market: Market, first: float, second: float) -> None:
    found = market.times(ONE, AT, AT + 1, first).times(ONE, AT + 1, AT + 2, second).found(price_outlier)
    assert days_of(found) == {AT, AT + 1}
    assert {one.verdict for one in found} == {"data_error"}
    true = {AT: first, AT + 1: second}
    for one in found:
        factor = true[DAYS.index(one.date)]
        assert one.observed is not None
        assert one.expected == pytest.approx(one.observed / factor, rel=0.1)


def test_a_hole_after_the_listing_is_seen_though_there_are_bars_before_it(market: Market) -> None:
    market.listed[ONE] = DAYS[AT]
    [one] = market.without(ONE, [AT + 3]).found(missing_session)
    assert one.date == DAYS[AT + 3]


@pytest.mark.parametrize("bars", [2, 3])
def test_the_first_bars_may_be_in_cents(market: Market, bars: int) -> None:
    found = market.times(ONE, 0, bars, 100).judged()
    assert days_of(found) == set(range(bars))
    assert {one.check for one in found} == {"price_outlier"}


def test_a_split_on_the_last_day_is_told_once(market: Market) -> None:
    found = market.times(ONE, LAST, None, 0.25).judged()
    assert [(one.date, one.verdict) for one in found] == [(DAYS[LAST], "data_error")]


def test_the_same_close_on_four_days_is_a_feed_that_is_stuck(market: Market) -> None:
    prices = market.prices[ONE]
    prices[AT : AT + 5, 3] = prices[AT, 3]
    prices[AT : AT + 5, 1] = np.maximum(prices[AT : AT + 5, 1], prices[AT, 3])
    prices[AT : AT + 5, 2] = np.minimum(prices[AT : AT + 5, 2], prices[AT, 3])
    found = market.found(stuck_price)
    assert days_of(found) == set(range(AT + 1, AT + 5))
    assert {one.verdict for one in found} == {"data_error"}
