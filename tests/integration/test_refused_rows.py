"""A refused row is a finding; the same row again is not another; a flood of them is one."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.builders import lively
from tests.services import DAYS, Altered, System
from tickstock_automation.cli.session_view import last_sessions, morning, session_rows
from tickstock_automation.ops.database_metrics import DatabaseCollector
from tickstock_automation.vendor.client import BarsAnswer

pytestmark = [pytest.mark.integration, pytest.mark.database]

MONDAY = DAYS[30]


@pytest.fixture
def system(build: Callable[..., System]) -> System:
    return build([lively(name, day) for name in ("AAA", "BBB", "CCC") for day in DAYS])


def spoiled(answer: BarsAnswer) -> BarsAnswer:
    again = {**answer.rows[1], "c": 99.0}
    return replace(answer, rows=(*answer.rows, again, {**answer.rows[0], "T": "\x07BELL"}))


def flooded(answer: BarsAnswer) -> BarsAnswer:
    return replace(answer, rows=(*answer.rows, *({**answer.rows[0], "T": f"BAD TICKER {n}"} for n in range(60))))


def loaded(system: System, *alterations: Callable[[BarsAnswer], BarsAnswer]) -> None:
    """The same session, once with each alteration of its answer, then swept."""
    system.scan(MONDAY)
    system.backfill(MONDAY)
    for alter in alterations:
        system.rows("DELETE FROM eod_runs RETURNING 1")
        system.eod(MONDAY, Altered(system.played.vendor, grouped_bars=alter))
    system.sweep(MONDAY)


def test_each_refused_row_is_one_finding_however_often_it_comes(system: System) -> None:
    loaded(system, spoiled, spoiled)
    assert system.rows("SELECT count(*) FROM quarantined_bars") == [(4,)]
    told = {(one["check"], one["symbol"], one["severity"]) for one in system.events("data_gap")}
    assert told == {("duplicate_bar", "BBB", "medium"), ("refused_row", None, "low")}
    assert len(system.events("data_gap")) == 2
    [(evidence,)] = system.rows("SELECT evidence FROM quality_alerts WHERE check_name = 'duplicate_bar'")
    assert (evidence["raw"]["c"], evidence["endpoint"]) == (99.0, "grouped")


def test_a_flood_of_refused_rows_is_one_finding_that_lists_them(system: System) -> None:
    loaded(system, flooded)
    [told] = system.events("data_gap")
    assert (told["check"], told["severity"], told["evidence"]["rows"]) == ("refused_row", "medium", 60)
    assert len(told["evidence"]["tickers"]) == 20


def test_the_morning_is_told_by_status_and_metrics(system: System) -> None:
    assert morning([]) == {"session": None, "usable": False, "answer": "no", "reasons": ["no session was ever loaded"], "ready_at": None}  # fmt: skip
    loaded(system, spoiled)
    told = morning(last_sessions())
    assert (told["session"], told["usable"], told["answer"]) == (MONDAY, True, "yes")
    assert f"session {MONDAY}" in session_rows(last_sessions())
    metrics = {family.name: {tuple(one.labels.values()): one.value for one in family.samples} for family in DatabaseCollector().collect()}  # fmt: skip
    assert metrics["tickstock_session_state"][("ready",)] == 1
    assert metrics["tickstock_ready_in_time"] == {(): 0}, "it was loaded years later"
    system.rows("UPDATE session_status SET ready_at = session + interval '22 hours' RETURNING 1")
    assert next(f for f in DatabaseCollector().collect() if f.name == "tickstock_ready_in_time").samples[0].value == 1
    system.rows("UPDATE session_status SET state = 'pending', reasons = '[\"2 bars are missing\"]' RETURNING 1")
    assert morning(last_sessions())["usable"] is False
