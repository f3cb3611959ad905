"""A worker's own relay: a process that it starts and stops beside its pool."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from celery import bootsteps

from tickstock_automation.settings import settings


class RelayStep(bootsteps.StartStopStep):
    """A worker's own relay, a process beside its pool: in a thread, fork and the GIL would spoil its latency."""

    def __init__(self, parent: Any, **_options: Any) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.enabled = settings().relay_in_worker

    def start(self, parent: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tickstock_automation.ops.relay_process", "--with-parent"], start_new_session=True
        )

    def stop(self, parent: Any) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()

    terminate = stop
