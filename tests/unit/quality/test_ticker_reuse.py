"""A history that belongs to another company, or to nobody any more."""

from __future__ import annotations

from tests.unit.quality.market import AT, DAYS, ONE, Market, days_of
from tickstock_automation.quality.checks.ticker_reuse import ticker_reuse


def test_the_thin_history_before_a_step_of_the_price_is_another_companys(market: Market) -> None:
    found = market.times(ONE, 0, AT, 0.37, 0.002).found(ticker_reuse)
    assert days_of(found) == set(range(AT - 40, AT))
    for one in found:
        assert (one.symbol, one.verdict, one.severity, one.remediation) == ("S03", "data_error", "critical", "review")
        assert one.evidence["boundary"] == str(DAYS[AT])
        assert one.threshold == 20.0
    assert "times as many shares are traded" in found[0].evidence["words"]


def test_the_thin_history_after_it_is_the_foreign_one_there(market: Market) -> None:
    found = market.times(ONE, AT, None, 2.7, 0.001).found(ticker_reuse)
    assert days_of(found) == set(range(AT, AT + 40))


def test_a_hole_of_weeks_and_another_price_after_it(market: Market) -> None:
    market.times(ONE, 0, AT - 12, 0.4).without(ONE, range(AT - 12, AT))
    found = market.found(ticker_reuse)
    assert found
    assert all(one.date < DAYS[AT - 12] for one in found), "both trade alike in shares: the earlier one is foreign"
    assert "after 13 sessions without a bar" in found[0].evidence["words"]


def test_a_hole_of_days_with_a_step_that_is_no_splits(market: Market) -> None:
    market.times(ONE, 0, AT - 3, 0.28).without(ONE, range(AT - 3, AT))
    found = market.found(ticker_reuse)
    assert found
    assert "no split's ratio" in found[0].evidence["words"]


def test_a_split_within_a_hole_of_days_is_off_by_what_the_share_moved_meanwhile(market: Market) -> None:
    market.without(ONE, range(AT - 5, AT))
    before = market.prices[ONE, AT - 6, 3]
    market.times(ONE, AT, None, float(before / market.prices[ONE, AT, 0] * 8 * 1.034), 1 / 8)
    assert market.found(ticker_reuse) == []


def test_a_reverse_split_within_a_hole_of_weeks_is_the_same_companys(market: Market) -> None:
    """E*TRADE, June 2010: ten old shares for a new one, 21 sessions without a bar, 8.5 times the price."""
    market.without(ONE, range(AT - 20, AT))
    before = market.prices[ONE, AT - 21, 3]
    market.times(ONE, AT, None, float(before / market.prices[ONE, AT, 0] * 8.48), 0.03)
    assert market.found(ticker_reuse) == []
    market.volumes[ONE, AT:] *= 0.1
    assert market.found(ticker_reuse), "and hardly a dollar is traded"


def test_a_liquid_share_without_any_volume_from_a_day_on_is_dead_data(market: Market) -> None:
    found = market.times(ONE, AT, None, 1.0, 0.0).found(ticker_reuse)
    assert days_of(found) == set(range(AT, AT + 40))
    assert "dead data" in found[0].evidence["words"]


def test_only_sessions_judged_are_told_of(market: Market) -> None:
    market.times(ONE, 0, AT, 0.37, 0.002)
    assert days_of(market.found(ticker_reuse, DAYS[AT - 2 : AT + 5])) == {AT - 2, AT - 1}


def test_a_halt_of_weeks_after_which_it_trades_on_where_it_was_is_none(market: Market) -> None:
    assert market.without(ONE, range(AT - 15, AT)).found(ticker_reuse) == []


def test_a_spin_off_and_a_crash_change_the_price_and_not_the_number_of_shares_twentyfold(market: Market) -> None:
    assert market.times(ONE, AT, None, 0.71).times(5, AT, None, 0.4, 4).found(ticker_reuse) == []


def test_a_split_that_nobody_knows_of_is_another_checks_matter(market: Market) -> None:
    assert market.times(ONE, AT, None, 1 / 30, 30).found(ticker_reuse) == []


def test_a_single_day_without_volume_is_none(market: Market) -> None:
    assert market.times(ONE, AT, AT + 1, 1.0, 0.0).found(ticker_reuse) == []


def test_a_thin_share_that_stops_trading_was_never_liquid(market: Market) -> None:
    assert market.times(ONE, 0, None, 1.0, 0.001).times(ONE, AT, None, 1.0, 0.0).found(ticker_reuse) == []
