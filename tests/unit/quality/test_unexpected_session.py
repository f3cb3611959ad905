"""A bar on a day on which the exchange does not trade."""

from __future__ import annotations

from datetime import date

import pytest

from tests.unit.quality.market import DAYS, ONE, Market
from tickstock_automation.quality.checks.unexpected_session import unexpected_session


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2023, 8, 26), "Saturday"), (date(2023, 8, 27), "Sunday"), (date(2023, 9, 4), "Monday"),
        (date(2023, 11, 23), "Thursday"),
    ],
)  # fmt: skip
def test_no_session_no_bar(market: Market, day: date, words: str) -> None:
    [one] = market.twice(ONE, day, 50.0).found(unexpected_session)
    assert (one.symbol, one.date, one.verdict, one.severity) == ("S03", day, "data_error", "medium")
    assert (one.observed, one.expected, one.threshold, one.remediation) == (1.0, 0.0, 0.0, "review")
    assert f"a bar of {words} {day}" in one.evidence["words"]


def test_sessions_are_none(market: Market) -> None:
    assert market.found(unexpected_session) == []


def test_such_a_bar_is_nobodys_neighbour(market: Market) -> None:
    market.twice(ONE, date(2023, 8, 26), 5000.0)
    assert [one.check for one in market.judged()] == ["unexpected_session"]


def test_such_a_day_belongs_to_the_session_before_it(market: Market) -> None:
    day = date(2023, 8, 26)
    market.twice(ONE, day, 50.0)
    assert market.found(unexpected_session, [one for one in DAYS if one > day]) == []
    assert market.found(unexpected_session, [one for one in DAYS if one < day][:-1]) == []
    assert len(market.found(unexpected_session, [max(one for one in DAYS if one < day)])) == 1
    assert len(market.found(unexpected_session, DAYS)) == 1
