"""What NOTIFY costs: it takes a global lock at commit, so many writers at once wait for each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tickstock_automation.bench.machine import machine
from tickstock_automation.bench.rig import running_rig
from tickstock_automation.bench.runs import Plan, Runner
from tickstock_automation.bench.schedule import NS

WRITERS = 16
ROUNDS = 2
TRIGGER = "ALTER TABLE outbox {} TRIGGER outbox_notify"


def bench_notify(seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    """Commits a second of 16 processes, an event each, with and without the trigger, with and without a relay.

    Each is measured in two turns of half the time.
    """
    found: dict[str, Any] = {}
    with running_rig(WRITERS) as rig:
        runner = Runner(rig)
        runner.run(Plan(min(2.0, seconds), 0, writers=WRITERS))
        found["relay"] = _both(runner, seconds, say, "with a relay")
        rig.stop_relay()
        found["no_relay"] = _both(runner, seconds, say, "without a relay")
        return found | {"writers": WRITERS, "machine": machine(rig), "seconds": seconds}


def _both(runner: Runner, seconds: float, say: Callable[[str], None], where: str) -> dict[str, float]:
    counts = {"ENABLE": 0, "DISABLE": 0}
    took = dict.fromkeys(counts, 0.0)
    for _ in range(ROUNDS):
        for switch in counts:
            runner.execute(TRIGGER.format(switch))
            written = runner.write(Plan(seconds / ROUNDS, 0, writers=WRITERS))
            counts[switch] += written.committed
            times = written.times.values()
            took[switch] += (max(one.done for one in times) - min(one.began for one in times)) / NS
    runner.execute(TRIGGER.format("ENABLE"))
    rates = {switch: round(counts[switch] / took[switch]) for switch in counts}
    say(f"{where}: {rates['ENABLE']} commits/s with NOTIFY, {rates['DISABLE']} without")
    return {"with_notify_per_s": rates["ENABLE"], "without_notify_per_s": rates["DISABLE"]}
