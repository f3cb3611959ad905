"""Two bars of one symbol for one day."""

from __future__ import annotations

from datetime import date

from tests.unit.quality.market import AT, CLOSE, DAYS, ONE, Market, where
from tickstock_automation.quality.checks.duplicate_bar import duplicate_bar


def test_a_second_bar_is_an_error_whatever_it_says(market: Market) -> None:
    market.twice(ONE, DAYS[AT], float(market.prices[ONE, AT, CLOSE])).twice(5, DAYS[AT], 999.0)
    found = market.found(duplicate_bar)
    assert where(found) == [("S03", AT), ("S05", AT)]
    for one in found:
        assert (one.verdict, one.severity, one.remediation) == ("data_error", "medium", "review")
        assert (one.observed, one.expected, one.threshold) == (2.0, 1.0, 1.0)
    assert "2 bars for one day; the last says close 999" in found[1].evidence["words"]


def test_three_are_one_finding(market: Market) -> None:
    [one] = market.twice(ONE, DAYS[AT], 50.0).twice(ONE, DAYS[AT], 51.0).found(duplicate_bar)
    assert one.observed == 3.0
    assert "the last says close 51" in one.evidence["words"]


def test_the_other_checks_look_at_the_first(market: Market) -> None:
    market.twice(ONE, DAYS[AT], 5000.0)
    assert [one.check for one in market.judged()] == ["duplicate_bar"]


def test_the_same_day_of_two_symbols_is_none(market: Market) -> None:
    assert market.found(duplicate_bar) == []


def test_on_a_day_without_a_session_it_is_another_checks_matter(market: Market) -> None:
    saturday = date(2023, 8, 26)
    market.twice(ONE, saturday, 50.0).twice(ONE, saturday, 50.0)
    assert market.found(duplicate_bar) == []
    assert [one.check for one in market.judged()] == ["unexpected_session"]


def test_only_in_the_sessions_judged(market: Market) -> None:
    market.twice(ONE, DAYS[AT], 50.0).twice(ONE, DAYS[AT + 5], 50.0)
    assert where(market.found(duplicate_bar, DAYS[AT + 1 :])) == [("S03", AT + 5)]
