"""Digits that changed places."""

from __future__ import annotations

import pytest

from tests.unit.quality.market import AT, CLOSE, DAYS, LOW, ONE, OPEN, Market
from tickstock_automation.quality.checks.price_outlier import price_outlier
from tickstock_automation.quality.digits import swapped


@pytest.mark.parametrize(
    ("prices", "others"),
    [
        ((12.34,), [(21.34,), (13.24,), (12.43,)]),
        ((5.55,), []),
        ((12.34, 12.99), [(21.34, 21.99), (13.24, 19.29)]),
        ((9.99, 10.01), []),
        ((12.3456,), []),
        ((3.0,), [(0.3,)]),
    ],
)
def test_two_digits_running_change_places(prices: tuple[float, ...], others: list[tuple[float, ...]]) -> None:
    assert list(swapped(prices)) == others


def level(market: Market, close: float) -> None:
    """A day without a move at `close`, and the history around it at the same level."""
    market.times(ONE, AT - 1, AT, float(close / market.prices[ONE, AT - 1, CLOSE]))
    market.times(ONE, 0, AT - 1, float(close / market.prices[ONE, AT - 2, CLOSE]))
    market.times(ONE, AT + 1, None, float(close / market.prices[ONE, AT + 1, OPEN]))
    market.prices[ONE] = market.prices[ONE].round(2)
    market.prices[ONE, AT] = [close + 0.01, close + 0.25, close - 0.25, close]


def test_a_close_with_swapped_digits_is_an_error_though_it_is_no_tenth_off(market: Market) -> None:
    level(market, 54.0)
    market.prices[ONE, AT, [LOW, CLOSE]] = [50.5, 50.6]
    assert market.found(price_outlier) == [], "50.6 is 56.0 or 5.06"
    market.prices[ONE, AT, [LOW, CLOSE]] = [50.3, 50.4]
    [one] = market.found(price_outlier)
    assert (one.date, one.verdict, one.observed, one.expected) == (DAYS[AT], "data_error", 50.4, 54.0)
    assert "in each other's place" in one.evidence["words"]


@pytest.mark.parametrize(("right", "wrong"), [(78.4, 87.4), (53.0, 50.3)])
def test_all_prices_of_a_bar_with_the_same_digits_swapped(market: Market, right: float, wrong: float) -> None:
    level(market, right)
    market.prices[ONE, AT] = [wrong, wrong, wrong - 0.1 if wrong > right else wrong, wrong]
    told = {(one.date, one.verdict, one.observed) for one in market.found(price_outlier)}
    assert (DAYS[AT], "data_error", wrong) in told


def test_what_was_traded_heavily_is_not_read_so(market: Market) -> None:
    level(market, 53.0)
    market.prices[ONE, AT] = [50.3, 50.3, 50.3, 50.3]
    assert "data_error" not in {one.verdict for one in market.heavy(ONE, AT, 6).found(price_outlier)}


def test_a_move_that_no_swap_explains_is_not_one(market: Market) -> None:
    level(market, 66.6)
    market.prices[ONE, AT] = [62.9, 63.0, 62.8, 62.9]
    assert "data_error" not in {one.verdict for one in market.found(price_outlier)}
