"""What it was measured on."""

from __future__ import annotations

import os
import platform
from typing import Any

import psutil

from tickstock_automation.bench.rig import Rig


def machine(rig: Rig) -> dict[str, Any]:
    """Processors, versions, and the file system that the servers write to."""
    broker: Any = rig.broker()
    told = broker.info("server")
    with rig.database().cursor() as cursor:
        cursor.execute("SHOW server_version")
        row = cursor.fetchone()
    return {
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "filesystem": _filesystem(str(rig.folder)),
        "python": platform.python_version(),
        "postgres": row[0] if row else None,
        "valkey": told.get("valkey_version", told["redis_version"]),
        "load_1_min": round(os.getloadavg()[0], 2),
    }


def _filesystem(folder: str) -> str | None:
    mounted = [one for one in psutil.disk_partitions(all=True) if folder.startswith(one.mountpoint)]
    return max(mounted, key=lambda one: len(one.mountpoint)).fstype if mounted else None
