"""All checks together: a quiet market, the sessions judged, one thing one finding."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from tests.unit.quality.market import AT, CLOSE, DAYS, ONE, OTHER, Market, quiet, where
from tickstock_automation.quality.checks import CHECKS


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_quiet_market_has_no_findings(seed: int) -> None:
    assert quiet(seed=seed).judged() == []


def test_each_check_has_a_test_file_of_its_own() -> None:
    here = Path(__file__).parent
    assert {f"test_{check.__name__}.py" for check in CHECKS} <= {path.name for path in here.glob("test_*.py")}


def test_findings_come_in_the_order_of_symbol_date_and_check(market: Market) -> None:
    market.times(OTHER, AT, AT + 1, 10).times(ONE, AT + 9, AT + 10, 10).times(ONE, AT, AT + 1, 10)
    found = market.judged()
    assert [(one.symbol, one.date) for one in found] == [("S03", DAYS[AT]), ("S03", DAYS[AT + 9]), ("S07", DAYS[AT])]


def test_only_the_sessions_judged_are_judged(market: Market) -> None:
    market.times(ONE, AT, AT + 1, 10)
    market.volumes[OTHER, AT + 3] = 0
    assert where(market.judged(DAYS[AT : AT + 2])) == [("S03", AT)]
    assert where(market.judged(DAYS[AT + 2 : AT + 4])) == [("S07", AT + 3)]
    assert market.judged(DAYS[AT + 4 :]) == []


def test_a_wrong_bar_is_one_finding_and_not_two_moves(market: Market) -> None:
    market.times(ONE, AT, AT + 1, 1.5)
    assert [one.check for one in market.judged()] == ["price_outlier"]


def test_a_day_of_news_is_one_market_event_and_its_volume_goes_with_it(market: Market) -> None:
    market.times(ONE, AT, None, 1.27).heavy(ONE, AT, 9, 6, 5.5)
    assert [(one.check, one.verdict) for one in market.judged()] == [("price_move", "market_event")]


def test_a_crash_of_the_whole_market_is_nobodys_fault(market: Market) -> None:
    for symbol in range(20):
        market.times(symbol, AT, None, 0.75, 2)
    assert market.judged() == []


def test_a_market_of_too_few_symbols_is_judged_each_by_itself() -> None:
    market = quiet(symbols=5).times(ONE, AT, AT + 1, 100)
    assert where(market.judged()) == [("S03", AT)]


def test_everything_at_once_can_be_written_as_json(market: Market) -> None:
    market.times(0, AT, AT + 1, 100).times(1, AT, None, 0.5).heavy(2, AT, 300).heavy(4, AT, 1 / 200).heavy(5, AT, 0)
    market.prices[6, AT, CLOSE] = float("nan")
    market.prices[8, AT] = market.prices[8, AT, CLOSE]
    market.without(9, [AT]).twice(10, DAYS[AT], 50.0).twice(11, date(2023, 8, 26), 50.0)
    found = market.judged()
    assert {one.symbol for one in found} == {"S00", "S01", "S02", "S04", "S05", "S06", "S08", "S09", "S10", "S11"}
    for one in found:
        json.dumps([one.observed, one.expected, one.threshold, one.evidence], allow_nan=False)


@pytest.mark.parametrize("late", [1, -1])
def test_a_split_that_the_bars_show_a_session_late_or_early_is_one_wrong_bar(market: Market, late: int) -> None:
    market.splits = [(ONE, DAYS[AT], 4.0)]
    found = market.times(ONE, AT + late, None, 0.25, 4).judged()
    assert [(one.check, one.date, one.verdict) for one in found] == [
        ("price_outlier", DAYS[min(AT, AT + late)], "data_error")
    ]


def test_a_split_on_the_day_before_the_last_is_found_as_one(market: Market) -> None:
    found = market.times(ONE, 158, None, 0.5, 2).judged()
    assert [(one.check, one.date) for one in found] == [("split_unadjusted", DAYS[158])]


def test_a_halt_that_ends_with_news_is_a_hole_and_a_market_event(market: Market) -> None:
    market.without(ONE, range(AT - 2, AT)).times(ONE, AT, None, 1.4).heavy(ONE, AT, 9, 6, 4, 3)
    assert [(one.check, one.verdict) for one in market.judged()] == [
        ("missing_session", "data_error"), ("missing_session", "data_error"), ("price_move", "market_event"),
    ]  # fmt: skip


def test_a_hole_beside_a_wrong_bar_hides_neither(market: Market) -> None:
    found = market.without(ONE, [AT - 1]).times(ONE, AT, AT + 1, 1.2).judged()
    assert [(one.check, one.date) for one in found] == [
        ("missing_session", DAYS[AT - 1]), ("price_outlier", DAYS[AT]),
    ]  # fmt: skip


def test_an_index_without_any_volume_is_never_an_error(market: Market) -> None:
    market.volumes[ONE] = 0
    assert {(one.check, one.verdict) for one in market.judged()} == {("zero_volume", "undetermined")}


def test_of_a_bar_that_is_broken_and_there_twice_both_are_told(market: Market) -> None:
    market.prices[ONE, AT] = 0
    found = market.twice(ONE, DAYS[AT], 50.0).judged()
    assert [one.check for one in found] == ["duplicate_bar", "ohlc_inconsistent"]


def test_a_heavy_day_on_which_the_price_moved_is_told_on_the_newest_session_too(market: Market) -> None:
    last = len(DAYS) - 1
    market.times(ONE, last, None, 1.05).heavy(ONE, last, 9)
    assert ("volume_spike", "market_event") in {(one.check, one.verdict) for one in market.judged()}
