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
        before = log_sizes(_data(system))
        time.sleep(1.0)
        _down(system, 0)
        lost = cut_log(_data(system), before)
        time.sleep(planned.duration_s)
        system.start_valkey()
    return f"{NAME}, {lost} bytes of its log"


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


def log_sizes(data: Path) -> dict[Path, int]:
    """The files that Valkey's log consists of at the moment, beside the base they stand on."""
    return {path: path.stat().st_size for path in (data / APPEND_ONLY).glob("*.incr.aof")}


def cut_log(data: Path, before: dict[Path, int]) -> int:
    """Takes away what was written since; the bytes. A file begun since, by a rewrite, is emptied: else there were a hole."""
    lost = 0
    for path, size in log_sizes(data).items():
        kept = min(size, before.get(path, 0))
        os.truncate(path, kept)
        lost += size - kept
    return lost


def _copy(system: System, to: Path) -> None:
    """A consistent copy: Valkey stands still meanwhile."""
    shutil.rmtree(to, ignore_errors=True)
    os.kill(system.pid(NAME), signal.SIGSTOP)
    try:
        shutil.copytree(_data(system) / APPEND_ONLY, to / APPEND_ONLY)
    finally:
        os.kill(system.pid(NAME), signal.SIGCONT)
    os.utime(to)
