"""Breaks in the level of prices: segments that come back, steps that stay."""

from __future__ import annotations

import math

import pytest

from tests.unit.quality.market import AT, ONE, Market
from tickstock_automation.quality.levels import LONGEST_BLOCK

FIRST = ONE * 160  # the row of the symbol's first bar


def test_a_quiet_market_has_no_breaks(market: Market) -> None:
    levels = market.context().levels
    assert levels.breaks.tolist() == []
    assert (levels.segments, levels.steps) == ([], [])


@pytest.mark.parametrize("bars", [1, 2, 10, LONGEST_BLOCK])
def test_two_breaks_that_cancel_each_other_are_a_segment(market: Market, bars: int) -> None:
    levels = market.times(ONE, AT, AT + bars, 2.0).context().levels
    [one] = levels.segments
    assert (one.first, one.last, one.bars) == (FIRST + AT, FIRST + AT + bars - 1, bars)
    assert one.shift == pytest.approx(math.log(2), abs=0.03)
    assert one.z > 20
    assert one.mismatch < 0.1
    assert levels.steps == []


def test_a_longer_stay_is_two_steps(market: Market) -> None:
    levels = market.times(ONE, AT, AT + LONGEST_BLOCK + 1, 2.0).context().levels
    assert levels.segments == []
    assert [one.at for one in levels.steps] == [FIRST + AT, FIRST + AT + LONGEST_BLOCK + 1]


def test_a_level_that_stays_is_a_step(market: Market) -> None:
    [one] = market.times(ONE, AT, None, 0.5).heavy(ONE, AT, 4, 3).context().levels.steps
    assert one.at == FIRST + AT
    assert one.shift == pytest.approx(-math.log(2), abs=0.03)
    assert one.after == 79
    assert one.volume == pytest.approx(math.log(4), abs=0.6)
    assert one.volume_next == pytest.approx(math.log(3), abs=0.6)
    assert one.body_z < 4


def test_each_break_belongs_to_one_segment_at_most_the_best_first(market: Market) -> None:
    levels = market.times(ONE, AT, AT + 1, 10).times(ONE, AT + 2, AT + 3, 3).context().levels
    assert [(one.first - FIRST, one.last - FIRST) for one in levels.segments] == [(AT, AT), (AT + 2, AT + 2)]
    assert len(levels.breaks) == 4


def test_two_breaks_the_same_way_are_none(market: Market) -> None:
    levels = market.times(ONE, AT, None, 2).times(ONE, AT + 8, None, 2).context().levels
    assert levels.segments == []
    assert len(levels.steps) == 2


def test_a_break_does_not_reach_into_the_next_symbol(market: Market) -> None:
    levels = market.times(ONE, 158, None, 2).times(ONE + 1, 0, 1, 2).context().levels
    assert levels.segments == []
    assert len(levels.breaks) == 2


def test_the_first_bars_break_is_no_step(market: Market) -> None:
    assert market.times(ONE, 0, 1, 2).context().levels.steps == []


def test_a_hole_allows_for_a_larger_gap(market: Market) -> None:
    near = market.times(ONE, AT, None, 1.06).context().levels.breaks.tolist()
    far = market.without(ONE, range(AT - 12, AT)).context().levels.breaks.tolist()
    assert (near, far) == ([FIRST + AT], [])


def test_doubt_grows_with_the_volume_the_mismatch_and_the_length(market: Market) -> None:
    [short] = market.times(ONE, AT, AT + 1, 2).context().levels.segments
    [heavy] = market.heavy(ONE, AT, 20).context().levels.segments
    assert heavy.doubt > short.doubt
