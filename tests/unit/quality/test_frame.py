"""The frame that every check works on."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.unit.quality.market import AT, CLOSE, DAYS, ONE, OPEN, Market, quiet
from tickstock_automation.quality.frame import LEAST_SCALE, MARKET, Context


def row(context: Context, at: int, symbol: int = ONE) -> dict[str, Any]:
    found = context.bars.filter(pl.col("symbol_id") == symbol + 1, pl.col("date") == DAYS[at])
    return found.row(0, named=True)


def day(context: Context, at: int) -> dict[str, Any]:
    return context.market.filter(pl.col("date") == DAYS[at]).row(0, named=True)


def test_a_bar_knows_its_neighbours_within_its_symbol(market: Market) -> None:
    context = market.context()
    first, one, last = row(context, 0), row(context, AT), row(context, 159)
    assert (first["number"], first["left"], first["raw_gap"], first["away"]) == (0, 159, None, None)
    assert (last["number"], last["left"], last["place"]) == (159, 0, 159)
    prices = market.prices[ONE]
    assert one["raw_gap"] == pytest.approx(math.log(prices[AT, OPEN] / prices[AT - 1, CLOSE]))
    assert one["raw_body"] == pytest.approx(math.log(prices[AT, CLOSE] / prices[AT, OPEN]))
    assert one["up"] == pytest.approx(math.log(prices[AT, 1] / max(prices[AT, OPEN], prices[AT, CLOSE])))
    assert one["down"] == pytest.approx(math.log(min(prices[AT, OPEN], prices[AT, CLOSE]) / prices[AT, 2]))


def test_sessions_without_a_bar_are_counted(market: Market) -> None:
    one = row(market.without(ONE, range(AT - 4, AT)).context(), AT)
    assert (one["away"], one["number"], one["place"]) == (5, AT - 4, AT)


def test_splits_are_taken_out_of_prices_and_volumes_as_traded(market: Market) -> None:
    market.splits = [(ONE, DAYS[AT], 2.0), (ONE, DAYS[AT + 10], 3.0)]
    context = market.context()
    assert [row(context, at)["factor"] for at in (AT - 1, AT, AT + 9, AT + 10)] == [6.0, 3.0, 3.0, 1.0]
    before = row(context, AT - 1)
    assert before["c"] == pytest.approx(math.log(market.prices[ONE, AT - 1, CLOSE] / 6))
    assert before["v"] == pytest.approx(math.log(market.volumes[ONE, AT - 1] * 6))
    assert row(context, AT - 1, ONE + 1)["factor"] == 1.0


def test_adjusted_prices_have_no_splits_to_take_out(market: Market) -> None:
    market.splits, market.as_given = [(ONE, DAYS[AT], 2.0)], "adjusted"
    context = market.context()
    assert context.bars["factor"].unique().to_list() == [1.0]
    assert context.splits.height == 1, "they are still known to the checks"


def test_one_outlier_hardly_changes_what_is_usual(market: Market) -> None:
    calm = [row(market.context(), at) for at in range(AT - 5, AT + 6)]
    wild = [row(market.times(ONE, AT, AT + 1, 100).heavy(ONE, AT, 500).context(), at) for at in range(AT - 5, AT + 6)]
    for before, after in zip(calm, wild, strict=True):
        for name in ("gap_scale", "body_scale", "wick_scale"):
            assert after[name] == pytest.approx(before[name], rel=0.6)
        assert after["v_usual"] == pytest.approx(before["v_usual"], abs=0.1)


def test_a_bar_is_no_part_of_what_is_usual_for_itself(market: Market) -> None:
    before = row(market.context(), AT)
    after = row(market.times(ONE, AT, AT + 1, 3.0).heavy(ONE, AT, 50).context(), AT)
    assert after["gap_scale"] == pytest.approx(before["gap_scale"], rel=0.05)
    assert (after["v_before"], after["v_after"], after["v_usual"]) == (
        before["v_before"], before["v_after"], before["v_usual"],
    )  # fmt: skip


def test_scales_are_like_a_standard_deviation() -> None:
    bars = quiet(40, common=0.0).context().bars.filter(pl.col("number").is_between(40, 120))
    assert bars["gap_scale"].median() == pytest.approx(0.005, rel=0.15)
    assert bars["body_scale"].median() == pytest.approx(0.008, rel=0.15)


def test_no_scale_is_below_its_least_nor_half_a_cent(market: Market) -> None:
    market.prices[ONE] = 50.0
    market.prices[ONE + 1] = 0.5
    context = market.context()
    assert row(context, AT)["gap_scale"] >= LEAST_SCALE
    assert row(context, AT, ONE + 1)["gap_scale"] >= 0.5 * 0.01 / 0.5 * 0.999


def test_the_market_is_the_median_of_twelve_symbols_at_least() -> None:
    for symbols, market_wide in ((11, False), (12, True)):
        market = quiet(symbols)
        for symbol in range(symbols):
            market.times(symbol, AT, None, 0.8, 3)
        found = day(market.context(), AT)
        assert (found["market_gap"] < -0.15) == market_wide
        assert (found["day_v"] > 0.5) == market_wide
        if not market_wide:
            assert found == {
                "date": DAYS[AT], "market_gap": 0, "market_body": 0, "day_gap": 1, "day_body": 1, "day_wick": 1, "day_v": 0,
            }  # fmt: skip


def test_the_markets_move_is_taken_out_of_each_symbols(market: Market) -> None:
    one = row(market.context(), AT)
    assert one["gap"] == pytest.approx(one["raw_gap"] - one["market_gap"])
    assert one["body"] == pytest.approx(one["raw_body"] - one["market_body"])


def test_a_restless_day_widens_what_is_usual_and_a_calm_one_does_not_narrow_it(market: Market) -> None:
    calm = row(market.context(), AT)["gap_scale"]
    for symbol in range(20):
        market.times(symbol, AT, None, 0.93 if symbol % 2 else 1.07)
    context = market.context()
    assert day(context, AT)["day_gap"] > 4
    assert row(context, AT)["gap_scale"] > 3 * calm
    assert context.market["day_gap"].min() == 1.0


def test_what_the_whole_market_traded_is_taken_out_of_the_volume(market: Market) -> None:
    before = row(market.context(), AT)
    market.volumes[:, AT] *= 4
    after = row(market.context(), AT)
    assert after["day_v"] == pytest.approx(before["day_v"] + math.log(4))
    assert after["v_ratio"] == pytest.approx(before["v_ratio"])


def test_what_is_known_of_a_day_stands_above_what_these_bars_say() -> None:
    market = quiet(symbols=5)
    known = pl.DataFrame([(DAYS[AT], -0.05, 0.02, 3.0, 2.0, 1.5, 0.7)], schema=MARKET, orient="row")
    context = market.context(market=known)
    assert tuple(day(context, AT).values()) == (DAYS[AT], -0.05, 0.02, 3.0, 2.0, 1.5, 0.7)
    assert tuple(day(context, AT + 1).values()) == (DAYS[AT + 1], 0.0, 0.0, 1.0, 1.0, 1.0, 0.0)
    one = row(context, AT)
    assert one["gap"] == pytest.approx(one["raw_gap"] + 0.05)
    assert one["gap_scale"] == pytest.approx(3.0 * row(market.context(), AT)["gap_scale"])


def test_a_part_of_the_market_with_the_whole_ones_figures_looks_like_the_whole(market: Market) -> None:
    whole = market.context()
    few = Market(market.prices[:5], market.volumes[:5], market.days).context(market=whole.market)
    same = whole.bars.filter(pl.col("symbol_id") <= 5)
    for name in ("gap", "body", "gap_scale", "body_scale", "wick_scale", "v_ratio", "quiet"):
        assert np.allclose(few.bars[name].fill_null(9.0), same[name].fill_null(9.0))


def test_broken_repeated_and_off_session_rows_are_nobodys_neighbours(market: Market) -> None:
    market.prices[ONE, AT, CLOSE] = float("nan")
    market.prices[ONE, AT + 3] = -1.0
    market.twice(ONE, DAYS[AT + 6], 999.0).twice(ONE, date(2023, 8, 26), 999.0)
    context = market.context()
    own = context.bars.filter(pl.col("symbol_id") == ONE + 1)
    assert own.height == 158
    assert own["number"].to_list() == list(range(158))
    assert 999.0 not in own["close"]
    assert context.broken["date"].to_list() == [DAYS[AT], DAYS[AT + 3]]
    assert context.repeated["close"].to_list() == [999.0]
    assert context.off_session["date"].to_list() == [date(2023, 8, 26)]
    after = row(context, AT + 1)
    assert after["away"] == 2
    assert after["raw_gap"] == pytest.approx(
        math.log(market.prices[ONE, AT + 1, OPEN] / market.prices[ONE, AT - 1, CLOSE])
    )


def test_bars_of_a_symbol_that_is_not_asked_for_are_left_out(market: Market) -> None:
    market.extra.append((999, DAYS[AT], 1.0, 1.0, 1.0, 1.0, 1.0))
    assert 999 not in market.context().bars["symbol_id"]


def test_no_bars_make_an_empty_frame(market: Market) -> None:
    nothing = Market(market.prices[:0], market.volumes[:0], market.days)
    assert nothing.context().bars.is_empty()
    assert nothing.judged() == []


def test_rows_are_told_with_their_number_where_their_session_is_judged(market: Market) -> None:
    context = market.context(DAYS[10:12])
    assert [(one["row"], one["date"]) for one in context.rows([9, 10, 11, 12])] == [(10, DAYS[10]), (11, DAYS[11])]
    assert context.rows([]) == []
