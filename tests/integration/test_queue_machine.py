"""The work list against a model of it, on real PostgreSQL: whatever is done in whatever order, both say the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as how
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, text

from tests.queueing import PAUSE_S, WorkList
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import LeaseLost, QueueFull
from tickstock_automation.processing import by_hand
from tickstock_automation.processing.queue import Batch
from tickstock_automation.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.database]

BATCH, RATE_S, BOUND = 3, 60.0, 9
TYPES = {"ETF": 90, "STOCK_EOD": 50}
NAMES = {"ETF": [f"E{at}" for at in range(6)], "STOCK_EOD": [f"S{at}" for at in range(6)]}
OF = {name: kind for kind, names in NAMES.items() for name in names}
SOME = st.sets(st.sampled_from(sorted(OF)), min_size=1, max_size=5)
SECONDS = st.sampled_from([1.0, 20.0, 61.0, 301.0, 1000.0, 3601.0])


@dataclass
class Entry:
    """What the model knows of a symbol's newest entry."""

    number: int
    due: datetime
    status: str = "pending"
    attempts: int = 0
    token: int = 0
    begun: bool = False
    lease: datetime | None = None
    sent: datetime | None = None


class Machine(RuleBasedStateMachine):
    """Each rule does the same to the database and to the model, and compares what they answer."""

    work: WorkList

    @initialize()
    def empty(self) -> None:
        self.work.rows("TRUNCATE equity_processing_queue; UPDATE equity_types SET paused_at = NULL RETURNING 1")
        self.entries: dict[str, Entry] = {}
        self.former: list[tuple[str, Entry]] = []  # they still count for their type's pace
        self.paused: set[str] = set()
        self.batches: list[Batch] = []
        self.queued = 0

    @property
    def now(self) -> datetime:
        return self.work.now

    def held(self, token: int) -> list[str]:
        return [name for name, one in self.entries.items() if one.token == token and one.status == "running"]

    def waiting(self) -> int:
        return sum(one.status in ("pending", "running") for one in self.entries.values())

    @rule(names=SOME, kind=st.sampled_from(sorted(TYPES)))
    def queue(self, names: set[str], kind: str) -> None:
        asked = sorted(name for name in names if OF[name] == kind)
        new = [
            name
            for name in asked
            if name not in self.entries or self.entries[name].status not in ("pending", "running")
        ]
        if new and self.waiting() + len(new) > BOUND:
            with pytest.raises(QueueFull):
                self.work.queue(kind, asked)
            return
        assert self.work.queue(kind, asked) == len(new)
        for name in sorted(new, key=self.work.ids.__getitem__):
            self.queued += 1
            if name in self.entries:
                self.former.append((kind, self.entries[name]))
            self.entries[name] = Entry(self.queued, self.now)

    @rule()
    def dispatch(self) -> None:
        expected = self._lost_and_claimed()
        sent = self.work.dispatch()
        by_id = {id_: name for name, id_ in self.work.ids.items()}
        assert [
            (batch.equity_type, batch.starving, {by_id[id_] for id_ in batch.symbol_ids}) for batch, _ in sent
        ] == expected
        for (batch, to), (kind, starving, names) in zip(sent, expected, strict=True):
            assert to == ("priority.100" if starving else f"priority.{TYPES[kind]}")
            assert batch.token > max((one.token for one in self.batches), default=0)
            self.batches.append(batch)
            for name in names:
                self.entries[name].token = batch.token

    def _lost_and_claimed(self) -> list[tuple[str, bool, set[str]]]:
        """What the dispatcher does by the book: lost leases first, then each type in turn as far as it may."""
        for one in self.entries.values():
            if one.status == "running" and one.lease is not None and one.lease < self.now:
                one.status = "failed" if one.begun and one.attempts >= self.work.settings.max_attempts else "pending"
                one.attempts -= not one.begun
                one.begun, one.lease = False, None
        lease, bound = (
            timedelta(seconds=one) for one in (self.work.settings.lease_s, self.work.settings.starvation_bound_s)
        )
        claimed = []
        for kind in sorted(TYPES, key=lambda name: -TYPES[name]):
            own = [one for name, one in self.entries.items() if OF[name] == kind]
            past = [one for former, one in self.former if former == kind]
            while kind not in self.paused:
                recent = sum(1 for one in own + past if one.sent and one.sent > self.now - timedelta(seconds=RATE_S))
                due = sorted(
                    (one for one in own if one.status == "pending" and one.due <= self.now),
                    key=lambda one: (one.due, one.number),
                )
                starving = [one for one in due if one.due <= self.now - bound]
                taken = (starving or due)[: max(BATCH - recent, 0)]
                if not taken:
                    break
                for one in taken:
                    one.status, one.begun, one.sent, one.attempts = "running", False, self.now, one.attempts + 1
                    one.lease = self.now + max(lease, bound) if starving else min(self.now + lease, one.due + bound)
                claimed.append(
                    (
                        kind,
                        bool(starving),
                        {name for name, one in self.entries.items() if any(one is each for each in taken)},
                    )
                )
        return claimed

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def sign_of_life(self, data: st.DataObject) -> None:
        token = self._any_token(data)
        if not self.held(token):
            with pytest.raises(LeaseLost):
                self.work.begin(token)
            return
        self.work.begin(token)
        for name in self.held(token):
            self.entries[name].begun = True
            self.entries[name].lease = self.now + timedelta(seconds=self.work.settings.lease_s)

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), names=SOME)
    def finish_some(self, data: st.DataObject, names: set[str]) -> None:
        token = self._any_token(data)
        done = sorted(names & set(self.held(token)))
        ids = [self.work.ids[name] for name in names]
        if not done:
            with pytest.raises(LeaseLost):
                self.work.finish(token, ids)
            return
        assert sorted(self.work.finish(token, ids)) == sorted(self.work.ids[name] for name in done)
        for name in done:
            self.entries[name].status = "done"

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        token = self._any_token(data)
        held, most = self.held(token), self.work.settings.max_attempts
        gone = sorted(self.work.ids[name] for name in held if self.entries[name].attempts >= most)
        assert sorted(self.work.fail(token)) == gone
        for name in held:
            one = self.entries[name]
            one.status = "failed" if one.attempts >= most else "pending"
            [(due,)] = self.work.rows(
                "SELECT scheduled_time FROM equity_processing_queue WHERE symbol_id = :id ORDER BY id DESC LIMIT 1",
                id=self.work.ids[name],
            )
            least = PAUSE_S * 2 ** (one.attempts - 1)
            assert least <= (due - self.now).total_seconds() <= 1.5 * least
            one.due, one.begun, one.lease = due, False, None

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), pause_s=st.sampled_from([0.0, 40.0]))
    def give_back(self, data: st.DataObject, pause_s: float) -> None:
        token = self._any_token(data)
        self.work.give_back(token, pause_s)
        for name in self.held(token):
            one = self.entries[name]
            one.status, one.attempts, one.begun, one.lease = "pending", one.attempts - 1, False, None
            one.due = self.now + timedelta(seconds=pause_s)

    @rule(seconds=SECONDS)
    def clock_moves(self, seconds: float) -> None:
        self.work.later(seconds)

    @rule(names=SOME)
    def cancel(self, names: set[str]) -> None:
        with transaction(Role.IPO_MONITOR) as session:
            done = by_hand.cancel(session, tickers=sorted(names), equity_type=None, author="ada")
        mine = {name: self.entries[name] for name in names if name in self.entries}
        unbegun = sorted(name for name, one in mine.items() if one.status in ("pending", "running") and not one.begun)
        assert done.cancelled == unbegun
        assert done.running == sorted(name for name, one in mine.items() if one.status == "running" and one.begun)
        for name in unbegun:
            mine[name].status = "cancelled"

    @rule(kind=st.sampled_from([None, *sorted(TYPES)]))
    def retry(self, kind: str | None) -> None:
        failed = sorted(
            name for name, one in self.entries.items() if one.status == "failed" and kind in (None, OF[name])
        )
        full = bool(failed) and self.waiting() + len(failed) > BOUND
        try:
            with transaction(Role.IPO_MONITOR) as session:
                assert by_hand.retry(session, tickers=None, equity_type=kind, bound=BOUND) == failed
                session.execute(
                    text("UPDATE equity_processing_queue q SET scheduled_time = :now FROM symbols s"
                         " WHERE s.id = q.symbol_id AND s.ticker = ANY (:names) AND q.status = 'pending' AND q.attempts = 0"
                         " AND q.error_message IS NULL"), {"now": self.now, "names": failed},
                )  # fmt: skip
        except QueueFull:
            assert full
            return
        assert not full
        for name in failed:
            one = self.entries[name]
            one.status, one.attempts, one.begun, one.due = "pending", 0, False, self.now

    @rule(kind=st.sampled_from(sorted(TYPES)))
    def pause_or_resume(self, kind: str) -> None:
        with transaction(Role.IPO_MONITOR) as session:
            if kind in self.paused:
                assert by_hand.resume(session, kind)
            else:
                assert by_hand.pause(session, kind, "ada", "a test")
        self.paused ^= {kind}

    @invariant()
    def both_say_the_same(self) -> None:
        rows = self.work.rows(
            "SELECT DISTINCT ON (q.symbol_id) s.ticker, q.status, q.attempts, q.claim_token,"
            " q.status = 'running' AND q.begun_at IS NOT NULL, q.lease_until, q.scheduled_time"
            " FROM equity_processing_queue q JOIN symbols s ON s.id = q.symbol_id ORDER BY q.symbol_id, q.id DESC"
        )
        said = {row[0]: row[1:] for row in rows}
        known = {name: (one.status, one.attempts, one.token, one.status == "running" and one.begun,
                        one.lease if one.status == "running" else None, one.due)
                 for name, one in getattr(self, "entries", {}).items()}  # fmt: skip
        assert said == known
        assert self.waiting() <= BOUND

    def _any_token(self, data: st.DataObject) -> int:
        return int(data.draw(st.sampled_from([batch.token for batch in self.batches]), label="token"))


@pytest.fixture
def machine(settings: Settings, admin: Engine) -> Callable[[], Any]:
    small = settings.model_copy(update={"queue_bound": BOUND, "max_attempts": 3})
    work = WorkList(small, admin)
    work.hurry()
    for kind, names in NAMES.items():
        work.symbols(kind, names)
        work.set_type(kind, batch_size=BATCH, rate_limit_ms=int(RATE_S * 1000))
    return type("OnThisDatabase", (Machine,), {"work": work})


def test_whatever_is_done_the_database_and_the_model_agree(machine: Any) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=how(max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)),
    )
