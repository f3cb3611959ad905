"""How well bars fit when they are read otherwise."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tests.unit.quality.market import AT, CLOSE, ONE, OPEN, Market, quiet
from tickstock_automation.quality.readings import Readings, Swap

FIRST = ONE * 160


def swapped(first: int, last: int) -> Market:
    market = quiet(overnight=0.002)
    part = market.prices[ONE, first:last]
    part[:, [OPEN, CLOSE]] = part[:, [CLOSE, OPEN]]
    return market


def of(market: Market, first: int, last: int) -> list[Swap]:
    """Swaps of the symbol that touch these sessions."""
    found = Readings(market.context().bars).swaps()
    return [one for one in found if one.first <= FIRST + last and one.last >= FIRST + first]


@pytest.mark.parametrize("bars", [6, 12, 20])
def test_a_swapped_stretch_fits_much_better_when_swapped_back(bars: int) -> None:
    [one] = of(swapped(AT, AT + bars), AT, AT + bars - 1)
    assert one.gain > 10
    assert AT - 2 <= one.first - FIRST <= AT + 4
    assert AT + bars - 6 <= one.last - FIRST <= AT + bars + 1


def test_as_given_nothing_fits_much_better_otherwise() -> None:
    assert all(one.gain < 8 for one in Readings(quiet().context().bars).swaps())


def test_swaps_do_not_overlap() -> None:
    market = swapped(AT, AT + 9)
    part = market.prices[ONE, AT + 30 : AT + 40]
    part[:, [OPEN, CLOSE]] = part[:, [CLOSE, OPEN]]
    rows = sorted((one.first, one.last) for one in Readings(market.context().bars).swaps())
    assert all(before[1] < after[0] for before, after in pairwise(rows))


def test_no_swap_crosses_from_one_symbol_into_the_next(market: Market) -> None:
    for one in Readings(swapped(150, 160).context().bars).swaps():
        assert one.first // 160 == one.last // 160


@pytest.mark.parametrize("by", [-1, 1])
def test_shifted_rows_fit_as_another_sessions(by: int) -> None:
    market = quiet(common=0.02)
    rows = np.arange(FIRST + AT, FIRST + AT + 10)
    straight = Readings(market.context().bars).shift_gains(rows, by)
    for array in (market.prices, market.volumes):
        array[ONE, AT : AT + 10] = array[ONE, AT + by : AT + 10 + by].copy()
    shifted = Readings(market.context().bars).shift_gains(rows, by)
    assert straight.sum() < 0 < 5 < shifted.sum()


def test_the_first_and_the_last_day_have_no_day_beyond(market: Market) -> None:
    gains = Readings(market.context().bars).shift_gains(np.array([FIRST, FIRST + 159]), 1)
    assert np.isfinite(gains).all()


def test_too_few_bars_have_no_swaps(market: Market) -> None:
    assert Readings(market.context().bars.head(4)).swaps() == []
