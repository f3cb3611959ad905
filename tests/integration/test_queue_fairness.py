"""A whole day of the real dispatcher and its SQL by a virtual clock: priorities hold, and nothing waits past the bound.

The workers take strictly 100 before 90 before 50, as Celery's do here, and from six in the morning to ten at night more of
the highest comes than they can do.
"""

from __future__ import annotations

from collections import defaultdict, deque
from datetime import timedelta

import pytest

from tests.queueing import MIDNIGHT, WorkList
from tickstock_automation.errors import LeaseLost
from tickstock_automation.processing.dispatcher import MOST_UNBEGUN, celery_queue
from tickstock_automation.processing.queue import Batch

pytestmark = [pytest.mark.integration, pytest.mark.database]

TICK_S = 180  # between two dispatches, and so the pace of every type whose rate limit is shorter
TICKS = 24 * 3600 // TICK_S
WORK_S = 135  # of a batch
WORKERS = 1
BATCH = 5
BUSY = range(6, 22)
FIRST = "STOCK_REALTIME"
LEVELS = {FIRST: 100, "ETF": 90, "STOCK_EOD": 50, "DEV_TESTING": 10}
SYMBOLS = {name: [f"{name[:1]}{name[-1:]}{at:03}" for at in range(400)] for name in LEVELS}


class Day:
    """Celery's three queues and the workers, around the product's own work list."""

    def __init__(self, work: WorkList) -> None:
        self.work = work
        self.queues: dict[str, deque[Batch]] = {f"priority.{level}": deque() for level in (100, 90, 50)}
        self.free_at = [work.now] * WORKERS
        self.holding: dict[int, Batch] = {}
        self.stale = 0
        self.arrived: dict[str, int] = defaultdict(int)

    def arrive(self, equity_type: str, number: int) -> None:
        """The next symbols of the type, in turn."""
        first = self.arrived[equity_type]
        self.arrived[equity_type] += number
        self.work.queue(equity_type, [SYMBOLS[equity_type][(first + at) % 400] for at in range(number)])

    def tick(self) -> None:
        for batch, to in self.work.dispatch():
            assert to == ("priority.100" if batch.starving else celery_queue(LEVELS[batch.equity_type]))
            self.queues[to].append(batch)
        until = self.work.now + timedelta(seconds=TICK_S)
        while (at := min(self.free_at)) < until:
            self.work.now = max(at, self.work.now)
            worker = self.free_at.index(at)
            if done := self.holding.pop(worker, None):
                self.work.finish(done.token)
            if taken := self.take():
                self.holding[worker] = taken
            self.free_at[worker] = self.work.now + timedelta(seconds=WORK_S) if taken else until
        self.work.now = until

    def take(self) -> Batch | None:
        """The next batch, strictly by queue; messages of batches that were taken back since cost nothing."""
        for waiting in self.queues.values():
            while waiting:
                batch = waiting.popleft()
                try:
                    self.work.begin(batch.token)
                except LeaseLost:
                    self.stale += 1
                else:
                    return batch
        return None


@pytest.fixture
def day(work: WorkList) -> Day:
    work.hurry()
    for equity_type, names in SYMBOLS.items():
        work.set_type(equity_type, batch_size=BATCH)
        work.symbols(equity_type, names)
    work.set_type(FIRST, rate_limit_ms=0)
    return Day(work)


def test_over_a_day_under_a_flood_of_higher_work_nothing_waits_past_the_bound(work: WorkList, day: Day) -> None:
    for tick in range(TICKS):
        if tick * TICK_S // 3600 in BUSY:
            day.arrive(FIRST, 2 * BATCH)  # the worker does four batches in three ticks
        if tick % 5 == 0:
            day.arrive("ETF", BATCH)
        if tick % 10 == 0:
            day.arrive("STOCK_EOD", BATCH)
        if tick % 20 == 0:
            day.arrive("DEV_TESTING", 2)
        day.tick()

    # The promise of docs/decisions/0003-queues.md: the bound, a dispatch, the type's pace, and then what can lie before it
    # in the first queue: ten batches of each type, and ten more of the type whose own queue that is.
    bound_s = work.settings.starvation_bound_s
    promised_s = bound_s + 2 * TICK_S + (len(LEVELS) + 1) * MOST_UNBEGUN * WORK_S / WORKERS
    waits = (
        "SELECT extract(epoch FROM begun_at - scheduled_time), scheduled_time <= last_attempt - make_interval(secs => :bound)"
        " FROM equity_processing_queue WHERE equity_type <> :first AND begun_at IS NOT NULL"
        " AND extract(hour FROM begun_at AT TIME ZONE 'UTC') BETWEEN :from AND :to"
    )

    def begun(first: int, last: int) -> list[tuple[float, bool]]:
        return [(float(wait), starving) for wait, starving in
                work.rows(waits, **{"from": first, "to": last}, bound=bound_s, first=FIRST)]  # fmt: skip

    busy, quiet = begun(BUSY[0] + 2, BUSY[-1]), begun(1, BUSY[0] - 1)
    assert len(busy) > 14 * 25
    assert max(wait for wait, _ in busy) <= promised_s
    assert all(starving for _, starving in busy), "nothing lower went before its turn"
    assert len(quiet) > 5 * 25
    assert not any(starving for _, starving in quiet)
    assert max(wait for wait, _ in quiet) <= 2 * TICK_S, "without a flood nobody waits"

    # Nothing is lost, waiting cost nobody an attempt, and what was taken back was sent again.
    assert day.stale > 0
    assert work.rows("SELECT count(*) FROM equity_processing_queue WHERE status = 'failed' OR attempts > 1") == [(0,)]
    assert work.rows(
        "SELECT count(*) FROM equity_processing_queue WHERE begun_at IS NULL AND scheduled_time < :early",
        early=MIDNIGHT + timedelta(days=1, seconds=-promised_s),
    ) == [(0,)]  # fmt: skip
