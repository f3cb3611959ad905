"""A process that sends canary tasks to the worker: `python -m tests.faults.canaries NOTEBOOK [PAUSE_S]`."""

from __future__ import annotations

import sys
import time
from itertools import count
from pathlib import Path

from kombu.exceptions import OperationalError

from tests.faults.records import Notebook
from tickstock_automation.celery import CANARY_QUEUES, app

PAUSE_S = 0.4
PROBE = "probe"


def main(notebook: Path) -> None:
    """Sends until it is ended; each probe is noted before it is sent."""
    notes = Notebook(notebook)
    began = time.monotonic_ns()
    for number in count():
        service = list(CANARY_QUEUES)[number % len(CANARY_QUEUES)]
        probe = f"probe-{began}-{number}"
        notes.write(PROBE, time.monotonic_ns(), probe)
        try:
            app.send_task(
                "ops.canary", kwargs={"probe": probe, "service": service}, queue=CANARY_QUEUES[service], retry=False
            )
        except (OperationalError, OSError) as trouble:
            sys.stderr.write(f"canaries: {str(trouble).partition(chr(10))[0]}\n")
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
