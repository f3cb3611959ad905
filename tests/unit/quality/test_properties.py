"""What must not change a finding: the range asked for, the order of the rows, the unit of prices, the number of a symbol."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickstock_automation.bench.lifelike import lifelike_bars
from tickstock_automation.bench.planting import KINDS, plant
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import BARS, PRICES, SPLITS, SYMBOLS, Prices
from tickstock_automation.quality.judging import HISTORY_SESSIONS, judge

SESSIONS = 260
WITHOUT_REPEATS = [kind for kind in KINDS if "duplicate" not in kind.name and "twice" not in kind.name]
Told = set[tuple[str, date, str, str]]
Given = tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, list[date]]
few = settings(max_examples=8, deadline=None)
seeds = st.integers(0, 40)


@lru_cache(maxsize=16)
def faulty(seed: int, prices: Prices = "adjusted") -> Given:
    """Lifelike bars with faults planted in most symbols: bars, splits, symbols, sessions."""
    made = lifelike_bars(seed, symbols=16, sessions=SESSIONS)
    planted = plant(made.bars, made.splits, made.sessions, seed, share=0.7, prices=prices, kinds=WITHOUT_REPEATS)
    ids = planted.bars.select(pl.col("symbol").unique().sort()).with_columns(
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("symbol_id")
    )
    symbols = ids.with_columns(
        equity_type=pl.lit("STOCK_EOD"), listed_from=pl.lit(None, dtype=pl.Date), move_threshold=pl.lit(0.2)
    )
    bars, splits = (frame.join(ids, on="symbol") for frame in (planted.bars, planted.splits))
    return bars.select(list(BARS)), splits.select(list(SPLITS)), symbols.select(list(SYMBOLS)), made.sessions


def told(findings: list[Finding]) -> Told:
    return {(one.symbol, one.date, one.check, one.verdict) for one in findings}


def whole(given_: Given, prices: Prices = "adjusted") -> Told:
    bars, splits, symbols, sessions = given_
    return told(judge(bars, splits, symbols, sessions=sessions, judged=sessions, prices=prices))


@few
@given(seeds, st.integers(HISTORY_SESSIONS, 120), st.integers(1, 60), st.sampled_from(["adjusted", "traded"]))
def test_what_is_found_does_not_depend_on_the_range_of_bars(seed: int, start: int, length: int, prices: Prices) -> None:
    bars, splits, symbols, sessions = faulty(seed, prices)
    judged = sessions[start : start + length]
    window = sessions[start - HISTORY_SESSIONS : start + length + HISTORY_SESSIONS]
    part = bars.filter(pl.col("date").is_between(window[0], window[-1]))
    of_all = judge(bars, splits, symbols, sessions=sessions, judged=judged, prices=prices)
    of_window = judge(part, splits, symbols, sessions=window, judged=judged, prices=prices)
    assert told(of_window) == told(of_all)


@few
@given(seeds, st.integers(HISTORY_SESSIONS, 120), st.integers(1, 60), st.sampled_from(["adjusted", "traded"]))
def test_inside_a_window_that_is_judged_whole_the_findings_are_those_of_all(
    seed: int, start: int, length: int, prices: Prices
) -> None:
    bars, splits, symbols, sessions = faulty(seed, prices)
    inside = sessions[start : start + length]
    window = sessions[start - HISTORY_SESSIONS : start + length + HISTORY_SESSIONS]
    part = bars.filter(pl.col("date").is_between(window[0], window[-1]))
    of_window = whole((part, splits, symbols, window), prices)
    of_all = whole((bars, splits, symbols, sessions), prices)
    first, last = inside[0], inside[-1]
    assert {one for one in of_window if first <= one[1] <= last} == {one for one in of_all if first <= one[1] <= last}


@few
@given(seeds, st.integers(0, 9))
def test_the_order_of_the_rows_does_not_matter(seed: int, shuffle: int) -> None:
    bars, splits, symbols, sessions = faulty(seed)
    shuffled = bars.unique(["symbol_id", "date"]).sample(fraction=1.0, shuffle=True, seed=shuffle)
    in_order = shuffled.sort("symbol_id", "date")
    names = symbols.sample(fraction=1.0, shuffle=True, seed=shuffle)
    assert whole((shuffled, splits, names, sessions)) == whole((in_order, splits, symbols, sessions))


@few
@given(seeds, st.sampled_from([2.0, 4.0, 16.0, 1024.0]))
def test_prices_in_another_unit_change_no_verdict(seed: int, factor: float) -> None:
    bars, splits, symbols, sessions = faulty(seed)
    large = _above_cents(bars).with_columns(pl.col(name) * 1.000_01 for name in PRICES)  # digits are those of cents
    scaled = large.with_columns(pl.col(name) * factor for name in PRICES)
    assert whole((scaled, splits, symbols, sessions)) == whole((large, splits, symbols, sessions))


@few
@given(seeds, st.sampled_from([3.0, 8.0, 50.0]))
def test_volumes_in_another_unit_change_no_verdict(seed: int, factor: float) -> None:
    bars, splits, symbols, sessions = faulty(seed)
    large = bars.with_columns(pl.col("volume") * 5e3 + 1)
    scaled = large.with_columns(pl.col("volume") * factor)
    assert whole((scaled, splits, symbols, sessions)) == whole((large, splits, symbols, sessions))


@few
@given(seeds, st.randoms(use_true_random=False))
def test_a_symbols_findings_do_not_depend_on_its_number(seed: int, random: object) -> None:
    bars, splits, symbols, sessions = faulty(seed)
    numbers = list(range(100, 100 + symbols.height))
    random.shuffle(numbers)  # type: ignore[attr-defined]
    other = dict(zip(symbols["symbol_id"].to_list(), numbers, strict=True))
    renumbered = [
        frame.with_columns(pl.col("symbol_id").replace_strict(other, return_dtype=pl.Int64))
        for frame in (bars, splits, symbols)
    ]
    assert whole((*renumbered, sessions)) == whole((bars, splits, symbols, sessions))  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(3))
def test_the_faulty_market_gives_them_something_to_find(seed: int) -> None:
    assert len({check for _, _, check, _ in whole(faulty(seed))}) >= 4


def _above_cents(bars: pl.DataFrame) -> pl.DataFrame:
    """Prices at which a cent is nothing."""
    return bars.with_columns(pl.col(name) * 1024 for name in PRICES)
