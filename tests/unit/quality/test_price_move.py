"""A close-to-close move over the type's threshold."""

from __future__ import annotations

import pytest

from tests.unit.quality.market import AT, CLOSE, DAYS, ONE, Market, quiet
from tickstock_automation.quality.checks.price_move import price_move


@pytest.mark.parametrize(
    ("factor", "severity"), [(1.28, "medium"), (0.75, "medium"), (1.4, "high"), (0.45, "critical"), (1.6, "critical")]
)
def test_a_move_is_as_severe_as_it_is_large(market: Market, factor: float, severity: str) -> None:
    before = market.prices[ONE, AT - 1, CLOSE]
    [one] = market.times(ONE, AT, None, factor).found(price_move)
    assert (one.symbol, one.date, one.severity, one.verdict) == ("S03", DAYS[AT], severity, "undetermined")
    assert (one.remediation, one.threshold) == ("review", 0.2)
    assert one.observed == market.prices[ONE, AT, CLOSE]
    assert one.evidence["move"] == pytest.approx(one.observed / before - 1)
    assert one.expected == pytest.approx(before * (1 + one.evidence["market_move"]))
    assert str(DAYS[AT - 1]) in one.evidence["words"]


def test_what_trades_half_as_much_again_is_the_markets(market: Market) -> None:
    [one] = market.times(ONE, AT, None, 1.28).heavy(ONE, AT, 5).found(price_move)
    assert (one.verdict, one.remediation) == ("market_event", "none")
    assert "times the usual" in one.evidence["words"]


def test_in_a_storm_of_the_whole_market_a_move_is_the_markets(market: Market) -> None:
    for symbol in range(20):
        market.times(symbol, AT, None, 0.9 if symbol % 2 else 1.1)
    [one] = market.times(ONE, AT, None, 0.8).found(price_move)
    assert one.verdict == "market_event"


@pytest.mark.parametrize("threshold", [0.2, 0.3])
def test_the_threshold_is_the_symbols_own(market: Market, threshold: float) -> None:
    market.threshold = threshold
    found = market.times(ONE, AT, None, 1.25).found(price_move)
    assert [one.threshold for one in found] == ([0.2] if threshold == 0.2 else [])


def test_the_markets_own_move_is_taken_out(market: Market) -> None:
    for symbol in range(20):
        market.times(symbol, AT, None, 0.7)
    assert market.found(price_move) == []


def test_against_a_market_that_fell_who_stayed_has_moved(market: Market) -> None:
    for symbol in range(20):
        market.times(symbol, AT, None, 1.0 if symbol == ONE else 0.7)
    [one] = market.found(price_move)
    assert one.symbol == "S03"
    assert one.evidence["market_move"] == pytest.approx(-0.3, abs=0.02)


def test_of_too_few_symbols_none_is_the_market() -> None:
    market = quiet(symbols=5)
    for symbol in range(5):
        market.times(symbol, AT, None, 0.7)
    assert len(market.found(price_move)) == 5


def test_a_split_that_is_known_is_no_move(market: Market) -> None:
    market.splits = [(ONE, DAYS[AT], 3.0)]
    assert market.times(ONE, AT, None, 1 / 3, 3).found(price_move) == []


def test_what_is_expected_on_a_splits_day_is_in_its_new_prices(market: Market) -> None:
    market.splits = [(ONE, DAYS[AT], 2.0)]
    before = market.prices[ONE, AT - 1, CLOSE]
    [one] = market.times(ONE, AT, None, 0.7, 2).found(price_move)
    assert one.expected == pytest.approx(before / 2, rel=0.03)
    assert one.evidence["move"] == pytest.approx(0.4, abs=0.04)


def test_a_first_bar_has_not_moved(market: Market) -> None:
    assert market.without(ONE, range(AT)).found(price_move) == []


def test_only_in_the_sessions_judged(market: Market) -> None:
    market.times(ONE, AT, AT + 1, 1.5)
    assert [one.date for one in market.found(price_move, DAYS[AT + 1 :])] == [DAYS[AT + 1]]
