"""The command as a person types it, and what is left of it afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.builders import lively, write_bars
from tickstock_automation.local.ports import any_free
from tickstock_automation.sessions import calendar

TICKSTOCK = [sys.executable, "-m", "tickstock_automation.cli"]
DAYS = calendar().between(date(2024, 1, 2), date(2024, 3, 8))
START = DAYS[40]


class Tickstock:
    """`tickstock` on a state directory of its own."""

    def __init__(self, state: Path, checkout: Path) -> None:
        self.state = state
        self.checkout = checkout
        self.environment = {**os.environ, "TICKSTOCK_STATE_DIR": str(state), "COLUMNS": "160"}

    def __call__(self, *arguments: str, timeout: float = 90, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*TICKSTOCK, *arguments], env={**self.environment, **environment}, cwd=self.checkout,
            capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip

    def once(self, *arguments: str, **environment: str) -> dict[str, Any]:
        done = self("up", "--once", "--json", *arguments, **environment)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("\n") == 1, "one object and nothing else"
        return json.loads(done.stdout)  # type: ignore[no-any-return]

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*TICKSTOCK, "up", *arguments, *own_ports()], env={**self.environment, **environment}, cwd=self.checkout,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def left(self) -> list[str]:
        """Processes of this stack that are alive: by command line, environment, or folder (Valkey hides the other two)."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            try:
                if process.status() == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                    continue
                line = " ".join(process.info["cmdline"] or [])
                ours = str(self.state) in line or process.environ().get("TICKSTOCK_STATE_DIR") == str(self.state)
                if ours or process.cwd().startswith(str(self.state)):
                    found.append(f"{process.pid} {line}")
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found


def own_ports() -> list[str]:
    """Ports of a stack's own: another test may be starting one on the usual ones at this moment."""
    return [word for name in ("postgres", "valkey", "vendor", "flower") for word in (f"--{name}-port", str(any_free()))]


def until(done: Callable[[], Any], seconds: float = 40.0, what: str = "it") -> Any:
    deadline = time.monotonic() + seconds
    while True:
        found = done()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """What a process wrote up to a line with these words."""
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it ended without {words!r}:\n{said}")


@pytest.fixture
def tickstock(tmp_path: Path, checkout: Path) -> Iterator[Tickstock]:
    found = Tickstock(tmp_path / "state", checkout)
    found.state.mkdir()
    yield found
    for line in found.left():
        os.kill(int(line.partition(" ")[0]), signal.SIGKILL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five companies; one lists on the second session, one split there, one bar that is wrong on the third."""
    wrong = ("BBB", DAYS[42])
    rows = [
        lively(name, day, 2000.0 if (name, day) == wrong else 20.0, 5000.0)
        for name in ("AAA", "BBB", "CCC", "DDD") for day in DAYS
    ]  # fmt: skip
    rows += [lively("IPO", day, 30.0) for day in DAYS if day > START]
    found = write_bars(tmp_path / "bars", rows)
    (found / "splits.csv").write_text(f"ticker,execution_date,split_from,split_to\nAAA,{DAYS[41]},1,7\n")
    return found
