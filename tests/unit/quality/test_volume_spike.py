"""A volume far above what the symbol usually trades."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.quality.market import AT, DAYS, ONE, Market
from tickstock_automation.quality.checks.volume_spike import volume_spike


def test_many_times_the_median_beside_a_quiet_price_is_not_decided(market: Market) -> None:
    usual = market.volumes[ONE, AT]
    [one] = market.heavy(ONE, AT, 8).found(volume_spike)
    assert (one.symbol, one.date, one.verdict, one.severity) == ("S03", DAYS[AT], "undetermined", "low")
    assert (one.observed, one.threshold, one.remediation) == (usual * 8, 5.0, "review")
    assert one.expected == pytest.approx(1e6, rel=0.3)
    assert "the price is quiet" in one.evidence["words"]


def test_from_ten_times_on_it_is_medium(market: Market) -> None:
    [one] = market.heavy(ONE, AT, 16).found(volume_spike)
    assert one.severity == "medium"


def test_with_a_price_that_moved_it_is_the_markets(market: Market) -> None:
    [one] = market.times(ONE, AT, None, 1.14).heavy(ONE, AT, 9).found(volume_spike)
    assert one.verdict == "market_event"
    assert "the price moved" in one.evidence["words"]


@pytest.mark.parametrize("times", [30, 100, 1000])
def test_quiet_all_around_is_an_error_of_units(market: Market, times: float) -> None:
    [one] = market.heavy(ONE, AT, times).found(volume_spike)
    assert (one.verdict, one.severity, one.remediation) == ("data_error", "high", "refetch")
    assert "an error of units" in one.evidence["words"]


def test_an_index_inclusion_trades_on_the_days_beside_it_as_well(market: Market) -> None:
    market.volumes[ONE] = market.volumes[ONE].round(-2)
    market.volumes[ONE, AT - 1 : AT + 2] = (2.3e6, 4.47123e7, 2.2e6)
    [one] = market.found(volume_spike)
    assert (one.date, one.verdict) == (DAYS[AT], "undetermined")


def test_a_whole_number_of_fiftyfold_lots_is_a_wrong_unit(market: Market) -> None:
    market.volumes[ONE] = market.volumes[ONE].round(-2)
    market.volumes[ONE, AT - 1 : AT + 2] = (2.3e6, 4.5e7, 2.2e6)
    [one] = market.found(volume_spike)
    assert one.verdict == "data_error"


def test_a_new_level_of_the_volume_is_no_spike_for_long(market: Market) -> None:
    market.times(ONE, AT, None, 1.0, 2.8)
    assert market.found(volume_spike) == []


def test_a_day_on_which_all_trade_much_is_none(market: Market) -> None:
    market.volumes[:, AT] *= 8
    assert market.found(volume_spike) == []


def test_the_first_days_of_a_listing_trade_wildly(market: Market) -> None:
    market.without(ONE, range(AT)).heavy(ONE, AT, 12, 8, 5, 6, 3)
    assert market.found(volume_spike) == []


def test_a_split_multiplies_the_shares_traded(market: Market) -> None:
    market.splits = [(ONE, DAYS[AT], 10.0)]
    assert market.times(ONE, AT, None, 0.1, 10).found(volume_spike) == []


def test_what_is_expected_is_in_the_shares_of_its_day(market: Market) -> None:
    market.splits = [(ONE, DAYS[AT + 5], 10.0)]
    [one] = market.times(ONE, AT + 5, None, 0.1, 10).heavy(ONE, AT, 8).found(volume_spike)
    assert one.expected == pytest.approx(1e6, rel=0.3)


def test_only_in_the_sessions_judged(market: Market) -> None:
    market.heavy(ONE, AT, 9).heavy(ONE, AT + 7, 9)
    assert [one.date for one in market.found(volume_spike, DAYS[AT + 1 :])] == [DAYS[AT + 7]]


def test_up_to_five_times_is_none(market: Market) -> None:
    market.volumes[ONE, AT] = 4.4 * np.median(market.volumes[ONE, AT - 20 : AT])
    assert market.found(volume_spike) == []
