"""Made bars: right in themselves, and as unruly as a market is."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tickstock_automation.bench.lifelike import Lifelike, lifelike_bars
from tickstock_automation.bench.planting import flaws
from tickstock_automation.sessions import calendar


@pytest.fixture(scope="module")
def made() -> Lifelike:
    return lifelike_bars(2, symbols=60, sessions=1250)


@pytest.fixture(scope="module")
def moves(made: Lifelike) -> pl.DataFrame:
    within = "symbol"
    return made.bars.with_columns(
        move=(pl.col("close") / pl.col("close").shift(1).over(within) - 1),
        times=pl.col("volume") / pl.col("volume").shift(1).rolling_median(20).over(within),
    )


def test_a_seed_makes_the_same_market_again() -> None:
    one, same, other = (lifelike_bars(seed, symbols=4, sessions=300) for seed in (1, 1, 2))
    assert_frame_equal(one.bars, same.bars)
    assert_frame_equal(one.splits, same.splits)
    assert not one.bars.equals(other.bars)


def test_nothing_is_wrong_in_them(made: Lifelike) -> None:
    assert flaws(made.bars, made.sessions).is_empty()
    assert set(made.bars["date"]) <= set(made.sessions)
    assert made.bars.select("symbol", "date").is_duplicated().sum() == 0


def test_moves_have_fat_tails_and_come_back_to_small_ones(moves: pl.DataFrame) -> None:
    size = moves["move"].abs().drop_nulls()
    middle, far = size.quantile(0.5), size.quantile(0.999)
    assert middle is not None
    assert far is not None
    assert 0.005 < middle < 0.02
    assert far > 10 * middle, "of a normal distribution 4.9 times"
    assert 0.0002 < (size > 0.20).mean() < 0.003  # type: ignore[operator]


def test_the_storm_of_march_2020_moves_all_companies_at_once(moves: pl.DataFrame) -> None:
    market = moves.group_by("date").agg(pl.col("move").median())
    storm = market.filter(pl.col("date").is_between(date(2020, 3, 9), date(2020, 4, 8)))["move"].abs().mean()
    quiet = market.filter(pl.col("date").dt.year() == 2021)["move"].abs().mean()
    assert storm > 4 * quiet  # type: ignore[operator]


def test_volume_is_heavy_where_prices_jump_and_thin_on_half_days(moves: pl.DataFrame) -> None:
    loud = moves.filter(pl.col("move").abs() > 0.15)["times"].median()
    assert loud > 2  # type: ignore[operator]
    half = [
        day for day in moves["date"].unique() if calendar().session(day).closes.hour < 20 and day.month in (7, 11, 12)
    ]
    thin = [day for day in half if (calendar().session(day).closes - calendar().session(day).opens).seconds < 5 * 3600]
    assert len(thin) >= 5
    assert moves.filter(pl.col("date").is_in(thin))["times"].median() < 0.6  # type: ignore[operator]


def test_no_price_falls_far_below_two_dollars(made: Lifelike) -> None:
    assert made.bars["low"].min() > 1.5  # type: ignore[operator]


def test_some_come_late_and_some_leave(made: Lifelike) -> None:
    spans = made.bars.group_by("symbol").agg(first=pl.col("date").min(), last=pl.col("date").max())
    assert spans.filter(pl.col("first") > made.sessions[0]).height >= 2
    assert spans.filter(pl.col("last") < made.sessions[-1]).height >= 1


def test_splits_are_listed_and_leave_no_step(made: Lifelike, moves: pl.DataFrame) -> None:
    assert made.splits.height >= 3
    steps = moves.join(made.splits, left_on=["symbol", "date"], right_on=["symbol", "ex_date"])
    assert steps.height == made.splits.height
    assert (steps["move"].abs() < 0.2).all()
