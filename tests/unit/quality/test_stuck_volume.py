"""The same volume day after day."""

from __future__ import annotations

import pytest

from tests.unit.quality.market import AT, DAYS, ONE, Market, days_of
from tickstock_automation.quality.checks.stuck_volume import stuck_volume


def test_a_large_volume_three_sessions_running_is_an_error(market: Market) -> None:
    market.volumes[ONE, AT : AT + 3] = 1_234_500
    found = market.found(stuck_volume)
    assert days_of(found) == {AT + 1, AT + 2}
    for one in found:
        assert (one.symbol, one.verdict, one.severity, one.remediation) == ("S03", "data_error", "medium", "refetch")
        assert (one.observed, one.threshold) == (1_234_500, 3.0)
        assert "3 sessions in all" in one.evidence["words"]
    assert f"that of {DAYS[AT]} again" in found[0].evidence["words"]


def test_two_large_ones_alike_decide_nothing(market: Market) -> None:
    market.volumes[ONE, AT + 1] = market.volumes[ONE, AT]
    [one] = market.found(stuck_volume)
    assert (one.date, one.verdict, one.severity, one.remediation) == (DAYS[AT + 1], "undetermined", "low", "review")


@pytest.mark.parametrize(("running", "found"), [(2, 0), (4, 0), (5, 4), (8, 7)])
def test_a_small_volume_repeats_itself_by_chance_up_to_four_times(market: Market, running: int, found: int) -> None:
    market.times(ONE, 0, None, 1.0, 0.01)
    market.volumes[ONE, AT : AT + running] = 700
    assert len(market.found(stuck_volume, DAYS[AT - 2 : AT + 10])) == found


def test_none_at_all_is_another_checks_matter(market: Market) -> None:
    market.volumes[ONE, AT : AT + 6] = 0
    assert market.found(stuck_volume) == []


def test_the_last_volume_of_one_symbol_is_not_the_first_of_the_next(market: Market) -> None:
    market.volumes[ONE, -1] = market.volumes[ONE + 1, 0] = market.volumes[ONE + 1, 2] = 2e6
    assert market.found(stuck_volume) == []


def test_a_run_is_counted_whole_though_only_a_part_is_judged(market: Market) -> None:
    market.volumes[ONE, AT : AT + 5] = 1_234_500
    [one] = market.found(stuck_volume, [DAYS[AT + 4]])
    assert one.verdict == "data_error"
    assert "5 sessions in all" in one.evidence["words"]
    assert market.found(stuck_volume, [DAYS[AT]]) == [], "the first of them may well be right"
