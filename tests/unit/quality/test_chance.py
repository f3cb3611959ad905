"""How likely a close repeats itself."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.unit.quality.market import AT, CLOSE, ONE, Market
from tickstock_automation.quality.chance import Ticks, same_close


def row_of(bars: pl.DataFrame) -> int:
    return bars.with_row_index("row").filter(pl.col("symbol_id") == ONE + 1)["row"][AT]


def test_it_is_a_cent_over_the_width_of_a_day() -> None:
    bars = pl.DataFrame({"close": [40.0, 4.0, 0.01], "gap_scale": [0.006] * 3, "body_scale": [0.008] * 3})
    assert bars.select(same_close()).to_series().to_list() == [
        pytest.approx(0.01 / (40 * 0.01 * 2.5066), rel=1e-3), pytest.approx(0.01 / (4 * 0.01 * 2.5066), rel=1e-3), 1.0,
    ]  # fmt: skip


def test_of_closes_drawn_by_chance_so_many_repeat() -> None:
    chance = np.random.default_rng(5)
    closes = np.round(50 * np.exp(chance.normal(0, 0.01, (2, 40_000))), 2)
    bars = pl.DataFrame({"close": [50.0], "gap_scale": [0.01], "body_scale": [0.01]})  # two draws: twice the variance
    assert (closes[0] == closes[1]).mean() == pytest.approx(bars.select(same_close()).item(), rel=0.1)


@pytest.mark.parametrize(("times", "cents"), [(1, 1.0), (10, 10.0), (0.25, 1.0)])
def test_prices_that_were_multiplied_have_a_larger_step(market: Market, times: float, cents: float) -> None:
    market.prices[ONE] = (market.prices[ONE] * times).round(4)
    bars = market.context().bars
    assert Ticks(bars).coarser(row_of(bars)) == pytest.approx(cents)


def test_of_one_price_nothing_is_known(market: Market) -> None:
    market.prices[ONE] = market.prices[ONE, AT, CLOSE]
    bars = market.context().bars
    assert Ticks(bars).coarser(row_of(bars)) == 1.0
