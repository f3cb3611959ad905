"""The application with a task that works until its worker is told to stop: `celery -A tests.stopping_worker worker`."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tickstock_automation import stopping
from tickstock_automation.celery import app

LIMIT_S = 60.0


@app.task(name="tests.until_stopping")
def until_stopping(name: str) -> None:
    book = Path(os.environ["STOPPING_BOOK"])
    (book / f"{name}.began").touch()
    deadline = time.monotonic() + LIMIT_S
    while not stopping.requested():
        assert time.monotonic() < deadline, "nobody said that the worker stops"
        time.sleep(0.02)  # this is its work
    (book / f"{name}.ended").write_text(str(os.getpid()))
