"""A session of the exchange without a bar."""

from __future__ import annotations

from tests.unit.quality.market import AT, DAYS, ONE, Market, days_of, where
from tickstock_automation.quality.checks.missing_session import missing_session


def test_a_session_without_a_bar_is_queued_for_reload(market: Market) -> None:
    [one] = market.without(ONE, [AT]).found(missing_session)
    assert (one.symbol, one.date, one.verdict, one.severity) == ("S03", DAYS[AT], "data_error", "medium")
    assert (one.remediation, one.observed, one.expected, one.threshold) == ("reload", 0.0, 1.0, 1.0)
    assert str(DAYS[AT]) in one.evidence["words"]


def test_each_of_some_days_is_a_finding(market: Market) -> None:
    assert where(market.without(ONE, [AT, AT + 1, AT + 9]).found(missing_session)) == [
        ("S03", AT), ("S03", AT + 1), ("S03", AT + 9),
    ]  # fmt: skip


def test_holidays_and_half_days_are_the_calendars(market: Market) -> None:
    assert market.found(missing_session) == []


def test_before_its_listing_nothing_is_missing(market: Market) -> None:
    market.listed[ONE] = DAYS[AT]
    assert market.without(ONE, range(AT)).found(missing_session) == []


def test_from_its_listing_on_bars_are_missing_though_the_first_is_later(market: Market) -> None:
    market.listed[ONE] = DAYS[AT]
    assert days_of(market.without(ONE, range(AT + 2)).found(missing_session)) == {AT, AT + 1}


def test_where_the_listing_is_unknown_the_first_bar_tells_it(market: Market) -> None:
    assert market.without(ONE, range(AT)).found(missing_session) == []


def test_the_last_session_is_missing_as_well(market: Market) -> None:
    assert days_of(market.without(ONE, [159]).found(missing_session)) == {159}


def test_in_a_file_bars_are_expected_up_to_the_symbols_last(market: Market) -> None:
    market.without(ONE, [AT, *range(AT + 40, 160)])
    assert days_of(market.found(missing_session, until_last_bar=True)) == {AT}


def test_a_broken_bar_is_there(market: Market) -> None:
    market.prices[ONE, AT] = 0
    assert market.found(missing_session) == []


def test_a_bar_too_many_elsewhere_hides_none(market: Market) -> None:
    market.without(ONE, [AT]).twice(ONE, DAYS[AT + 3], 50.0)
    assert days_of(market.found(missing_session)) == {AT}


def test_a_symbol_without_any_bar_is_not_judged(market: Market) -> None:
    assert market.without(ONE, range(160)).found(missing_session) == []


def test_only_in_the_sessions_judged(market: Market) -> None:
    market.without(ONE, [AT, AT + 5])
    assert days_of(market.found(missing_session, DAYS[AT + 1 :])) == {AT + 5}
