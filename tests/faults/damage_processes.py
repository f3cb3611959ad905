"""Faults of our own processes: killed with all their children, or frozen."""

from __future__ import annotations

import time

from tests.faults.actors import CONSUMERS, LIVE, RELAYS, WORKER, WRITERS
from tests.faults.schedule import Planned, choose
from tests.faults.system import System


def kill_relay(system: System, planned: Planned) -> str:
    """The active or the standby."""
    return _kill(system, choose(planned.picks[0], RELAYS), planned.duration_s)


def freeze_relay(system: System, planned: Planned) -> str:
    """Up to far longer than its lease, so that it wakes up beside the one that took over."""
    return _freeze(system, choose(planned.picks[0], RELAYS), planned.duration_s)


def kill_worker(system: System, planned: Planned) -> str:
    """The worker with its pool."""
    return _kill(system, WORKER, planned.duration_s)


def freeze_worker(system: System, planned: Planned) -> str:
    """The worker with its pool."""
    return _freeze(system, WORKER, planned.duration_s)


def kill_writer(system: System, planned: Planned) -> str:
    """In the middle of a transaction, more often than not."""
    return _kill(system, choose(planned.picks[0], WRITERS), planned.duration_s)


def kill_consumer(system: System, planned: Planned) -> str:
    """A consumer, active or standing by, or the live subscriber."""
    return _kill(system, choose(planned.picks[0], (*CONSUMERS, LIVE)), planned.duration_s)


def freeze_consumer(system: System, planned: Planned) -> str:
    """Longer than its lease, so that it wakes up beside the sibling that took over."""
    return _freeze(system, choose(planned.picks[0], CONSUMERS), planned.duration_s)


def _kill(system: System, name: str, down_s: float) -> str:
    system.kill(name)
    time.sleep(down_s)
    system.launch(name)
    return name


def _freeze(system: System, name: str, seconds: float) -> str:
    system.freeze(-system.pid(name), seconds)
    return name
