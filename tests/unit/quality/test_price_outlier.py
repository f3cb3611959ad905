"""A bar, a block, or one price of a bar that stands apart from both sides."""

from __future__ import annotations

import math

import pytest

from tests.unit.quality.market import AT, CLOSE, DAYS, HIGH, LOW, ONE, OPEN, Market, days_of, quiet, where
from tickstock_automation.quality.checks.price_outlier import price_outlier

LAST = len(DAYS) - 1


@pytest.mark.parametrize(
    ("factor", "severity", "words"),
    [
        (1.12, "high", "+1"),
        (0.72, "high", "usual gaps, volume ordinary"),
        (1.7, "critical", "back next session"),
        (10, "critical", "about 10x"),
        (0.01, "critical", "about 1/100"),
        (100, "critical", "about 100x"),
    ],
)
def test_a_bar_on_another_level_that_is_back_next_session(
    market: Market, factor: float, severity: str, words: str
) -> None:
    right = market.prices[ONE, AT, CLOSE]
    [one] = market.times(ONE, AT, AT + 1, factor).found(price_outlier)
    assert (one.symbol, one.date, one.verdict, one.severity) == ("S03", DAYS[AT], "data_error", severity)
    assert one.remediation == "refetch"
    assert one.observed == pytest.approx(right * factor, abs=1e-4)
    assert one.expected == pytest.approx(right, rel=0.02)
    assert one.threshold == 6.0
    assert one.evidence["factor"] == pytest.approx(factor, rel=0.02)
    assert words in one.evidence["words"]


@pytest.mark.parametrize("bars", [2, 7, 15, 25])
def test_each_bar_of_a_block_on_another_level(market: Market, bars: int) -> None:
    found = market.times(ONE, AT, AT + bars, 100).found(price_outlier)
    assert days_of(found) == set(range(AT, AT + bars))
    assert {one.evidence["sessions"] for one in found} == {bars}
    assert f"back after {bars} sessions" in found[0].evidence["words"]


def test_a_level_that_stays_is_no_outlier(market: Market) -> None:
    assert market.times(ONE, AT, None, 0.6, 6).times(5, AT, AT + 40, 1.6, 1.0).found(price_outlier) == []


def test_a_leap_that_was_traded_and_came_back_is_the_markets(market: Market) -> None:
    [one] = market.times(ONE, AT, AT + 1, 1.15).heavy(ONE, AT, 9, 5).found(price_outlier)
    assert (one.verdict, one.remediation, one.severity) == ("market_event", "review", "medium")
    assert "traded heavily" in one.evidence["words"]


def test_no_volume_makes_a_hundredfold_price_real(market: Market) -> None:
    [one] = market.times(ONE, AT, AT + 1, 100).heavy(ONE, AT, 20).found(price_outlier)
    assert one.verdict == "data_error"


def test_an_earnings_gap_that_lasts_is_none(market: Market) -> None:
    assert market.times(ONE, AT, None, 1.14).heavy(ONE, AT, 8, 4, 2).found(price_outlier) == []


def test_a_close_alone_that_is_off(market: Market) -> None:
    right = market.prices[ONE, AT, CLOSE]
    market.prices[ONE, AT, CLOSE] = market.prices[ONE, AT, HIGH] = round(right * 1.13, 2)
    [one] = market.found(price_outlier)
    assert (one.date, one.verdict, one.severity) == (DAYS[AT], "data_error", "high")
    assert one.expected == pytest.approx(right, rel=0.03)
    assert "what open and the next open say" in one.evidence["words"]


def test_a_day_that_falls_and_a_next_that_goes_on_from_there_is_none(market: Market) -> None:
    market.prices[ONE, AT, CLOSE] = round(market.prices[ONE, AT, CLOSE] * 0.86, 2)
    market.prices[ONE, AT, LOW] = market.prices[ONE, AT, CLOSE] - 0.1
    assert market.times(ONE, AT + 1, None, 0.86).found(price_outlier) == []


def test_a_bar_whose_prices_are_off_by_different_amounts(market: Market) -> None:
    right = market.prices[ONE, AT].copy()
    market.prices[ONE, AT] = (right * [1.15, 1.30, 1.14, 1.28]).round(2)
    [one] = market.found(price_outlier)
    assert (one.date, one.verdict) == (DAYS[AT], "data_error")
    assert one.expected == pytest.approx(right[CLOSE], rel=0.05)


@pytest.mark.parametrize(("column", "name"), [(HIGH, "high"), (LOW, "low")])
def test_a_high_or_a_low_far_from_open_and_close(market: Market, column: int, name: str) -> None:
    right = market.prices[ONE, AT, column]
    market.prices[ONE, AT, column] = wrong = round(right * (1.2 if column == HIGH else 0.8), 2)
    [one] = market.found(price_outlier)
    assert (one.date, one.verdict, one.observed, one.threshold) == (DAYS[AT], "data_error", wrong, 10.0)
    assert one.expected == pytest.approx(right, rel=0.02)
    assert one.evidence["words"].startswith(name)


def test_a_wick_that_may_be_real_is_not_decided(market: Market) -> None:
    market.prices[ONE, AT, LOW] = round(float(min(market.prices[ONE, AT, [OPEN, CLOSE]])) * 0.92, 2)
    [one] = market.found(price_outlier)
    assert (one.verdict, one.severity) == ("undetermined", "medium")


def test_a_wick_that_was_traded_is_none(market: Market) -> None:
    market.prices[ONE, AT, LOW] = round(market.prices[ONE, AT, LOW] * 0.88, 2)
    assert market.heavy(ONE, AT, 4).found(price_outlier) == []


def test_a_flash_crash_of_the_whole_market_has_long_wicks(market: Market) -> None:
    market.prices[:, AT, LOW] = (market.prices[:, AT, LOW] * 0.85).round(2)
    assert market.found(price_outlier) == []


@pytest.mark.parametrize(("share", "found"), [(0.5, []), (0.05, ["data_error"])])
def test_in_a_flash_crash_some_fall_farther_and_only_what_no_market_makes_is_wrong(
    market: Market, share: float, found: list[str]
) -> None:
    """2010-05-06: a low of 39.37 in a share of 61 stood, one of 2 in a share of 48 was cancelled."""
    market.prices[:, AT, LOW] = (market.prices[:, AT, LOW] * 0.93).round(2)
    market.prices[ONE, AT, LOW] = round(float(market.prices[ONE, AT, CLOSE]) * share, 2)
    assert [one.verdict for one in market.found(price_outlier)] == found


@pytest.mark.parametrize(("fell", "found"), [(2, 2), (3, 0)])
def test_three_of_five_with_a_long_wick_are_a_market_where_no_more_is_known(fell: int, found: int) -> None:
    few = quiet(5)
    few.prices[:fell, AT, LOW] = (few.prices[:fell, AT, LOW] * 0.85).round(2)
    assert len(few.found(price_outlier)) == found


def test_the_first_bar_has_one_neighbour_and_a_large_shift_is_sure(market: Market) -> None:
    [one] = market.times(ONE, 0, 1, 10).found(price_outlier)
    assert (one.date, one.verdict) == (DAYS[0], "data_error")
    assert "nothing before it" in one.evidence["words"]


@pytest.mark.parametrize(
    ("move", "verdict", "severity"), [(0.0, "data_error", "high"), (0.03, "undetermined", "medium")]
)
def test_among_wild_days_one_more_is_not_decided(market: Market, move: float, verdict: str, severity: str) -> None:
    for day in range(AT - 5, AT + 6) if move else ():  # within the day up and down by turns
        opened = market.prices[ONE, day, OPEN]
        market.prices[ONE, day, CLOSE] = closed = round(float(opened) * (1 + move if day % 2 else 1 - move), 2)
        market.times(ONE, day + 1, None, float(closed / market.prices[ONE, day + 1, OPEN]))
        market.prices[ONE, day, HIGH], market.prices[ONE, day, LOW] = max(opened, closed), min(opened, closed)
    [one] = [one for one in market.times(ONE, AT, AT + 1, 1.11).found(price_outlier) if one.date == DAYS[AT]]
    assert (one.verdict, one.severity) == (verdict, severity)
    assert ("the days around are as wild" in one.evidence["words"]) == (move > 0)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_wild_days_may_explain_has_its_limit_whatever_is_found_elsewhere(market: Market, elsewhere: bool) -> None:
    for day in range(AT - 5, AT + 6):
        opened = market.prices[ONE, day, OPEN]
        market.prices[ONE, day, CLOSE] = closed = round(float(opened) * (1.1 if day % 2 else 0.91), 2)
        market.times(ONE, day + 1, None, float(closed / market.prices[ONE, day + 1, OPEN]))
        market.prices[ONE, day, HIGH], market.prices[ONE, day, LOW] = max(opened, closed), min(opened, closed)
    market.times(ONE, AT, AT + 1, 1.42)
    if elsewhere:
        market.times(ONE, AT + 65, AT + 66, 1.12)
    assert {one.date: one.verdict for one in market.found(price_outlier)}[DAYS[AT]] == "data_error"


@pytest.mark.parametrize("factor", [100, 10, 3, 0.01])
def test_a_last_close_that_no_market_makes_is_sure_at_once(market: Market, factor: float) -> None:
    right = market.prices[ONE, LAST, CLOSE]
    market.prices[ONE, LAST, CLOSE] = wrong = round(float(right) * factor, 2)
    market.prices[ONE, LAST, HIGH if factor > 1 else LOW] = wrong
    [one] = market.found(price_outlier)
    assert (one.date, one.verdict, one.severity, one.observed) == (DAYS[LAST], "data_error", "critical", wrong)
    assert "nothing after it" in one.evidence["words"]
    assert market.heavy(ONE, LAST, 20).found(price_outlier) == [], "so much was traded that it may be true"


def test_the_last_bar_is_settled_by_the_next_session(market: Market) -> None:
    [one] = market.times(ONE, LAST, None, 1.16).found(price_outlier)
    assert (one.date, one.verdict) == (DAYS[LAST], "undetermined")
    assert "nothing after it" in one.evidence["words"]


@pytest.mark.parametrize("factor", [100, 0.01, 3.3])
def test_a_last_bar_that_no_market_makes_is_an_error(market: Market, factor: float) -> None:
    [one] = market.times(ONE, LAST, None, factor).found(price_outlier)
    assert (one.date, one.verdict, one.severity) == (DAYS[LAST], "data_error", "critical")
    assert math.log(one.evidence["factor"]) == pytest.approx(math.log(factor), abs=0.05)


def test_a_last_day_of_heavy_trading_is_none(market: Market) -> None:
    assert market.times(ONE, LAST, None, 1.16).heavy(ONE, LAST, 9).found(price_outlier) == []


def test_one_finding_a_bar_and_only_in_sessions_judged(market: Market) -> None:
    market.times(ONE, AT, AT + 4, 100).times(5, AT, AT + 1, 1.4)
    assert where(market.found(price_outlier)) == [*(("S03", AT + more) for more in range(4)), ("S05", AT)]
    assert where(market.found(price_outlier, DAYS[AT + 1 : AT + 3])) == [("S03", AT + 1), ("S03", AT + 2)]
