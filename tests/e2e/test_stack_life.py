"""A stack that stays: ready, watched over, stopped, killed, started again; and nothing of it is left over."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import Servers
from tests.e2e.conftest import START, Tickstock, own_ports, read_until, until
from tickstock_automation.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.resilience]
PARTS = [
    "postgres",
    "valkey",
    "vendor",
    "tail",
    "relay",
    "worker ipo_monitor",
    "worker data_quality_monitor",
    "beat",
    "flower",
]


def arguments(folder: Path) -> list[str]:
    return ["--data", str(folder), "--as-of", START.isoformat()]


def test_in_the_background_with_commands_beside_it(tickstock: Tickstock, folder: Path) -> None:
    started = tickstock("up", *arguments(folder), *own_ports(), "--background")
    assert started.returncode == 0, started.stderr
    told = json.loads(tickstock("status", "--json").stdout)
    assert told["ready"]
    assert list(told["parts"]) == PARTS
    assert all(told["parts"].values())
    assert told["sessions"][0]["state"] == "ready"

    doctor = json.loads(tickstock("doctor", "--json").stdout)
    assert doctor["good"], doctor
    second = tickstock("up", *arguments(folder))
    assert second.returncode == 2
    assert "runs in" in second.stderr

    inspected = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "tickstock_automation", "inspect", "registered"],
        env=tickstock.environment, cwd=tickstock.checkout, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    for task in ("symbols.scan", "bars.load_session", "bars.process_batch", "processing.dispatch", "quality.sweep"):
        assert task in inspected.stdout

    port = re.search(r"FLOWER_PORT=(\d+)", (tickstock.state / "stack.env").read_text())
    assert port
    with pytest.raises(urllib.error.HTTPError) as closed:
        urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/workers", timeout=5)
    assert closed.value.code == 401

    tail = subprocess.Popen(
        [sys.executable, "-m", "tickstock_automation.cli", "events", "tail", "--json"],
        env=tickstock.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert tail.stderr is not None
    assert tail.stdout is not None
    assert "listening" in tail.stderr.readline()
    swept = tickstock("quality", "sweep", "--as-of", "2024-02-28", "--json")
    assert json.loads(swept.stdout)["quality"]["checked"] == 4, swept.stderr
    seen = [json.loads(tail.stdout.readline())["event"]["event_type"] for _ in range(3)]
    assert seen == ["maintenance_started", "daily_summary", "maintenance_completed"]
    tail.terminate()
    tail.communicate()

    span = ("--symbols", "aaa", "--from", "2024-02-20", "--to", "2024-03-05", "--missing")
    planned = json.loads(tickstock("backfill", *span, "--plan", "--json").stdout)
    assert (planned["bars_wanted"], planned["calls"], planned["job_id"]) == (3, 1, None)
    unknown = tickstock("backfill", "--symbols", "NOPE")
    assert (unknown.returncode, "NOPE" in unknown.stderr) == (3, True)
    worked = tickstock("backfill", *span, "--json")
    assert worked.returncode == 0, worked.stderr
    job = json.loads(worked.stdout)
    assert (job["state"], job["bars"] + job["empty"], job["vendor_calls"]) == ("done", 3, 1)
    listed = json.loads(tickstock("backfill", "status", "--json").stdout)["jobs"]
    assert listed[0]["id"] == job["id"]
    again = tickstock("backfill", "cancel", str(job["id"]))
    assert (again.returncode, "has ended: done" in again.stderr) == (2, True)
    assert tickstock("backfill", "status", "999").returncode == 3
    why = json.loads(tickstock("bars", "why", "AAA", "2024-02-20", "--json").stdout)
    assert why["bar"]["load"]["endpoint"] in ("grouped", "range")
    usable = json.loads(tickstock("status", "--json").stdout)["morning"]
    assert (usable["usable"], usable["session"]) == (True, "2024-02-29")

    stopped = tickstock("down")
    assert stopped.returncode == 0, stopped.stderr
    assert tickstock.left() == []
    assert not (tickstock.state / "stack.env").exists()


def test_killed_started_again_stopped_with_ctrl_c_and_gone_on(tickstock: Tickstock, folder: Path) -> None:
    process = tickstock.start(*arguments(folder))
    said = read_until(process, "Ctrl-C stops everything")
    assert "Ready" in said
    for name in ("worker ipo_monitor", "relay"):
        assert name in said, "the parts' lines carry their names"
    process.kill()
    process.wait()
    until(lambda: not tickstock.left(), 15, "the end of what was left")

    process = tickstock.start(*arguments(folder))
    read_until(process, "Ctrl-C stops everything")
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=20)
    assert time.monotonic() - begun < 10
    assert "Stopping everything in order" in rest
    assert f"The data are kept in {tickstock.state}" in rest.replace("\n", "")
    assert tickstock.left() == []

    told = tickstock.once("--data", str(folder), "--as-of", START.isoformat(), "--days", "2")
    assert told["cycles"][0]["vendor_calls"] == 0
    assert told["cycles"][1]["scan"]["new"] == ["IPO"]


def test_without_its_guardian_the_next_start_clears_what_was_left(tickstock: Tickstock, folder: Path) -> None:
    process = tickstock.start(*arguments(folder))
    read_until(process, "Ctrl-C stops everything")
    for line in tickstock.left():
        if "local.guardian" in line:
            os.kill(int(line.partition(" ")[0]), signal.SIGKILL)
    process.kill()
    process.wait()
    assert tickstock.left() != []
    done = tickstock("up", "--once", *arguments(folder))
    assert done.returncode == 0, done.stderr
    assert "ended what a killed start left behind" in done.stderr
    assert tickstock.left() == []


def test_when_one_part_dies_the_whole_says_which_and_ends(tickstock: Tickstock, folder: Path) -> None:
    process = tickstock.start(*arguments(folder))
    read_until(process, "Ctrl-C stops everything")
    records = json.loads((tickstock.state / "processes.json").read_text())
    os.kill(next(one["pid"] for one in records if one["name"] == "valkey"), signal.SIGKILL)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "error: valkey was killed by SIGKILL. Its last lines" in " ".join(rest.split())
    assert tickstock.left() == []


def test_a_second_ctrl_c_forces(tickstock: Tickstock, folder: Path) -> None:
    process = tickstock.start(*arguments(folder))
    read_until(process, "Ctrl-C stops everything")
    process.send_signal(signal.SIGINT)
    read_until(process, "again forces")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode in (130, 0)
    until(lambda: not tickstock.left(), 5, "the end of all")


def test_killed_in_the_middle_of_its_first_backfill_it_goes_on(tickstock: Tickstock) -> None:
    wanted = ("--once", "--generate", "--as-of", "2025-03-03")
    process = tickstock.start(*wanted)
    log = tickstock.state / "logs" / "worker ipo_monitor.log"
    until(lambda: log.exists() and "scan done" in log.read_text(), 30, "the scan")
    process.kill()
    process.wait()
    until(lambda: not tickstock.left(), 15, "the end of what was left")
    told = json.loads(tickstock("up", "--json", *wanted).stdout)
    [cycle] = told["cycles"]
    assert (cycle["bars"]["loaded"], cycle["quality"]["checked"]) == (299, 300)
    symbols_new = told["events"]["tickstock.automation.symbols.new"]
    assert symbols_new["committed"] == symbols_new["received"]
    again = tickstock.once("--generate", "--as-of", "2025-03-03")
    assert all(one == {"committed": 0, "received": 0} for one in again["events"].values())


def test_given_servers_are_used_steps_are_left_out_and_a_day_without_a_session_moves_on(
    tickstock: Tickstock, folder: Path, settings: Settings, running: Servers
) -> None:
    assert settings.database_uri is not None
    told = tickstock.once(
        "--data", str(folder), "--as-of", "2024-03-02", "--only", "scan,eod",
        DATABASE_URI=settings.database_uri.get_secret_value(), REDIS_HOST="127.0.0.1",
        REDIS_PORT=str(running.redis_port), REDIS_PASSWORD=running.redis_password,
    )  # fmt: skip
    [cycle] = told["cycles"]
    assert cycle["session"] == "2024-03-04"
    assert cycle["bars"]["loaded"] == 5
    assert cycle["quality"] == {"checked": 0, "findings": 0, "by_check": {}}
    assert told["events"]["tickstock.quality.daily_summary"] == {"committed": 0, "received": 0}
    assert not (tickstock.state / "postgres").exists()
    assert not (tickstock.state / "valkey").exists()
