"""A live subscriber process: `python -m tests.faults.live NOTEBOOK` notes every event it ever sees."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.faults.records import Notebook
from tickstock_automation.events.catalogue import CANARY_CHANNEL
from tickstock_automation.events.consumer import subscribe
from tickstock_automation.settings import settings


def _garbage(message: bytes) -> None:
    raise ValueError(f"live: no event: {message!r}")


def main(notebook: Path) -> None:
    """Listens until it is ended."""
    notes = Notebook(notebook)
    for _channel, event in subscribe(settings().redis_url, ("tickstock.*", CANARY_CHANNEL), on_garbage=_garbage):
        notes.saw(event)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
