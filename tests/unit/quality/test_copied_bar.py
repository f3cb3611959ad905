"""Another day's bar passed for this one."""

from __future__ import annotations

import pytest

from tests.unit.quality.market import AT, CLOSE, DAYS, ONE, Market, days_of, quiet
from tickstock_automation.quality.checks.copied_bar import copied_bar


def copy(market: Market, symbol: int, at: int, of: int, volume: bool = True) -> None:
    """The bar of session `of` stands again in session `at`."""
    market.prices[symbol, at] = market.prices[symbol, of]
    if volume:
        market.volumes[symbol, at] = market.volumes[symbol, of]


def shift(market: Market, symbol: int, first: int, last: int, by: int) -> None:
    """Each session from `first` up to `last`, not included, carries the bar of the session `by` away."""
    prices, volumes = market.prices[symbol].copy(), market.volumes[symbol].copy()
    market.prices[symbol, first:last] = prices[first + by : last + by]
    market.volumes[symbol, first:last] = volumes[first + by : last + by]


@pytest.mark.parametrize("back", [2, 5, 10])
def test_a_bar_of_the_ten_before_with_its_volume(market: Market, back: int) -> None:
    copy(market, ONE, AT, AT - back)
    [one] = market.found(copied_bar)
    assert (one.symbol, one.date, one.verdict, one.severity) == ("S03", DAYS[AT], "data_error", "high")
    assert (one.remediation, one.threshold, one.observed) == ("refetch", 4.0, market.prices[ONE, AT, CLOSE])
    assert (one.evidence["copy_of"], one.evidence["back"]) == (str(DAYS[AT - back]), back)
    assert f"those of {DAYS[AT - back]}" in one.evidence["words"]


def test_yesterdays_prices_under_a_volume_of_todays(market: Market) -> None:
    copy(market, ONE, AT, AT - 1, volume=False)
    found = market.found(copied_bar)
    assert DAYS[AT] in {one.date for one in found} or DAYS[AT - 1] in {one.date for one in found}
    assert "but not the volume" in " ".join(one.evidence["words"] for one in found)


def test_an_older_bars_prices_alone_are_chance(market: Market) -> None:
    copy(market, ONE, AT, AT - 4, volume=False)
    assert market.found(copied_bar) == []


def test_two_bars_running_that_repeat_two_bars_running(market: Market) -> None:
    copy(market, ONE, AT, AT - 4, volume=False)
    copy(market, ONE, AT + 1, AT - 3, volume=False)
    assert days_of(market.found(copied_bar)) == {AT, AT + 1}


def test_a_week_that_is_repeated(market: Market) -> None:
    for at in range(AT, AT + 5):
        copy(market, ONE, at, at - 5)
    assert days_of(market.found(copied_bar)) == set(range(AT, AT + 5))


def test_further_back_than_ten_bars_nothing_is_compared(market: Market) -> None:
    copy(market, ONE, AT, AT - 11)
    assert market.found(copied_bar) == []


def test_a_range_of_a_few_cents_repeats_by_chance(market: Market) -> None:
    market.prices[ONE, AT - 1] = market.prices[ONE, AT] = (50.0, 50.03, 50.0, 50.02)
    assert market.found(copied_bar) == []


def test_a_bar_without_a_range_is_another_checks_matter(market: Market) -> None:
    market.prices[ONE, AT - 1 : AT + 2] = 50.0
    assert market.found(copied_bar) == []


def test_a_thin_share_that_repeats_its_price_with_another_volume_is_none(market: Market) -> None:
    market.prices[ONE, AT - 6 : AT] = (50.0, 50.01, 49.99, 50.0)
    assert market.found(copied_bar) == []


def test_a_block_whose_rows_carry_the_session_befores() -> None:
    market = quiet(common=0.02)
    shift(market, ONE, AT, AT + 12, -1)
    found = {one.date: one for one in market.found(copied_bar)}
    wrong = {DAYS[at] for at in range(AT, AT + 12)}
    sure = {day for day, one in found.items() if one.verdict == "data_error"}
    assert DAYS[AT] in sure
    assert sure <= wrong | {DAYS[AT + 12]}
    assert len(sure & wrong) >= 8
    assert "a session late: it is the session before's" in found[DAYS[AT + 2]].evidence["words"]


def test_a_block_whose_rows_carry_the_next_sessions() -> None:
    market = quiet(common=0.02)
    shift(market, ONE, AT, AT + 12, +1)
    found = {one.date: one for one in market.found(copied_bar)}
    wrong = {DAYS[at] for at in range(AT, AT + 12)}
    sure = {day for day, one in found.items() if one.verdict == "data_error"}
    assert DAYS[AT + 11] in sure, "the first of two equal bars is the wrong one"
    assert DAYS[AT + 12] not in sure
    assert sure <= wrong | {DAYS[AT - 1]}
    assert len(sure & wrong) >= 8
    assert "a session early: it is the next session's" in found[DAYS[AT + 9]].evidence["words"]


@pytest.mark.parametrize("sessions", [-1, +1])
def test_without_a_market_either_of_two_equal_bars_may_be_the_copy(sessions: int) -> None:
    """Mostly it is the second."""
    market = quiet(symbols=5)
    shift(market, ONE, AT, AT + 12, sessions)
    first, second = sorted(market.found(copied_bar), key=lambda one: one.date)
    assert DAYS.index(second.date) - DAYS.index(first.date) == 1
    assert {AT if sessions < 0 else AT + 11} <= days_of([first, second])
    assert (first.verdict, second.verdict) == ("undetermined", "data_error")
    assert "the next session as well" in first.evidence["words"]


def test_only_in_the_sessions_judged(market: Market) -> None:
    for at in range(AT, AT + 5):
        copy(market, ONE, at, at - 5)
    assert days_of(market.found(copied_bar, DAYS[AT + 2 : AT + 4])) == {AT + 2, AT + 3}
