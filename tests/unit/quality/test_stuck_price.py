"""A price that does not move though the share is traded."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.quality.market import AT, CLOSE, DAYS, HIGH, LOW, ONE, SESSIONS, Market, days_of
from tickstock_automation.quality.checks.stuck_price import stuck_price


def test_one_price_all_day_in_a_share_that_moves(market: Market) -> None:
    market.prices[ONE, AT] = price = market.prices[ONE, AT, CLOSE]
    [one] = market.found(stuck_price)
    assert (one.symbol, one.date, one.verdict, one.severity) == ("S03", DAYS[AT], "data_error", "high")
    assert (one.observed, one.threshold, one.remediation) == (price, 4.0, "refetch")
    assert one.evidence["high"] == one.evidence["low"] == price
    assert "moves on other days" in one.evidence["words"]


def test_a_feed_that_stands_still_for_days(market: Market) -> None:
    market.prices[ONE, AT : AT + 5] = market.prices[ONE, AT - 1, CLOSE]
    found = market.found(stuck_price)
    assert days_of(found) == set(range(AT, AT + 5))
    assert f"as on {DAYS[AT - 1]}" in found[0].evidence["words"]


def test_a_feed_that_stands_still_for_longer_than_the_bars_around_reach(market: Market) -> None:
    market.prices[ONE, AT : AT + 45] = market.prices[ONE, AT - 1, CLOSE]
    assert days_of(market.found(stuck_price)) == set(range(AT, AT + 45))


def test_a_thin_share_rightly_repeats_its_price(market: Market) -> None:
    market.times(ONE, 0, None, 1.0, 0.0005)
    market.prices[ONE, AT] = market.prices[ONE, AT, CLOSE]
    assert market.found(stuck_price) == []


def test_a_share_without_a_range_on_a_quarter_of_its_days_is_like_that(market: Market) -> None:
    market.prices[ONE, ::3] = market.prices[ONE, ::3, CLOSE][:, None]
    assert market.found(stuck_price) == []


def test_the_same_close_with_other_prices_around_is_none(market: Market) -> None:
    market.prices[ONE, AT, CLOSE] = market.prices[ONE, AT - 1, CLOSE]
    assert market.found(stuck_price) == []


def test_a_bar_without_volume_is_another_checks_matter(market: Market) -> None:
    market.prices[ONE, AT] = market.prices[ONE, AT, CLOSE]
    assert market.heavy(ONE, AT, 0).found(stuck_price) == []


def test_only_in_the_sessions_judged(market: Market) -> None:
    market.prices[ONE, AT : AT + 5] = market.prices[ONE, AT - 1, CLOSE]
    assert days_of(market.found(stuck_price, DAYS[AT + 3 :])) == {AT + 3, AT + 4}


@pytest.mark.parametrize(("sessions", "verdicts"), [(2, []), (3, ["undetermined"] * 2), (5, ["data_error"] * 4)])
def test_the_same_close_is_an_error_once_chance_has_no_part_in_it(
    market: Market, sessions: int, verdicts: list[str]
) -> None:
    standing(market, sessions)
    found = market.found(stuck_price)
    assert [one.verdict for one in found] == verdicts
    assert all("so by chance" in one.evidence["words"] for one in found)
    assert {one.evidence["measure"] for one in found} <= {"chance for one bar"}


def test_the_same_close_is_chance_for_longer_where_it_costs_little(market: Market) -> None:
    market.prices[ONE] = np.round(market.prices[ONE] / 2.5, 2)
    standing(market, 4)
    assert [one.verdict for one in market.found(stuck_price)] == ["undetermined"] * 3


def test_a_close_that_stands_for_a_year_and_a_half_is_told_as_well(market: Market) -> None:
    market.prices[ONE] *= 20
    standing(market, SESSIONS - AT)
    found = market.found(stuck_price)
    assert len(found) == SESSIONS - AT - 1
    assert {one.verdict for one in found} == {"data_error"}


def test_of_a_share_that_lies_still_no_chance_is_known(market: Market) -> None:
    """A takeover's price: within five cents all day, every day."""
    chance = np.random.default_rng(3)
    closes = (54.2 + chance.normal(0, 0.01, SESSIONS)).round(2)
    market.prices[ONE] = np.stack([closes, closes + 0.03, closes - 0.02, closes], axis=1).round(2)
    assert market.found(stuck_price) == []


def standing(market: Market, sessions: int) -> None:
    """The close of one session again and again, within the range of each."""
    for day in range(AT + 1, AT + sessions):
        close = market.prices[ONE, AT, CLOSE]
        market.prices[ONE, day, CLOSE] = close
        market.prices[ONE, day, HIGH] = max(market.prices[ONE, day, HIGH], close)
        market.prices[ONE, day, LOW] = min(market.prices[ONE, day, LOW], close)
