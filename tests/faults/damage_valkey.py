"""Faults of Valkey: killed, its last second lost, wiped, rolled back to an older state, frozen."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import redis

from tests.faults.schedule import Planned
from tests.faults.system import System

APPEND_ONLY = "appendonlydir"
NAME = "valkey"


def kill_valkey(system: System, planned: Planned) -> str:
    """Restarted on the same data: what it had written to its log is there again."""
    with system.valkey_busy:
        _down(system, planned.duration_s)
        system.start_valkey()
    return NAME


def lose_second_of_valkey(system: System, planned: Planned) -> str:
    """As a machine's crash with `appendfsync everysec`: the log ends where it ended a second before."""
    with system.valkey_busy:
        before = _log_sizes(system)
        time.sleep(1.0)
        after = _log_sizes(system)
        _down(system, 0)
        cut = {path: size for path, size in before.items() if path in after and path.suffix == ".aof"}
        for path, size in cut.items():
            os.truncate(path, min(size, path.stat().st_size))
        time.sleep(planned.duration_s)
        system.start_valkey()
    return f"{NAME}, {sum(after[path] - size for path, size in cut.items())} bytes of its log"


def wipe_valkey(system: System, planned: Planned) -> str:
    """FLUSHALL, or restarted without its data."""
    with system.valkey_busy:
        if planned.picks[0] < 0.5:
            client = redis.Redis.from_url(system.redis_url, socket_timeout=10)
            client.flushall()
            client.close()
            return f"{NAME} by FLUSHALL"
        _down(system, planned.duration_s)
        shutil.rmtree(_data(system) / APPEND_ONLY)
        system.start_valkey()
    return f"{NAME}, its data removed"


def roll_back_valkey(system: System, planned: Planned) -> str:
    """As a failover to a lagging replica: it comes back as it was some seconds ago, or minutes if a copy was kept."""
    with system.valkey_busy:
        kept, fresh = system.state / "valkey.kept", system.state / "valkey.fresh"
        _copy(system, fresh)
        time.sleep(planned.duration_s)
        old = kept.exists() and planned.picks[0] < 0.4
        chosen = kept if old else fresh
        age = time.time() - chosen.stat().st_mtime
        _down(system, 0)
        shutil.rmtree(_data(system) / APPEND_ONLY)
        shutil.copytree(chosen / APPEND_ONLY, _data(system) / APPEND_ONLY)
        system.start_valkey()
        shutil.rmtree(kept, ignore_errors=True)
        fresh.rename(kept)
    return f"{NAME}, by {age:.0f} s"


def freeze_valkey(system: System, planned: Planned) -> str:
    """It neither answers nor closes."""
    with system.valkey_busy:
        system.freeze(system.pid(NAME), planned.duration_s)
    return NAME


def _data(system: System) -> Path:
    return system.state / "valkey"


def _down(system: System, seconds: float) -> None:
    system.kill(NAME)
    time.sleep(seconds)


def _log_sizes(system: System) -> dict[Path, int]:
    return {path: path.stat().st_size for path in (_data(system) / APPEND_ONLY).glob("*.incr.aof")}


def _copy(system: System, to: Path) -> None:
    """A consistent copy: Valkey stands still meanwhile."""
    shutil.rmtree(to, ignore_errors=True)
    os.kill(system.pid(NAME), signal.SIGSTOP)
    try:
        shutil.copytree(_data(system) / APPEND_ONLY, to / APPEND_ONLY)
    finally:
        os.kill(system.pid(NAME), signal.SIGCONT)
    os.utime(to)
