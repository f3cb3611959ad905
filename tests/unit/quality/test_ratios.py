"""Ratios that a price may be off by."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_automation.quality.ratios import SPLITS, UNITS, split_ratio, unit_ratio


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (1 / 2, "2:1 split"), (2, "1:2 reverse split"), (2 / 3, "3:2 split"), (1 / 50, "50:1 split"), (1.25, "4:5 reverse split"),
    ],
)  # fmt: skip
def test_prices_fall_by_a_splits_ratio_and_rise_by_a_reverse_splits(factor: float, words: str) -> None:
    found = split_ratio(math.log(factor), 0.01)
    assert found is not None
    assert (found.words, found.unit) == (words, False)
    assert found.distance == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("factor", "words"), [(100, "100x"), (0.01, "1/100"), (10, "10x"), (10_000, "10,000x")])
def test_a_power_of_ten_is_a_unit(factor: float, words: str) -> None:
    found = unit_ratio(math.log(factor), 0.05)
    assert found is not None
    assert (found.words, found.unit) == (words, True)


@pytest.mark.parametrize("shift", [0.0, 0.05, -0.14, math.log(1.75), math.log(70)])
def test_other_shifts_are_neither(shift: float) -> None:
    assert split_ratio(shift, 0.02) is None
    assert unit_ratio(shift, 0.05) is None


@given(st.sampled_from(SPLITS), st.floats(-0.029, 0.029), st.sampled_from([-1, 1]))
def test_the_nearest_split_within_the_tolerance_is_told(split: tuple[int, int], off: float, way: int) -> None:
    size = math.log(split[0] / split[1]) + off
    found = split_ratio(way * size, 0.03)
    assert found is not None
    assert found.distance == pytest.approx(min(abs(size - math.log(new / old)) for new, old in SPLITS))


@given(st.sampled_from(UNITS), st.floats(-0.2, 0.2), st.sampled_from([-1, 1]))
def test_a_unit_is_told_within_the_tolerance_only(unit: int, off: float, way: int) -> None:
    found = unit_ratio(way * (math.log(unit) + off), 0.1)
    assert (found is not None) == (abs(off) <= 0.1) or abs(abs(off) - 0.1) < 1e-9
