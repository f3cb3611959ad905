"""Planted faults: a seed decides them, each changes what it says and nothing else."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tickstock_automation.bench.lifelike import Lifelike, lifelike_bars
from tickstock_automation.bench.planting import KINDS, Fault, Planted, flaws, listed_flaws, plant
from tickstock_automation.bench.planting.kinds import Kind
from tickstock_automation.bench.planting.plant import APART, as_traded, stormy
from tickstock_automation.bench.planting.prices import swapped

PRICES = ["open", "high", "low", "close"]
BY_NAME = {kind.name: kind for kind in KINDS}
STEPS = ("split_2_1", "split_3_2", "split_4_1", "split_10_1", "reverse_1_8", "split_small", "split_prices_only")
SINGLES = [kind for kind in KINDS if kind.name not in STEPS]


@pytest.fixture(scope="module")
def market() -> Lifelike:
    return lifelike_bars(5, symbols=24, sessions=300)


def planted_of(market: Lifelike, kind: str, seed: int = 1, **more: object) -> Planted:
    """The market with faults of one kind only."""
    return plant(market.bars, market.splits, market.sessions, seed, kinds=[BY_NAME[kind]], **more)  # type: ignore[arg-type]


def row(bars: pl.DataFrame, fault: Fault, day: date | None = None) -> dict[str, float]:
    """The last row of the fault's symbol on its first or another day."""
    found = bars.filter(pl.col("symbol") == fault.symbol, pl.col("date") == (day or fault.days[0]))
    return found.row(-1, named=True)


def changed_days(before: pl.DataFrame, after: pl.DataFrame) -> set[tuple[str, date]]:
    """Symbol-days whose rows are not the same in both."""
    keys = ["symbol", "date", *PRICES, "volume"]
    counted = [frame.group_by(keys).len() for frame in (before, after)]
    differ = [counted[at].join(counted[1 - at], on=[*keys, "len"], how="anti") for at in (0, 1)]
    return set(pl.concat(differ).select("symbol", "date").iter_rows())


def test_there_are_twenty_kinds_and_more_of_either_class() -> None:
    count = Counter(kind.fault_class for kind in KINDS)
    assert min(count["plain"], count["subtle"]) >= 20
    assert len(BY_NAME) == len(KINDS)


def test_the_same_seed_plants_the_same_and_another_seed_other_faults(market: Lifelike) -> None:
    one, same, other = (plant(market.bars, market.splits, market.sessions, seed) for seed in (1, 1, 2))
    assert_frame_equal(one.bars, same.bars)
    assert one.faults == same.faults
    assert_frame_equal(one.splits, same.splits)
    assert one.faults != other.faults


def test_the_order_of_the_rows_does_not_matter(market: Lifelike) -> None:
    shuffled = market.bars.sample(fraction=1.0, shuffle=True, seed=3)
    one, other = (plant(bars, market.splits, market.sessions, 1) for bars in (market.bars, shuffled))
    assert one.faults == other.faults
    assert_frame_equal(one.bars, other.bars)


@pytest.mark.parametrize("kind", SINGLES, ids=lambda kind: kind.name)
def test_a_fault_changes_its_days_and_no_others(market: Lifelike, kind: Kind) -> None:
    found = planted_of(market, kind.name)
    assert found.faults, "the kind found a place"
    assert {fault.kind for fault in found.faults} == {kind.name}
    changed = changed_days(market.bars, found.bars)
    assert changed == {(fault.symbol, day) for fault in found.faults for day in fault.days}


@pytest.mark.parametrize("name", STEPS)
def test_an_unadjusted_split_changes_all_bars_before_it_by_one_ratio(market: Lifelike, name: str) -> None:
    found = planted_of(market, name)
    assert found.faults
    ratios = {"split_2_1": 2, "split_3_2": 1.5, "split_4_1": 4, "split_10_1": 10, "reverse_1_8": 1 / 8}
    for fault in (one for one in found.faults if Counter(each.symbol for each in found.faults)[one.symbol] == 1):
        (step,) = fault.days
        whole = market.bars.join(found.bars, on=["symbol", "date"], suffix="_new").filter(
            pl.col("symbol") == fault.symbol
        )
        before, after = whole.filter(pl.col("date") < step), whole.filter(pl.col("date") >= step)
        assert after.select((pl.col("close") == pl.col("close_new")).all(), (pl.col("volume") == pl.col("volume_new")).all()).row(0) == (True, True)  # fmt: skip
        ratio = float(before.select((pl.col("close_new") / pl.col("close")).median()).item())
        assert ratio == pytest.approx(ratios.get(name, ratio), rel=1e-3)
        assert abs(ratio - 1) > 0.2
        for price in PRICES:
            gone = before.select((pl.col(f"{price}_new") - pl.col(price) * ratio).abs().max()).item()
            assert gone <= 2e-3 * before["close_new"].max()  # type: ignore[operator]
        volume = before.select((pl.col("volume_new") / pl.col("volume")).median()).item()
        assert volume == pytest.approx(1.0 if name == "split_prices_only" else 1 / ratio, rel=1e-2)


@pytest.mark.parametrize(("name", "factor"), [("bar_100x", 100), ("bar_hundredth", 0.01), ("bar_10x", 10)])
def test_a_bar_in_another_unit_keeps_its_volume(market: Lifelike, name: str, factor: float) -> None:
    found = planted_of(market, name)
    for fault in found.faults:
        was, is_ = row(market.bars, fault), row(found.bars, fault)
        assert all(is_[price] == pytest.approx(was[price] * factor, abs=1e-4) for price in PRICES)
        assert is_["volume"] == was["volume"]


def test_a_wick_is_15_to_60_percent_on_one_price_alone(market: Lifelike) -> None:
    for name, price, sign in (("high_wick", "high", 1), ("low_wick", "low", -1)):
        found = planted_of(market, name)
        for fault in found.faults:
            was, is_ = row(market.bars, fault), row(found.bars, fault)
            assert {key for key in was if was[key] != is_[key]} == {price}
            assert 0.149 <= sign * (is_[price] / was[price] - 1) <= 0.601


def test_a_print_of_12_percent_comes_back_the_next_session(market: Lifelike) -> None:
    found = planted_of(market, "print_12")
    for fault in found.faults:
        was, is_ = row(market.bars, fault), row(found.bars, fault)
        assert any(is_["close"] == pytest.approx(was["close"] * factor, rel=1e-3) for factor in (1.12, 1 / 1.12))


def test_a_stretched_bar_holds_its_wrong_close(market: Lifelike) -> None:
    found = planted_of(market, "close_off_stretched")
    for fault in found.faults:
        is_ = row(found.bars, fault)
        assert is_["low"] <= is_["close"] <= is_["high"]
        assert abs(is_["close"] / row(market.bars, fault)["close"] - 1) == pytest.approx(0.12, abs=2e-3)


def test_swapped_digits_are_two_neighbours() -> None:
    assert swapped(112.63, 1) == 121.63
    assert swapped(19.05, 0) == 91.05
    assert swapped(19.05, 2) == 19.50
    assert swapped(7.42, 1) == 7.24


def test_frozen_volumes_and_stuck_prices_are_those_of_the_day_before(market: Lifelike) -> None:
    for name, columns in (("volume_frozen", ["volume"]), ("stuck_bar", PRICES), ("copied_bar", [*PRICES, "volume"])):
        found = planted_of(market, name)
        for fault in found.faults:
            days = found.sessions
            yesterday = row(found.bars, fault, days[days.index(fault.days[0]) - 1])
            for day in fault.days:
                today = row(found.bars, fault, day)
                assert [today[column] for column in columns] == [yesterday[column] for column in columns]


def test_a_week_is_repeated_row_by_row(market: Lifelike) -> None:
    found = planted_of(market, "week_repeated")
    for fault in found.faults:
        days = market.bars.filter(pl.col("symbol") == fault.symbol)["date"].to_list()
        for day in fault.days:
            source = row(found.bars, fault, days[days.index(day) - 5])
            assert {**row(found.bars, fault, day), "date": None} == {**source, "date": None}


def test_a_saturday_bar_stands_on_a_saturday(market: Lifelike) -> None:
    found = planted_of(market, "saturday_bar")
    assert {day.weekday() for fault in found.faults for day in fault.days} == {5}


def test_faults_of_the_first_week_and_of_either_end_stand_there(market: Lifelike) -> None:
    for name, places in (("first_bar", {0}), ("first_sessions", set(range(5))), ("last_bar", {-1})):
        for fault in planted_of(market, name).faults:
            days = market.bars.filter(pl.col("symbol") == fault.symbol)["date"].to_list()
            assert fault.days[0] in {days[place] for place in places}


def test_faults_of_a_storm_stand_on_its_days(market: Lifelike) -> None:
    storm = stormy(market.bars)
    assert {fault.days[0] for fault in planted_of(market, "in_storm").faults} <= storm


def test_several_at_once_lie_within_ten_sessions(market: Lifelike) -> None:
    found = planted_of(market, "several_at_once")
    by_symbol: dict[str, list[date]] = {}
    for fault in found.faults:
        by_symbol.setdefault(fault.symbol, []).append(fault.days[0])
    for days in by_symbol.values():
        places = sorted(market.sessions.index(day) for day in days)
        close = [after - before for before, after in pairwise(places) if after - before < APART]
        assert close
        assert max(close) < 10


def test_half_of_the_symbols_stay_clean_and_faults_stay_apart(market: Lifelike) -> None:
    kinds = [kind for kind in KINDS if kind.name != "several_at_once"]
    found = plant(market.bars, market.splits, market.sessions, 9, kinds=kinds)
    by_symbol: dict[str, list[Fault]] = {}
    for fault in found.faults:
        by_symbol.setdefault(fault.symbol, []).append(fault)
    assert len(by_symbol) <= market.bars["symbol"].n_unique() // 2
    for faults in by_symbol.values():
        assert 1 <= len(faults) <= 3
        places = sorted(_place(market.sessions, fault.days[0]) for fault in faults)
        assert all(after - before >= APART for before, after in pairwise(places))


def _place(sessions: list[date], day: date) -> int:
    return sum(one <= day for one in sessions) - 1


def test_nothing_is_planted_near_what_is_known_to_be_bad(market: Lifelike) -> None:
    sessions = market.sessions
    first_half = pl.DataFrame({"symbol": market.bars["symbol"].unique()}).with_columns(
        first=sessions[0], last=sessions[150]
    )
    known_bad = listed_flaws(first_half, sessions)
    found = plant(market.bars, market.splits, sessions, 2, known_bad=known_bad)
    assert found.faults
    assert min(day for fault in found.faults for day in fault.days) > sessions[155]


def test_as_traded_a_listed_split_steps_on_its_day_and_adjusting_takes_it_back() -> None:
    days = [date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)]
    bars = pl.DataFrame(
        {"symbol": ["A"] * 3, "date": days, **{price: [10.0] * 3 for price in PRICES}, "volume": [600.0] * 3}
    )
    splits = pl.DataFrame({"symbol": ["A"], "ex_date": [days[1]], "ratio": [3.0]})
    traded = as_traded(bars, splits)
    assert traded["close"].to_list() == [30.0, 10.0, 10.0]
    assert traded["volume"].to_list() == [200.0, 600.0, 600.0]


def test_traded_prices_carry_the_real_splits(market: Lifelike) -> None:
    assert market.splits.height, "the market has a split"
    found = plant(market.bars, market.splits, market.sessions, 1, share=0.0, prices="traded")
    assert not found.faults
    symbol, ex_date, ratio = market.splits.row(0)
    assert (symbol, ex_date) in found.split_days
    closes = found.bars.filter(pl.col("symbol") == symbol).select("date", "close")
    adjusted = market.bars.filter(pl.col("symbol") == symbol).select("date", "close")
    factor = closes.join(adjusted, on="date").with_columns(factor=pl.col("close") / pl.col("close_right"))
    assert factor.filter(pl.col("date") < ex_date)["factor"].median() == pytest.approx(ratio, rel=1e-2)
    assert factor.filter(pl.col("date") >= ex_date)["factor"].median() == pytest.approx(1.0)


@pytest.mark.parametrize("prices", ["adjusted", "traded"])
def test_an_unadjusted_split_steps_in_either_kind_of_prices_or_is_listed_and_not_shown(
    market: Lifelike, prices: str
) -> None:
    found = planted_of(market, "split_10_1", prices=prices)
    listed = set(found.splits.select("symbol", "ex_date").iter_rows())
    for fault in found.faults:
        known = (fault.symbol, fault.days[0]) in listed
        assert known == ("listed" in fault.form)
        days = market.bars.filter(pl.col("symbol") == fault.symbol)["date"].to_list()
        eve = days[days.index(fault.days[0]) - 1]
        step = row(found.bars, fault, eve)["close"] / row(found.bars, fault)["close"]
        assert (step > 4) == (not known or prices == "adjusted")


def test_real_moves_are_kept_as_controls(market: Lifelike) -> None:
    found = plant(market.bars, market.splits, market.sessions, 1)
    moves = market.bars.sort("symbol", "date").with_columns(
        move=(pl.col("close") / pl.col("close").shift(1).over("symbol") - 1).abs()
    )
    assert set(found.movers) == set(moves.filter(pl.col("move") > 0.15).select("symbol", "date").iter_rows())
    assert found.split_days == list(market.splits.select("symbol", "ex_date").iter_rows())


def test_the_truth_is_a_frame_as_well(market: Lifelike) -> None:
    found = plant(market.bars, market.splits, market.sessions, 1)
    assert found.truth.height == len(found.faults)
    assert found.truth["number"].to_list() == list(range(len(found.faults)))
    assert plant(market.bars, market.splits, market.sessions, 1, share=0.0).truth.height == 0


def test_flaws_are_missing_sessions_and_bars_that_contradict_themselves() -> None:
    days = [date(2024, 1, 2) + timedelta(days=at) for at in range(4)]
    good = {"open": 10.0, "high": 11.0, "low": 9.0, "close": 10.0, "volume": 100.0}
    rows = [
        {"symbol": "A", "date": days[0]} | good,
        {"symbol": "A", "date": days[1]} | good | {"volume": 0.0},
        {"symbol": "A", "date": days[3]} | good,
        {"symbol": "B", "date": days[2]} | good | {"close": 11.5},
        {"symbol": "B", "date": days[3]} | good | {"close": 11.0005},
    ]
    assert flaws(pl.DataFrame(rows), days).rows() == [("A", days[1]), ("A", days[2]), ("B", days[2])]
