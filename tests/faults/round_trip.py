"""After everything is healed a task must go all the way round again: broker, worker, database, relay, stream."""

from __future__ import annotations

import time

from tests.faults.actors import CANARIES, WORKER, notebook
from tests.faults.canaries import PROBE
from tests.faults.collect import StreamTails
from tests.faults.records import Follower
from tests.faults.system import System
from tickstock_automation.events.catalogue import CANARY_CHANNEL

POLL_S = 0.1


def await_canary(system: System, seconds: float) -> str:
    """Waits until a canary that was sent after now is in its stream; else says what is known of it."""
    began = time.monotonic_ns()
    sent: set[str] = set()
    notes, tails = Follower(notebook(system.state, CANARIES)), StreamTails(system.redis_url)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        sent |= {probe for what, at, probe in notes.lines() if what == PROBE and int(at) > began}
        if any(channel == CANARY_CHANNEL and one.token in sent for channel, one in tails.news()):
            return ""
        time.sleep(POLL_S)
    said = " | ".join(list(system.parts[WORKER].lines)[-3:])
    return f"no canary of {len(sent)} came round in {seconds:.0f} s; the worker said last: {said}\n"
