"""One run: the writer writes as ordered, the relay sends, the subscriber notes; then everything is counted and compared."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tickstock_automation.bench.cpu import cpu_seconds
from tickstock_automation.bench.marks import CHANNEL, CONTROL, end_message
from tickstock_automation.bench.rates import Backlog
from tickstock_automation.bench.rig import Rig
from tickstock_automation.bench.schedule import NS
from tickstock_automation.bench.subscriber import Received, read_received

LEAD_S = 0.3
LOOK_S = 0.25
STUCK_S = 10.0
EVERY = 1_000_000_000

LAST = "SELECT coalesce(max(seq), 0) FROM outbox"
COMMITTED = "SELECT count(*) FROM outbox WHERE seq > %s"
WAITING = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float
  FROM outbox WHERE batch IS NULL AND set_aside IS NULL AND seq > %s"""  # as the relay's index has it: a look may not cost more and more


@dataclass(frozen=True)
class Plan:
    """What is to be written: as `Order` says it, for all writers together; `events` None: as many as the time allows."""

    seconds: float
    rate: float
    size: int = 1
    bare: bool = False
    events: int | None = None
    writers: int = 1

    @property
    def transactions(self) -> int:
        """How many at most; the rate is in events a second, 0 for as fast as possible."""
        if self.events is not None:
            return math.ceil(self.events / self.size)
        return max(1, round(self.seconds * self.rate / self.size)) if self.rate else EVERY


class Times(NamedTuple):
    """Of one transaction, nanoseconds since 1970. `counts` is before `began` where the one before it held it up."""

    counts: int
    began: int
    done: int


@dataclass(frozen=True)
class Written:
    """What the writers did."""

    run: int
    plan: Plan
    times: dict[int, Times]
    committed: int
    samples: list[Backlog]
    cpu: dict[str, float]


@dataclass(frozen=True)
class Run:
    """A run with everything delivered, or given up waiting for."""

    written: Written
    streamed: int
    received: list[Received]
    ids: set[bytes] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", {one.id for one in self.received})

    @property
    def committed(self) -> int:
        return self.written.committed

    @property
    def complete(self) -> bool:
        """All in the stream, each once, and all delivered live."""
        return self.streamed == self.committed == len(self.ids)

    def lags_ns(self) -> list[int]:
        """From when each transaction counts to when the handler had the event, in order of delivery."""
        return [one.received_ns - one.counts_ns for one in self.received]

    def from_beginning_ns(self) -> list[int]:
        """From when the transaction really began, however late that was."""
        return [one.received_ns - self.written.times[one.transaction].began for one in self.received]

    def after_commit_ns(self) -> list[int]:
        """From when the commit had returned in the writer; the event may be delivered before that."""
        return [one.received_ns - self.written.times[one.transaction].done for one in self.received]

    def held_up(self) -> int:
        """Transactions that began late since the one before them was not done."""
        return sum(one.counts < one.began for one in self.written.times.values())

    def elapsed_s(self) -> float:
        """From the first transaction to the last delivery."""
        began = min(one.counts for one in self.written.times.values())
        return (max(one.received_ns for one in self.received) - began) / NS if self.received else math.inf


class Runner:
    """Makes runs on a rig, one after the other."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self._run = 0
        self._database = rig.database()
        self._broker: Any = rig.broker()  # redis-py types every answer as one that may be awaited

    def run(self, plan: Plan) -> Run:
        """Writes and waits for delivery."""
        return self.collect(self.write(plan))

    def empty_stream(self) -> None:
        """Takes the stream away, with its groups."""
        self._broker.unlink(CHANNEL.stream)

    def write(self, plan: Plan) -> Written:
        """Has a plan written; meanwhile looks at the backlog. The stream is emptied before."""
        self._run += 1
        last = self._one(LAST)[0]
        self.empty_stream()
        reports = [self.rig.folder / f"report-{self._run}-{writer}.json" for writer in range(plan.writers)]
        starts_ns = time.time_ns() + round(LEAD_S * NS)
        for writer, report in enumerate(reports):
            self.rig.send(
                run=self._run, transactions=plan.transactions, size=plan.size, rate=plan.rate / plan.size, starts_ns=starts_ns,
                report=str(report), seconds=plan.seconds if plan.events is None and not plan.rate else 3600.0, bare=plan.bare,
                writer=writer, writers=plan.writers,
            )  # fmt: skip
        time.sleep(LEAD_S)
        began, used = time.monotonic(), cpu_seconds(self.rig.supervisor.parts)
        samples: list[Backlog] = []

        def reported() -> bool:
            if plan.size > 1:
                samples.append(Backlog(*self._one(WAITING, last)))
            return all(report.exists() for report in reports)

        self.rig.wait(reported, "a writer's report", plan.seconds * 10 + STUCK_S, every_s=LOOK_S)
        took, now = time.monotonic() - began, cpu_seconds(self.rig.supervisor.parts)
        found = (one for report in reports for one in json.loads(report.read_text()))
        times = {number: Times(*rest) for number, *rest in found}
        committed = len(times) if plan.bare else self._one(COMMITTED, last)[0]
        cpu = {name: round((now[name] - used[name]) / took, 2) for name in used if name in now}
        return Written(self._run, plan, times, committed, samples, cpu)

    def collect(self, written: Written) -> Run:
        """Waits until the stream holds what was committed, or nothing more comes, and for what the subscriber noted.

        The end message follows the run's messages through the subscriber's one connection, and overtakes none.
        """
        streamed = 0 if written.plan.bare else self._await_stream(written.committed)
        noted = self.rig.folder / f"received-{written.run}"

        def said_and_noted() -> bool:
            self._broker.publish(CONTROL, end_message(written.run))  # again: a subscriber that was cut off missed it
            return noted.exists()

        self.rig.wait(said_and_noted, "what the subscriber noted", every_s=0.1)
        received = [one for one in read_received(noted) if one.run == written.run]
        return Run(written, streamed, received)

    def consumed(self, result: Path, events: int) -> dict[str, Any]:
        """What a consumer saw, once it handled so many."""
        self.rig.wait(result.exists, "the consumer's last event", 60 + events / 500)
        found: dict[str, Any] = json.loads(result.read_text())
        return found

    def stream_span_ms(self) -> tuple[int, int]:
        """How many events followed the stream's first batch, and for how long (Valkey's clock)."""
        told = self._broker.xinfo_stream(CHANNEL.stream)
        first, last = (int(told[name][0].partition(b"-")[0]) for name in ("first-entry", "last-entry"))
        head = len(self._broker.xrange(CHANNEL.stream, min=first, max=first))
        return int(told["length"]) - head, last - first

    def execute(self, statement: str) -> None:
        """A statement as the owner."""
        with self._database.cursor() as cursor:
            cursor.execute(statement)

    def _await_stream(self, committed: int) -> int:
        found, moved = -1, time.monotonic()
        while found < committed and time.monotonic() - moved < STUCK_S:
            self.rig.supervisor.check()
            held = int(self._broker.xlen(CHANNEL.stream))
            if held != found:
                found, moved = held, time.monotonic()
            time.sleep(0.02)
        return found

    def _one(self, statement: str, *values: object) -> tuple[Any, ...]:
        with self._database.cursor() as cursor:
            cursor.execute(statement, values)
            row = cursor.fetchone()
        assert row is not None
        return row
