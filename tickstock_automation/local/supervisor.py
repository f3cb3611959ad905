"""Starts parts, shows or keeps what they say, notices when one dies, stops them in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tickstock_automation.errors import PartDied
from tickstock_automation.local.processes import Record, end_all, read_records, record, write_records
from tickstock_automation.local.servers import Login

LAST_LINES = 15
LOGS = "logs"
Show = Callable[[str, str], None]


@dataclass
class Part:
    """A process of the stack, the last lines it wrote, and where all of them are kept."""

    name: str
    process: subprocess.Popen[str]
    log: Path
    record: Record
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    reader: threading.Thread | None = None

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None


class Supervisor:
    """The processes of one stack. Each is a group of its own: the terminal's Ctrl-C reaches us, and we stop them in order."""

    def __init__(self, state: Path, show: Show = lambda _name, _line: None) -> None:
        self.state = state
        self.show = show
        self.parts: list[Part] = []
        self._guardian: subprocess.Popen[bytes] | None = None
        (state / LOGS).mkdir(exist_ok=True)

    def clear_leftovers(self) -> list[str]:
        """Ends what a killed stack left behind in this state directory; gives the names."""
        ended = end_all(read_records(self.state))
        write_records(self.state, [])
        return ended

    def guard(self) -> None:
        """Starts the guardian, which ends all parts when this process is killed."""
        self._guardian = subprocess.Popen(
            [sys.executable, "-m", "tickstock_automation.local.guardian", str(self.state)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def start(
        self,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        *,
        stop_signal: int = signal.SIGTERM,
        login: Login | None = None,
        on_line: Callable[[str], bool] = lambda _line: False,
    ) -> Part:
        """Starts a part. `on_line` sees each line first, and keeps it from log and screen by returning True."""
        user = login.uid if login else None
        process = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", errors="replace", start_new_session=True,
            user=user, group=login.gid if login else None, extra_groups=[] if user is not None else None,
            cwd="/" if user is not None else None,
        )  # fmt: skip
        part = Part(name, process, self.state / LOGS / f"{name}.log", record(name, process.pid, stop_signal))
        self.parts.append(part)
        write_records(self.state, [one.record for one in self.parts])
        part.reader = threading.Thread(target=self._read, args=(part, on_line), daemon=True, name=f"log of {name}")
        part.reader.start()
        return part

    def check(self) -> None:
        """Raises PartDied where a part has ended, with its name and last lines."""
        for part in self.parts:
            if not part.alive():
                if part.reader is not None:
                    part.reader.join(1)
                code = part.process.returncode
                how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
                said = "\n".join(f"    {line}" for line in part.lines) or "    (it said nothing)"
                raise PartDied(f"{part.name} {how}. Its last lines, all of them in {part.log}:\n{said}")

    def stop(self) -> None:
        """Stops all parts in order, by force where they do not go; then the guardian."""
        end_all([part.record for part in self.parts])
        self.forget()

    def kill_now(self, prefix: str) -> None:
        """Ends the parts whose name begins so, at once, with their children."""
        for part in self.parts:
            if part.name.startswith(prefix) and part.alive():
                os.killpg(part.process.pid, signal.SIGKILL)

    def kill(self) -> None:
        """Ends all parts at once."""
        for part in self.parts:
            if part.alive():
                os.killpg(part.process.pid, signal.SIGKILL)
        self.forget()

    def forget(self) -> None:
        """After the parts: their readers, their records, the guardian."""
        for part in self.parts:
            part.process.wait()
            if part.reader is not None:
                part.reader.join(1)
        write_records(self.state, [])
        self.parts.clear()
        if self._guardian is not None and self._guardian.stdin is not None:
            self._guardian.stdin.close()
            self._guardian.wait()
            self._guardian = None

    def _read(self, part: Part, on_line: Callable[[str], bool]) -> None:
        stream: IO[str] | None = part.process.stdout
        assert stream is not None
        with part.log.open("a", encoding="utf-8") as log:
            for raw in stream:
                line = raw.rstrip("\n")
                if on_line(line):
                    continue
                part.lines.append(line)
                log.write(raw)
                log.flush()
                self.show(part.name, line)
