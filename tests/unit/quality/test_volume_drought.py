"""A volume far below what the symbol usually trades."""

from __future__ import annotations

import pytest

from tests.unit.quality.market import AT, DAYS, HALF_DAY, ONE, Market
from tickstock_automation.quality.checks.volume_drought import volume_drought


def test_under_a_tenth_is_not_decided(market: Market) -> None:
    [one] = market.heavy(ONE, AT, 1 / 14).found(volume_drought)
    assert (one.symbol, one.date, one.verdict, one.severity) == ("S03", DAYS[AT], "undetermined", "low")
    assert (one.observed, one.threshold, one.remediation) == (market.volumes[ONE, AT], 0.1, "review")
    assert one.expected == pytest.approx(1e6, rel=0.3)
    assert "of the usual" in one.evidence["words"]


@pytest.mark.parametrize("part", [100, 1000])
def test_lots_or_thousands_are_an_error_of_units(market: Market, part: float) -> None:
    [one] = market.heavy(ONE, AT, 1 / part).found(volume_drought)
    assert (one.verdict, one.severity, one.remediation) == ("data_error", "medium", "refetch")
    assert "an error of units" in one.evidence["words"]
    assert one.evidence["ratio"] == pytest.approx(1 / part, rel=0.5)


def test_a_half_day_is_none(market: Market) -> None:
    market.volumes[ONE, HALF_DAY] *= 0.5
    assert market.found(volume_drought) == []


def test_a_day_on_which_nobody_trades_is_nobodys_drought(market: Market) -> None:
    market.volumes[:, AT] /= 30
    assert market.found(volume_drought) == []


def test_a_share_that_hardly_trades_has_none(market: Market) -> None:
    assert market.times(ONE, 0, None, 1.0, 0.0005).heavy(ONE, AT, 0.02).found(volume_drought) == []


def test_when_issued_first_days_are_not_decided_by_the_days_after(market: Market) -> None:
    market.without(ONE, range(AT)).heavy(ONE, AT, *[1 / 60] * 6)
    found = market.found(volume_drought)
    assert found
    assert {one.verdict for one in found} == {"undetermined"}


def test_a_first_day_of_its_own_is_an_error_where_both_neighbours_trade_eight_times_as_much(market: Market) -> None:
    [one] = market.without(ONE, range(AT)).heavy(ONE, AT + 3, 1 / 100).found(volume_drought)
    assert (one.date, one.verdict) == (DAYS[AT + 3], "data_error")


def test_a_reverse_split_divides_the_shares_traded(market: Market) -> None:
    market.splits = [(ONE, DAYS[AT], 1 / 20)]
    assert market.times(ONE, AT, None, 20, 1 / 20).found(volume_drought) == []


def test_none_at_all_is_another_checks_matter(market: Market) -> None:
    assert market.heavy(ONE, AT, 0).found(volume_drought) == []


def test_only_in_the_sessions_judged(market: Market) -> None:
    market.heavy(ONE, AT, 1 / 100).heavy(ONE, AT + 5, 1 / 100)
    assert [one.date for one in market.found(volume_drought, DAYS[AT + 1 :])] == [DAYS[AT + 5]]
