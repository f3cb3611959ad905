"""One run: start, damage, heal, let it drain, collect, check."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.faults.actors import CANARIES, CONSUMERS, LIVE, WORKER
from tests.faults.bugs import BUGS
from tests.faults.checker import check
from tests.faults.collect import collect
from tests.faults.drain import Patience, await_all
from tests.faults.injector import Injector
from tests.faults.report import Report, counted, figures
from tests.faults.round_trip import await_canary
from tests.faults.schedule import make_schedule
from tests.faults.system import System
from tickstock_automation.errors import PartDied

GOING_S = 60.0
CALM_S = 3.0  # of work after everything is healed, before the writers stop
LONGEST_STILL_S, SHORTEST_STILL_S = 30.0, 8.0


@dataclass(frozen=True)
class Plan:
    """What was asked for."""

    seconds: float
    seed: int
    bug: str = ""
    rate: float = 350.0


def run_campaign(plan: Plan, say: Callable[[str], None]) -> Report:
    """One run on servers of its own. Its logs and notebooks are kept where a property is violated."""
    state = Path(tempfile.mkdtemp(prefix="tickstock-faults-"))
    system = System(state, plan.seed, plan.rate, plan.bug)
    passed = False
    try:
        system.start()
        report = _run(plan, system, say)
        passed = not report.violations
    finally:
        system.close()
        for data in state.glob("*" if passed else "*/"):
            if passed or data.name != "logs":
                shutil.rmtree(data) if data.is_dir() else data.unlink()
        if passed:
            state.rmdir()
        else:
            say(f"logs and notebooks are kept in {state}")
    return report


def _run(plan: Plan, system: System, say: Callable[[str], None]) -> Report:
    first = BUGS[plan.bug].faults if plan.bug else ()
    injector = Injector(system, make_schedule(plan.seed, plan.seconds, first), say)
    if not_going := await_canary(system, GOING_S):
        raise PartDied(f"the system did not get going: {not_going}")
    injector.run(system.mark_start(), plan.seconds)
    system.heal()
    say(f"{system.elapsed():7.1f} s  all is healed")
    patience = _patience(plan)
    stuck = await_canary(system, patience.still_s)
    time.sleep(CALM_S)
    system.retire("writer")
    system.retire(CANARIES)
    healed = time.monotonic()
    undrained = stuck + await_all(system, patience)
    drain_s = time.monotonic() - healed
    say(f"{system.elapsed():7.1f} s  {'not drained' if undrained else 'drained'}")
    for name in (WORKER, LIVE, *CONSUMERS):
        system.retire(name)
    history = collect(system, undrained)
    done = injector.done
    return Report(
        plan.seed, plan.seconds, plan.bug, figures(history, drain_s), counted(done),
        sum(bool(one.missed) for one in done), check(history),
    )  # fmt: skip


def _patience(plan: Plan) -> Patience:
    return Patience(
        still_s=min(max(plan.seconds / 4, SHORTEST_STILL_S), LONGEST_STILL_S), whole_s=max(90.0, plan.seconds / 2)
    )
