"""`tickstock bench`: its shape and that it leaves nothing behind; never how fast it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.integration, pytest.mark.performance, pytest.mark.slow, pytest.mark.timeout(300)]
LATENCY = {"mean_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms", "delivered_ratio", "committed", "delivered"}


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Where the benchmark makes its folder."""
    found = tmp_path / "tmp"
    found.mkdir()
    return found


def start(temporary: Path, checkout: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "TMPDIR": str(temporary), "DATABASE_URI": "postgresql://nobody:x@127.0.0.1:1/none"}
    return subprocess.Popen(
        [sys.executable, "-m", "tickstock_automation.cli", "bench", *arguments], env=environment, cwd=checkout,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def left(temporary: Path) -> list[str]:
    """Processes that know this folder, by command line, environment or working directory."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            line = " ".join(process.info["cmdline"] or [])
            ours = str(temporary) in line or process.environ().get("TMPDIR") == str(temporary)
            if process.status() != psutil.STATUS_ZOMBIE and (ours or process.cwd().startswith(str(temporary))):
                found.append(f"{process.pid} {line}")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def test_bench_events(temporary: Path, checkout: Path) -> None:
    bench = start(temporary, checkout, "events", "--seconds", "2", "--json")
    said, complaints = bench.communicate(timeout=280)
    assert bench.returncode == 0, complaints
    assert said.count("\n") == 1, "one object and nothing else"
    told = json.loads(said)
    assert told["delivery"].keys() >= LATENCY
    assert told["bare"].keys() >= LATENCY
    assert told["delivery"]["delivered_ratio"] == told["bare"]["delivered_ratio"] == 1.0
    assert told["delivery"]["committed"] == told["delivery"]["streamed"] == told["delivery"]["messages"] == 800
    assert told["delivery"].keys() >= {"held_up_ratio", "from_due", "after_commit"}
    assert told["ratio_p99"] > 0
    assert told["sustained_per_s"] > 0
    sustained = told["sustained"]
    assert sustained["committed"] == sustained["streamed"] == sustained["delivered"] == sustained["messages"]
    assert told["burst"]["committed"] == told["burst"]["streamed"] == told["burst"]["delivered"] == 5_000
    assert min(told["burst_per_s"], told["burst_live_per_s"]) > 0
    assert told["machine"].keys() >= {"cpus", "python", "postgres", "valkey"}
    assert told["seconds"] == 2
    assert told["consumer_per_s"] == told["consumer"]["plain_per_s"] > 0
    assert told["consumer"]["transactional_per_s"] > 0
    assert told["consumer"]["p99_ms"] > 0
    assert list(temporary.iterdir()) == []
    assert left(temporary) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing(temporary: Path, checkout: Path, number: signal.Signals) -> None:
    bench = start(temporary, checkout, "events", "--seconds", "60")
    deadline = time.monotonic() + 60
    while not any("relay" in line for line in left(temporary)):
        assert bench.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    bench.send_signal(number)
    bench.communicate(timeout=30)
    assert bench.returncode == 130
    assert list(temporary.iterdir()) == []
    assert left(temporary) == []
