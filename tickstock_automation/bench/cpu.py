"""How much processor time the parts used: it tells what a rate is limited by."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import psutil

from tickstock_automation.local.supervisor import Part


def cpu_seconds(parts: Iterable[Part]) -> dict[str, float]:
    """Seconds of processor time by part so far, its living children included."""
    return {part.name: sum(map(_used, _family(part.process.pid))) for part in parts}


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _used(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0
