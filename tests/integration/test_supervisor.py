"""The supervisor: every way a part can die is told, and nothing is left."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tickstock_automation.errors import PartDied
from tickstock_automation.local.processes import end_all, read_records
from tickstock_automation.local.supervisor import Supervisor

pytestmark = pytest.mark.resilience


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


def death_of(supervisor: Supervisor) -> str:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            supervisor.check()
        except PartDied as died:
            return str(died)
        time.sleep(0.02)
    raise AssertionError("nothing died")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("print('about to fail'); raise SystemExit(3)", "ended with exit code 3"),
        ("print('about to fail'); import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV"),
        ("print('about to fail')", "ended with exit code 0"),
    ],
)
def test_how_a_part_died_and_what_it_said_last(tmp_path: Path, code: str, words: str) -> None:
    supervisor = Supervisor(tmp_path)
    supervisor.start("sleeper", python("import time; time.sleep(60)"), os.environ)
    supervisor.start("victim", python(code), os.environ)
    said = death_of(supervisor)
    supervisor.stop()
    assert said.startswith(f"victim {words}")
    assert "about to fail" in said
    assert (tmp_path / "logs" / "victim.log").read_text() == "about to fail\n"


def test_a_part_that_said_nothing(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    supervisor.start("mute", python("raise SystemExit"), os.environ)
    assert "it said nothing" in death_of(supervisor)
    supervisor.stop()


def test_a_part_that_does_not_listen_is_ended_by_force_with_its_children(tmp_path: Path) -> None:
    deaf = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print(child.pid); time.sleep(60)"
    )
    supervisor = Supervisor(tmp_path)
    part = supervisor.start("worker deaf", python(deaf), os.environ)
    while not part.lines:
        time.sleep(0.02)
    child = int(part.lines[0])
    end_all([part.record], grace_s=0.3)
    supervisor.forget()
    for _ in range(100):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            break
        if Path(f"/proc/{child}/stat").read_text().split()[2] == "Z":
            break
        time.sleep(0.02)
    else:
        raise AssertionError("its child is alive")


def test_lines_go_to_the_screen_with_the_parts_name(tmp_path: Path) -> None:
    shown: list[tuple[str, str]] = []
    supervisor = Supervisor(tmp_path, lambda name, line: shown.append((name, line)))
    supervisor.start("talker", python("print('one'); print('two')"), os.environ)
    death_of(supervisor)
    supervisor.stop()
    assert shown == [("talker", "one"), ("talker", "two")]


def test_a_recycled_process_id_is_not_ended(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    part = supervisor.start("innocent", python("import time; time.sleep(60)"), os.environ)
    [record] = read_records(tmp_path)
    earlier = type(record)(record.name, record.pid, record.began - 100, signal.SIGTERM)
    assert end_all([earlier]) == []
    assert part.alive()
    supervisor.stop()
