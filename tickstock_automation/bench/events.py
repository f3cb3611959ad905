"""The events' benchmark, phase by phase: delivery beside a bare publish, sustained rate, burst."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tickstock_automation.bench.figures import latency, ratio
from tickstock_automation.bench.machine import machine
from tickstock_automation.bench.rates import first_that_holds, highest_rate, is_flat
from tickstock_automation.bench.rig import running_rig
from tickstock_automation.bench.runs import Plan, Run, Runner
from tickstock_automation.bench.schedule import NS

WRITERS = (
    4  # of the delivery phase: fewer are held up by one slow sync of the disk, and their own queue would be measured
)
SIZE = 200
SLICE_S = 5.0
FIRST_RATE = 4_000.0
BURST = 50_000
Say = Callable[[str], None]


@dataclass(frozen=True)
class Lengths:
    """How long each phase takes, from the one figure that is asked for: the seconds of the delivery phase."""

    seconds: float

    @property
    def slices(self) -> int:
        return max(2, round(self.seconds / SLICE_S))

    @property
    def warm_up_s(self) -> float:
        return min(3.0, max(1.0, self.seconds / 4))

    @property
    def probe_s(self) -> float:
        return min(4.0, max(0.5, self.seconds / 8))

    @property
    def probes(self) -> int:
        """How often a rate may fail: one hiccup of the machine is no limit."""
        return 2 if self.seconds >= 20 else 1

    @property
    def hold_s(self) -> float:
        return self.seconds / 2

    @property
    def burst(self) -> int:
        return min(BURST, max(1, round(self.seconds / 20 * BURST / SIZE)) * SIZE)


@dataclass(frozen=True)
class Hold:
    """A rate that was tried."""

    rate: float
    run: Run

    @property
    def holds(self) -> bool:
        lags = [lag / NS for lag in self.run.lags_ns()]
        return self.run.complete and is_flat(self.run.written.samples, lags, self.rate)


def bench_events(seconds: float, rate: float, say: Say) -> dict[str, Any]:
    """Runs all phases on a rig of their own; gives the figures. `rate` is the delivery phase's, in events a second."""
    lengths = Lengths(seconds)
    say("starting PostgreSQL, Valkey, relay, worker and subscriber")
    with running_rig(WRITERS) as rig:
        runner = Runner(rig)
        found = _delivery(runner, lengths, rate, say)
        found |= _sustained(runner, lengths, say)
        found |= _burst(runner, lengths, say)
        found |= _consumer(runner, lengths, rate, say)
        return found | {"machine": machine(rig), "seconds": seconds}


def _delivery(runner: Runner, lengths: Lengths, rate: float, say: Say) -> dict[str, Any]:
    """Commit to delivery, one event a transaction, and a bare publish, in turns."""
    say(f"delivery: {lengths.seconds:g} s at {rate:g} events/s, in turns with a bare publish")
    for bare in (False, True):
        runner.run(Plan(lengths.warm_up_s, rate, bare=bare, writers=WRITERS))
    slices: dict[bool, list[Run]] = {False: [], True: []}
    for _ in range(lengths.slices):
        for bare, runs in slices.items():
            runs.append(runner.run(Plan(lengths.seconds / lengths.slices, rate, bare=bare, writers=WRITERS)))
    delivery, published = _told(slices[False]), _told(slices[True])
    delivery["streamed"] = sum(run.streamed for run in slices[False])
    delivery["held_up_ratio"] = ratio(sum(run.held_up() for run in slices[False]), delivery["committed"])
    delivery["after_commit"] = latency(time for run in slices[False] for time in run.after_commit_ns())
    delivery["cpu"] = slices[False][-1].written.cpu
    return {"delivery": delivery, "bare": published, "ratio_p99": ratio(delivery["p99_ms"], published["p99_ms"], 2)}


def _told(runs: list[Run]) -> dict[str, Any]:
    committed, delivered = sum(run.committed for run in runs), sum(len(run.ids) for run in runs)
    return {
        **latency(time for run in runs for time in run.from_beginning_ns()),
        "from_due": latency(lag for run in runs for lag in run.lags_ns()),
        "delivered_ratio": ratio(delivered, committed),
        "committed": committed,
        "delivered": delivered,
        "messages": sum(len(run.received) for run in runs),
    }


def _sustained(runner: Runner, lengths: Lengths, say: Say) -> dict[str, Any]:
    """The highest rate that holds, found by short probes, then held."""

    def trial(seconds: float, rate: float) -> Hold:
        hold = Hold(rate, runner.run(Plan(seconds, rate, SIZE)))
        say(f"sustained: {rate:,.0f} events/s for {seconds:g} s {'held' if hold.holds else 'did not hold'}")
        return hold

    def probe(rate: float) -> bool:
        return any(trial(lengths.probe_s, rate).holds for _ in range(lengths.probes))

    rate = highest_rate(probe, FIRST_RATE)
    hold = first_that_holds(lambda rate: trial(lengths.hold_s, rate), rate or FIRST_RATE / 2)
    run = hold.run
    waiting = [one.waiting for one in run.written.samples]
    told = {
        "held": hold.holds, "rate": round(hold.rate), "committed": run.committed, "streamed": run.streamed,
        "delivered": len(run.ids), "messages": len(run.received), "seconds": round(run.elapsed_s(), 2), "most_waiting": max(waiting),
        "waiting_mean": round(sum(waiting) / len(waiting)), **latency(run.lags_ns()), "cpu": run.written.cpu,
    }  # fmt: skip
    return {"sustained_per_s": round(run.committed / run.elapsed_s()) if hold.holds else 0, "sustained": told}


def _burst(runner: Runner, lengths: Lengths, say: Say) -> dict[str, Any]:
    """A burst that waits for a relay, and one that a running relay takes as it comes; as fast as can be written."""
    plan = Plan(lengths.seconds, 0, SIZE, events=lengths.burst)
    say(f"burst: {lengths.burst:,} events committed without a relay, then drained")
    runner.rig.stop_relay()
    written = runner.write(plan)
    runner.rig.start_relay()
    drained = runner.collect(written)
    events, span_ms = runner.stream_span_ms()
    say(f"burst: {lengths.burst:,} events with the relay running")
    live = runner.run(plan)
    return {
        "burst_per_s": round(events * 1000 / max(1, span_ms)) if drained.complete else 0,
        "burst": _burst_told(drained) | {"seconds": round(span_ms / 1000, 3)},
        "burst_live_per_s": round(live.committed / live.elapsed_s()) if live.complete else 0,
        "burst_live": _burst_told(live) | {"seconds": round(live.elapsed_s(), 3), "cpu": live.written.cpu},
    }


def _burst_told(run: Run) -> dict[str, Any]:
    return {"committed": run.committed, "streamed": run.streamed, "delivered": len(run.ids)}


def _consumer(runner: Runner, lengths: Lengths, rate: float, say: Say) -> dict[str, Any]:
    """The durable consumer: how fast it drains a full stream, and how soon it has an event of the delivery phase's rate."""
    told: dict[str, Any] = {}
    events = lengths.burst // 2
    for kind in ("plain", "transactional"):
        say(f"consumer, {kind}: {events:,} events from a full stream")
        runner.run(Plan(lengths.seconds, 0, SIZE, events=events))
        drained = runner.consumed(runner.rig.consume(kind, events), events)
        told[f"{kind}_per_s"] = round((events - 1) * NS / (drained["last"] - drained["first"]))
    plan = Plan(lengths.seconds / 4, rate, writers=WRITERS)
    say(f"consumer, plain: {plan.transactions:,} events at {rate:g}/s")
    runner.empty_stream()  # what the phase before left is not to be handled first
    result = runner.rig.consume("plain", plan.transactions)
    runner.run(plan)
    return {
        "consumer_per_s": told["plain_per_s"],
        "consumer": told | latency(runner.consumed(result, plan.transactions)["lags"]),
    }
