"""The benchmark's arithmetic: percentiles, the open loop, the search for a rate, the targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tickstock_automation.bench.figures import latency, percentile, ratio
from tickstock_automation.bench.marks import Mark, bare_message, mark_of
from tickstock_automation.bench.rates import Backlog, first_that_holds, highest_rate, is_flat
from tickstock_automation.bench.schedule import NS, Schedule, counts_from
from tickstock_automation.bench.targets import event_targets
from tickstock_automation.events.catalogue import decode


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert [percentile(range(1, 101), share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([7], 0.99) == 7
    assert percentile([1, 1000], 0.99) == 1000
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_no_latency_is_dropped() -> None:
    told = latency([1_000_000] * 99 + [60_000_000_000])
    assert told == {"mean_ms": 600.99, "p50_ms": 1.0, "p95_ms": 1.0, "p99_ms": 1.0, "max_ms": 60_000.0}
    assert set(latency([]).values()) == {None}


def test_less_than_all_never_looks_like_all() -> None:
    assert ratio(10**9, 10**9) == 1.0
    almost = ratio(10**9 - 1, 10**9)
    assert almost is not None
    assert almost < 1.0
    assert ratio(0, 0) is None


def test_due_times_are_fixed_by_the_clock() -> None:
    schedule = Schedule(1000, 400.0)
    assert [schedule.due_ns(number) for number in (0, 1, 400)] == [1000, 1000 + NS // 400, 1000 + NS]
    assert Schedule(1000, 3.0).due_ns(3 * 3600) == 1000 + 3600 * NS, "no error adds up"
    assert Schedule(1000, 0).due_ns(5) is None


def test_a_stall_counts_for_all_that_waited_for_it() -> None:
    assert counts_from(due_ns=100, came_ns=50, began_ns=103) == 103, "on time: from its beginning"
    assert counts_from(due_ns=100, came_ns=900, began_ns=901) == 100, "held up: from when it was due"
    assert counts_from(due_ns=None, came_ns=900, began_ns=901) == 901


@dataclass(frozen=True)
class Tried:
    rate: float
    holds: bool


@pytest.mark.parametrize("limit", [90, 700, 4_000, 8_000, 12_345, 50_000])
def test_the_search_comes_close_to_the_limit_and_never_above(limit: float) -> None:
    asked: list[float] = []

    def probe(rate: float) -> bool:
        asked.append(rate)
        return rate <= limit

    found = highest_rate(probe, 4_000.0)
    assert limit / 1.1 <= found <= limit
    assert len(asked) <= 16


def test_the_search_ends_where_nothing_holds_and_at_the_most() -> None:
    assert highest_rate(lambda _rate: False, 4_000.0) == 0
    assert highest_rate(lambda _rate: True, 4_000.0, most=10_000.0) == 10_000.0


def test_a_rate_that_does_not_hold_goes_down_a_step() -> None:
    assert first_that_holds(lambda rate: Tried(rate, rate <= 9_500), 10_000.0).rate == pytest.approx(9_200)
    assert not first_that_holds(lambda rate: Tried(rate, False), 10_000.0).holds


def test_flat_means_that_nothing_piles_up_anywhere() -> None:
    calm, piled = [Backlog(200, 0.02)] * 15, [Backlog(400 * number, 0.05 * number) for number in range(30)]
    assert is_flat(calm, [0.02] * 9, 8_000)
    assert is_flat([*piled, *calm], [0.02] * 9, 8_000), "what was worked off is no backlog"
    assert not is_flat(piled, [0.02] * 9, 8_000), "in the outbox"
    assert not is_flat(calm, [number / 10 for number in range(9)], 8_000), "in the writer or the subscriber"
    assert not is_flat([], [], 8_000)


def test_a_mark_travels_in_a_message() -> None:
    mark = Mark(3, 17, 1_756_800_000_123_456_789)
    assert mark_of(decode(bare_message(mark, "S18"))) == mark


def found(p50: float, p99: float, ratio_p99: float, per_s: float) -> dict[str, Any]:
    delivery = {"p50_ms": p50, "p95_ms": 3.0, "p99_ms": p99, "delivered_ratio": 1.0}
    return {"delivery": delivery, "ratio_p99": ratio_p99, "sustained_per_s": per_s}


def test_targets() -> None:
    assert all(one.meets_must for one in event_targets(found(1.5, 6.0, 12.0, 9_000)))
    assert [one.meets_must for one in event_targets(found(2.5, 20.0, 9.9, 9_000))] == [False, True, True, True, True]
    assert [one.meets_must for one in event_targets(found(1.5, 20.0, 10.1, 7_000))] == [True, True, False, True, False]
    assert [one.meets_aim for one in event_targets(found(1.2, 3.0, 5.0, 9_000))] == [True, False, True, True, False]
