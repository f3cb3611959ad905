"""Our processes as records on disk, so that what a killed stack left behind is found and ended, and nothing else is."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

RECORDS = "processes.json"
STAGES = (("relay", "tail"), ("vendor",), ("valkey", "postgres"))  # after all others, in this order
GRACE_S = 4.0
WHOLE_S = 8.0


@dataclass(frozen=True)
class Record:
    """A process: its id and when it began (seconds since 1970), which together never come twice."""

    name: str
    pid: int
    began: float
    stop_signal: int

    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.began) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def record(name: str, pid: int, stop_signal: int) -> Record:
    """The record of a process that runs now."""
    return Record(name, pid, psutil.Process(pid).create_time(), stop_signal)


def write_records(state: Path, records: list[Record]) -> None:
    """Replaces the records in one step."""
    temporary = state / f"{RECORDS}.new"
    temporary.write_text(json.dumps([asdict(one) for one in records]))
    temporary.replace(state / RECORDS)


def read_records(state: Path) -> list[Record]:
    """The records; none where there is no file, or a broken one."""
    try:
        return [Record(**one) for one in json.loads((state / RECORDS).read_text())]
    except (OSError, ValueError, TypeError):
        return []


def end_all(records: list[Record], grace_s: float = GRACE_S) -> list[str]:
    """Ends processes group by group, who works before whom they need; gives their names.

    By force after `grace_s` for a group, and eight seconds for all of them.
    """
    ended, last = [], time.monotonic() + WHOLE_S
    for one in records:
        _end_orphans(one)
    alive = [one for one in records if one.alive()]
    later = tuple(name for stage in STAGES for name in stage)
    groups = [[one for one in alive if not one.name.startswith(later)]]
    groups += [[one for one in alive if one.name.startswith(stage)] for stage in STAGES]
    for group in groups:
        for one in group:
            _signal(one, one.stop_signal)
        deadline = min(last, time.monotonic() + grace_s)
        while any(one.alive() for one in group) and time.monotonic() < deadline:
            _reap(group)
            time.sleep(0.02)
        for one in group:
            if one.alive():
                _signal(one, signal.SIGKILL)
            ended.append(one.name)
    deadline = time.monotonic() + 2
    while any(one.alive() for one in alive) and time.monotonic() < deadline:
        _reap(alive)
        time.sleep(0.02)
    return ended


def _end_orphans(one: Record) -> None:
    """Children of a leader that was killed: they began after it, in its group, which no new process can have joined."""
    if one.alive():
        return
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) == one.pid and process.pid != one.pid and process.create_time() >= one.began:
                process.kill()


def _reap(group: list[Record]) -> None:
    for one in group:
        with contextlib.suppress(ChildProcessError):  # not ours to wait for
            os.waitpid(one.pid, os.WNOHANG)


def _signal(one: Record, number: int) -> None:
    """To the whole group of a worker, whose children must go too; to the one process otherwise."""
    with contextlib.suppress(ProcessLookupError):
        if number == signal.SIGKILL:
            os.killpg(one.pid, number)
        else:
            os.kill(one.pid, number)
