"""Findings held against planted faults: what counts as found, as called, as a false alarm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl
import pytest

from tickstock_automation.bench.planting import Fault, Planted, Score, score
from tickstock_automation.sessions import calendar

DAYS = calendar().between(date(2024, 1, 2), date(2024, 2, 29))
NOTHING_BAD = pl.DataFrame(schema={"symbol": pl.String, "date": pl.Date})


@dataclass(frozen=True)
class Said:
    """A finding."""

    symbol: str
    date: date
    verdict: str = "data_error"
    check: str = "price_move"
    evidence: Mapping[str, Any] = field(default_factory=dict)


def a_fault(*days: date, symbol: str = "A", number: int = 0) -> Fault:
    return Fault(number, "kind", "plain", symbol, days, "")


def planted(*faults: Fault, movers: list[tuple[str, date]] | None = None) -> Planted:
    """Two symbols with a bar on each day."""
    bars = pl.DataFrame({"symbol": ["A", "B"]}).join(pl.DataFrame({"date": DAYS}), how="cross")
    return Planted(bars, pl.DataFrame(), DAYS, list(faults), movers or [], [], "adjusted")


def told(findings: list[Said], *faults: Fault, known_bad: pl.DataFrame = NOTHING_BAD) -> Score:
    return score(findings, planted(*faults), known_bad)


def test_a_fault_is_found_by_a_finding_on_its_day_or_on_the_session_after() -> None:
    fault = a_fault(DAYS[10])
    for place, found in ((9, False), (10, True), (11, True), (12, False)):
        (one,) = told([Said("A", DAYS[place])], fault).told
        assert (one.found, one.called) == (found, found)
    assert not told([Said("B", DAYS[10])], fault).told[0].found, "of another symbol"


def test_the_session_after_a_friday_is_the_monday() -> None:
    friday = date(2024, 1, 5)
    assert told([Said("A", date(2024, 1, 8))], a_fault(friday)).told[0].found


def test_a_fault_is_called_only_by_the_verdict_of_an_error() -> None:
    (one,) = told([Said("A", DAYS[10], "undetermined"), Said("A", DAYS[11], "market_event")], a_fault(DAYS[10])).told
    assert (one.found, one.called) == (True, False)
    assert one.checks == ("price_move/market_event", "price_move/undetermined")


def test_of_a_block_one_day_is_enough_and_the_share_is_told() -> None:
    block = a_fault(*DAYS[10:14])
    (one,) = told([Said("A", DAYS[10]), Said("A", DAYS[11], "undetermined")], block).told
    assert (one.found, one.called, one.days_found, one.days_called) == (True, True, 0.5, 0.25)
    assert not told([Said("A", DAYS[14])], block).told[0].found, "the session after is no part of a block"


def test_clean_are_all_bars_but_those_from_the_session_before_to_the_session_after() -> None:
    assert told([]).clean_days == 2 * len(DAYS)
    assert told([], a_fault(DAYS[10])).clean_days == 2 * len(DAYS) - 3
    assert told([], a_fault(DAYS[10], DAYS[14])).clean_days == 2 * len(DAYS) - 7, "and what lies between"
    known_bad = pl.DataFrame({"symbol": ["A", "B"], "date": [DAYS[10], DAYS[0]]})
    assert told([], a_fault(DAYS[10]), known_bad=known_bad).clean_days == 2 * len(DAYS) - 4


def test_a_finding_on_a_clean_day_is_a_false_alarm_also_where_there_is_no_bar() -> None:
    sunday = date(2024, 1, 28)
    findings = [Said("B", DAYS[10]), Said("A", sunday), Said("B", DAYS[3], "market_event"), Said("A", DAYS[11])]
    one = told(findings, a_fault(DAYS[10]))
    assert {(alarm.symbol, alarm.day) for alarm in one.false_errors} == {("A", sunday), ("B", DAYS[10])}
    assert one.errors_per_1000 == pytest.approx(1000 * 2 / (2 * len(DAYS) - 3))
    assert one.findings_per_1000 == pytest.approx(1000 * 3 / (2 * len(DAYS) - 3))


def test_what_was_bad_before_counts_neither_way() -> None:
    known_bad = pl.DataFrame({"symbol": ["B"], "date": [DAYS[10]]})
    assert told([Said("B", DAYS[10])], known_bad=known_bad).alarms == []


def test_real_moves_that_are_called_errors_are_counted() -> None:
    movers = [("A", DAYS[10]), ("B", DAYS[5]), ("B", DAYS[7])]
    findings = [Said("B", DAYS[5]), Said("B", DAYS[7], "market_event")]
    one = score(findings, planted(a_fault(DAYS[10]), movers=movers), NOTHING_BAD)
    assert one.controls == [("B", DAYS[5], True), ("B", DAYS[7], False)], "the one that a fault sits on is left out"


def test_scores_add_up() -> None:
    both = told([Said("A", DAYS[10])], a_fault(DAYS[10])) + told([Said("B", DAYS[1])], a_fault(DAYS[10]))
    assert [one.found for one in both.told] == [True, False]
    assert both.clean_days == 2 * (2 * len(DAYS) - 3)
    assert len(both.alarms) == 1


def test_without_a_clean_day_there_is_no_rate() -> None:
    everything = pl.DataFrame({"symbol": ["A", "B"]}).join(pl.DataFrame({"date": DAYS}), how="cross")
    one = told([], known_bad=everything)
    assert (one.clean_days, one.errors_per_1000, one.findings_per_1000) == (0, None, None)
