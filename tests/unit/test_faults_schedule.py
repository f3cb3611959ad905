"""The faults of a run follow from its seed."""

import pytest

from tests.faults.__main__ import main
from tests.faults.bugs import BUGS
from tests.faults.checker import PROPERTIES
from tests.faults.injector import DAMAGE, Done
from tests.faults.schedule import KINDS, choose, make_schedule

SEEDS = range(20)


def test_the_same_seed_gives_the_same_schedule_and_another_another() -> None:
    assert make_schedule(7, 900) == make_schedule(7, 900)
    assert make_schedule(7, 900) != make_schedule(8, 900)


def test_a_longer_run_begins_as_a_shorter_one() -> None:
    begun = [(one.at_s, one.kind) for one in make_schedule(7, 120)]
    assert [(one.at_s, one.kind) for one in make_schedule(7, 900)][: len(begun)] == begun


def test_fifteen_minutes_hold_more_than_a_hundred_faults_of_every_kind() -> None:
    for seed in SEEDS:
        plan = make_schedule(seed, 900)
        assert len(plan) > 100
        assert {one.kind for one in plan} == set(KINDS)


def test_two_minutes_hold_nearly_every_kind() -> None:
    for seed in SEEDS:
        assert len({one.kind for one in make_schedule(seed, 120)}) >= len(KINDS) - 3


def test_no_fault_begins_before_the_one_before_it_or_outlasts_the_run() -> None:
    for seed in SEEDS:
        plan = make_schedule(seed, 300)
        assert [one.at_s for one in plan] == sorted(one.at_s for one in plan)
        assert all(one.at_s + one.duration_s <= 300.02 for one in plan)


def test_what_is_asked_for_first_comes_first() -> None:
    first = ("wipe-valkey", "kill-relay")
    assert tuple(one.kind for one in make_schedule(1, 60, first)[:2]) == first


def test_every_kind_has_its_damage_and_every_bug_known_faults_and_properties() -> None:
    assert set(DAMAGE) == set(KINDS)
    for bug in BUGS.values():
        assert set(bug.faults) <= set(KINDS)
        assert bug.breaks in PROPERTIES


def test_a_pick_chooses_among_all() -> None:
    assert [choose(pick, "abcd") for pick in (0.0, 0.3, 0.5, 0.99, 1.0)] == ["a", "b", "c", "d", "d"]


def test_a_fault_is_one_line_with_time_kind_duration_and_target() -> None:
    assert Done(12.34, "kill-relay", "relay-b", 1.25).line().split() == [
        "12.3",
        "s",
        "kill-relay",
        "1.2",
        "s",
        "relay-b",
    ]
    assert "missed: no such process" in Done(1, "kill-relay", "", 0, "no such process").line()


@pytest.mark.parametrize(
    "wrong", [["--bug", "none-of-them"], ["--seconds", "1"], ["--rate", "0"], ["--seconds", "long"]]
)
def test_wrong_use_ends_with_exit_code_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err
