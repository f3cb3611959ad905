"""Thresholds that one half of the symbols chooses: within what is tried, never left in force, and no looser than they must be."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from tests.unit.test_bench_quality import printed
from tickstock_automation.bench.quality_bars import Source, made_source
from tickstock_automation.bench.targets import quality_targets
from tickstock_automation.bench.thresholds import THRESHOLDS, Threshold, in_force
from tickstock_automation.bench.tuning import loss, tune_quality
from tickstock_automation.cli.bench_quality_view import thresholds_table, tuned_table, tuning_notes
from tickstock_automation.quality.outliers import wicks

WICK = Threshold("price_outlier", "outliers.wicks", "LEAST", (0.07, 0.11, 3.0))
IDLE = Threshold("price_outlier", "outliers.edges", "QUIET_Z", (1000.0, 2000.0))


@pytest.fixture(scope="module")
def source() -> Source:
    return made_source(4, symbols=28, sessions=400)


@pytest.fixture(scope="module")
def found(source: Source) -> dict[str, Any]:
    return tune_quality(source, 1, 2, lambda line: None, plantings=3, thresholds=(WICK, IDLE))


def test_each_half_chooses_among_what_is_tried(found: dict[str, Any]) -> None:
    wick, idle = found["thresholds"]
    assert wick["threshold"] == "outliers.wicks.LEAST"
    assert set(wick["chosen"]) <= {0.07, 0.11}, "with 3.0 no wick is an error"
    assert idle["chosen"] == [2000.0, 2000.0], "the strictest of what makes no difference"
    assert wick["mostly"] in wick["chosen"]
    assert wick["ships"] == wicks.LEAST == 0.11


def test_it_is_reported_on_the_other_half_by_what_was_chosen_and_by_what_ships(found: dict[str, Any]) -> None:
    for name in ("chosen", "ships", "where_chosen"):
        assert found[name]["plain_found"]["mean"] > 0.9, name
        assert found[name]["findings_per_1000"]["mean"] < 20, name


def test_the_same_seed_chooses_the_same(source: Source, found: dict[str, Any]) -> None:
    assert tune_quality(source, 1, 2, lambda line: None, plantings=3, thresholds=(WICK, IDLE)) == found


def test_what_was_in_force_is_in_force_afterwards() -> None:
    with in_force({WICK: 3.0}):
        assert wicks.LEAST == 3.0
    assert wicks.LEAST == 0.11
    with suppress(ZeroDivisionError), in_force({WICK: 3.0}):
        raise ZeroDivisionError
    assert wicks.LEAST == 0.11


@pytest.mark.parametrize("threshold", THRESHOLDS, ids=lambda one: one.path)
def test_what_ships_lies_within_what_is_tried(threshold: Threshold) -> None:
    assert threshold.ships in [pytest.approx(value) for value in threshold.values]
    assert sorted(threshold.values) in (list(threshold.values), list(reversed(threshold.values)))
    assert threshold.function.__name__ == threshold.check


def test_a_false_error_costs_more_than_a_fault_that_is_missed() -> None:
    perfect = {"plain_called": 1.0, "subtle_called": 1.0, "subtle_found": 1.0, "false_errors_per_1000": 0.0, "findings_per_1000": 3.0}  # fmt: skip
    assert loss(perfect) == 0.0
    assert loss(perfect | {"false_errors_per_1000": 0.02}) > loss(perfect | {"subtle_called": 0.97})
    assert loss(perfect | {"plain_called": 0.97}) > loss(perfect | {"subtle_called": 0.97})
    assert loss(perfect | {"findings_per_1000": 6.0}) > 0.0


def test_the_tables_fit_eighty_columns(found: dict[str, Any]) -> None:
    tables = printed(tuned_table(found, quality_targets(found["chosen"])), thresholds_table(found))
    assert "…" not in tables
    assert "wicks.LEAST" in tables
    assert "2 random halves" in tuning_notes(found)
