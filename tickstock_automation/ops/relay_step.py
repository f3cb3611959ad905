"""A worker's own relay: a process that it starts, starts again when it ended, and stops beside its pool."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

from celery import bootsteps

from tickstock_automation.settings import settings

RESTART_S = 1.0


class RelayStep(bootsteps.StartStopStep):
    """A process and not a thread: fork and the GIL would spoil its latency."""

    def __init__(self, parent: Any, **_options: Any) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.enabled = settings().relay_in_worker
        self._stopping = threading.Event()

    def start(self, parent: Any) -> None:
        self._stopping.clear()
        self._launch()
        threading.Thread(target=self._watch, daemon=True, name="relay's watch").start()

    def stop(self, parent: Any) -> None:
        self._stopping.set()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()

    terminate = stop

    def _launch(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tickstock_automation.ops.relay_process", "--with-parent"], start_new_session=True
        )

    def _watch(self) -> None:
        while not self._stopping.wait(RESTART_S):
            if self.process is not None and self.process.poll() is not None:
                self._launch()
