"""A lasting step of the prices by a split's ratio."""

from __future__ import annotations

from datetime import date

import pytest

from tests.unit.quality.market import AT, DAYS, ONE, Market
from tickstock_automation.quality.checks.split_unadjusted import split_unadjusted


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (2, "2:1 split"), (3, "3:1 split"), (1.5, "3:2 split"), (20, "20:1 split"), (1 / 8, "1:8 reverse split"),
        (10, "1/10"), (100, "1/100"),
    ],
)  # fmt: skip
def test_a_step_by_a_known_ratio_that_stays(market: Market, ratio: float, words: str) -> None:
    before = market.prices[ONE, AT, 3]
    [one] = market.times(ONE, AT, None, 1 / ratio, ratio).found(split_unadjusted)
    assert (one.symbol, one.date, one.verdict, one.severity) == ("S03", DAYS[AT], "data_error", "critical")
    assert one.remediation == "look_up_split"
    assert one.expected == pytest.approx(before, rel=0.03)
    assert (one.threshold, one.evidence["factor"]) == (8.0, pytest.approx(1 / ratio, rel=0.03))
    assert words in one.evidence["words"]
    assert "no such split is known" in one.evidence["words"]


def test_the_level_of_the_volume_need_not_show_it(market: Market) -> None:
    assert len(market.times(ONE, AT, None, 0.5).found(split_unadjusted)) == 1


def test_a_split_that_is_known_explains_its_step_in_bars_as_traded(market: Market) -> None:
    market.splits = [(ONE, DAYS[AT], 7.0)]
    assert market.times(ONE, AT, None, 1 / 7, 7).found(split_unadjusted) == []


def test_chained_splits_multiply(market: Market) -> None:
    market.splits = [(ONE, DAYS[AT], 2.0), (ONE, DAYS[AT + 6], 3.0)]
    market.times(ONE, AT, None, 1 / 2, 2).times(ONE, AT + 6, None, 1 / 3, 3)
    assert market.found(split_unadjusted) == []


def test_a_known_split_that_the_bars_do_not_show(market: Market) -> None:
    market.splits = [(ONE, DAYS[AT], 4.0)]
    [one] = market.found(split_unadjusted)
    assert one.date == DAYS[AT]
    assert f"the split of {DAYS[AT]} is known, the bars do not show it so" in one.evidence["words"]


def test_in_adjusted_bars_a_split_that_is_known_explains_nothing(market: Market) -> None:
    market.as_given = "adjusted"
    market.splits = [(ONE, DAYS[AT], 4.0)]
    assert market.found(split_unadjusted) == []
    [one] = market.times(ONE, AT, None, 1 / 4, 4).found(split_unadjusted)
    assert "these prices are not adjusted for it" in one.evidence["words"]


def test_a_crash_by_a_third_trades_for_days(market: Market) -> None:
    assert market.times(ONE, AT, None, 2 / 3).heavy(ONE, AT, 9, 6, 4, 3).found(split_unadjusted) == []


def test_a_spin_offs_step_is_no_splits_ratio(market: Market) -> None:
    assert market.times(ONE, AT, None, 0.87).times(5, AT, None, 0.58).found(split_unadjusted) == []


def test_a_bar_that_comes_back_is_no_split(market: Market) -> None:
    assert market.times(ONE, AT, AT + 1, 0.5).times(5, AT, AT + 5, 0.5).found(split_unadjusted) == []


def test_a_market_that_halves_is_no_split_of_all(market: Market) -> None:
    for symbol in range(20):
        market.times(symbol, AT, None, 0.5)
    assert market.found(split_unadjusted) == []


def test_only_in_the_sessions_judged(market: Market) -> None:
    market.times(ONE, AT, None, 0.5)
    assert market.found(split_unadjusted, DAYS[AT + 1 :]) == []
    assert len(market.found(split_unadjusted, DAYS[AT : AT + 1])) == 1


@pytest.mark.parametrize(("missing", "found"), [((), 0), ((AT - 4, AT - 3, AT - 2, AT - 1), 1)])
def test_over_a_hole_the_ratio_may_be_off_by_what_the_share_moves_meanwhile(
    market: Market, missing: tuple[int, ...], found: int
) -> None:
    before = market.prices[ONE, AT - 1 - len(missing), 3]
    market.times(ONE, AT, None, float(before / market.prices[ONE, AT, 0] / 2 * 1.045), 2)
    assert len(market.without(ONE, missing).found(split_unadjusted)) == found


@pytest.mark.parametrize(("known", "found"), [([], 0), ([(ONE, DAYS[AT + 1], 1.5)], 1), ([(ONE, DAYS[AT], 3.0)], 0)])
def test_a_step_on_news_is_a_split_where_that_split_is_known(
    market: Market, known: list[tuple[int, date, float]], found: int
) -> None:
    market.as_given, market.splits = "adjusted", known
    market.times(ONE, AT, None, 1 / 1.5).heavy(ONE, AT, 9, 6, 4, 3)
    assert len(market.found(split_unadjusted)) == found


def test_of_what_trades_as_news_a_split_that_the_tape_does_not_show_is_told(market: Market) -> None:
    market.splits = [(ONE, DAYS[AT], 1.25)]
    [one] = market.heavy(ONE, AT, 9, 6, 4, 3).found(split_unadjusted)
    assert "the bars do not show it so" in one.evidence["words"]
