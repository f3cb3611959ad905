"""Prices of one bar that contradict each other."""

from __future__ import annotations

import pytest

from tests.unit.quality.market import AT, CLOSE, DAYS, HIGH, LOW, ONE, OPEN, Market
from tickstock_automation.quality.checks.ohlc_inconsistent import ohlc_inconsistent

NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        ((50, 49, 51, 50), "high is below low"),
        ((50, 51, 49, 51.5), "close is above high"),
        ((50, 51, 49, 48.5), "close is below low"),
        ((52, 51, 49, 50), "open is above high"),
        ((48, 51, 49, 50), "open is below low"),
        ((0, 51, 49, 50), "zero or negative"),
        ((50, 51, -49, 50), "zero or negative"),
        ((-50, -49, -51, -50), "zero or negative"),
        ((50, 51, 49, NAN), "a price is missing"),
        ((NAN, NAN, NAN, NAN), "a price is missing"),
        ((50, INFINITE, 49, 50), "a price is missing"),
    ],
)
def test_a_contradiction_is_always_a_data_error(market: Market, prices: tuple[float, ...], words: str) -> None:
    market.prices[ONE, AT] = prices
    [one] = market.found(ohlc_inconsistent)
    assert (one.symbol, one.date, one.verdict, one.severity) == ("S03", DAYS[AT], "data_error", "high")
    assert (one.remediation, one.threshold) == ("refetch", 1e-6)
    assert words in one.evidence["words"]
    assert one.observed == (None if prices[CLOSE] != prices[CLOSE] else prices[CLOSE])
    given = [price if abs(price) < INFINITE else None for price in prices]
    assert [one.evidence[name] for name in ("open", "high", "low", "close")] == given


def test_a_price_that_was_not_given_is_told_as_a_question_mark(market: Market) -> None:
    market.missing.add((ONE, AT))
    market.extra.append((ONE + 1, DAYS[AT], 50.0, 51.0, None, 50.0, 1e6))
    [one] = market.found(ohlc_inconsistent)
    assert "low ?" in one.evidence["words"]
    assert one.evidence["low"] is None


@pytest.mark.parametrize(("off", "verdict"), [(1e-5, "undetermined"), (9e-5, "undetermined"), (1.2e-4, "data_error")])
def test_prices_that_count_as_one_elsewhere_are_told_and_not_decided(market: Market, off: float, verdict: str) -> None:
    market.prices[ONE, AT] = (50 * (1 + off), 50, 49, 50)
    [one] = market.found(ohlc_inconsistent)
    assert (one.verdict, one.evidence["words"].split(":")[0]) == (verdict, "open is above high")


@pytest.mark.parametrize("prices", [(51.6, 1e16, 51.4, 51.7), (1e-10, 1e-10, 1e-10, 1e-10)])
def test_prices_that_no_market_has_are_errors_though_they_agree(market: Market, prices: tuple[float, ...]) -> None:
    market.prices[ONE, AT] = prices
    assert [one.verdict for one in market.found(ohlc_inconsistent)] == ["data_error"]


def test_what_rounding_does_is_no_contradiction(market: Market) -> None:
    high = market.prices[ONE, AT, HIGH]
    market.prices[ONE, AT, CLOSE] = high * (1 + 5e-7)
    market.prices[ONE, AT + 1, OPEN] = market.prices[ONE, AT + 1, LOW] * (1 - 5e-7)
    assert market.found(ohlc_inconsistent) == []


def test_a_bar_with_one_price_is_in_itself_right(market: Market) -> None:
    market.prices[ONE, AT] = 50.0
    assert market.found(ohlc_inconsistent) == []


def test_only_in_the_sessions_judged(market: Market) -> None:
    market.prices[ONE, AT] = (50, 49, 51, 50)
    market.prices[ONE, AT + 1] = 0.0
    assert [one.date for one in market.found(ohlc_inconsistent, DAYS[AT + 1 :])] == [DAYS[AT + 1]]
    assert market.found(ohlc_inconsistent, DAYS[AT + 2 :]) == []
