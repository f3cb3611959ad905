"""The subscriber: a process of its own that notes when its handler had each decoded event.

`python -m tickstock_automation.bench.subscriber FOLDER`. It uses the consumer library's `subscribe` for every message.
At the end of a run it puts what it noted into `received-RUN`.
"""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tickstock_automation.bench.marks import CONTROL, END_OF_RUN, mark_of
from tickstock_automation.events.consumer import ALL_CHANNELS, subscribe
from tickstock_automation.settings import settings

LISTENING = "listening"
LAYOUT = struct.Struct("<IIqq16s")


class Received(NamedTuple):
    """One delivery; the times are nanoseconds since 1970."""

    run: int
    transaction: int
    counts_ns: int
    received_ns: int
    id: bytes


def read_received(path: Path) -> Iterator[Received]:
    """What was noted in a run."""
    return (Received(*values) for values in LAYOUT.iter_unpack(path.read_bytes()))


def main() -> None:
    """Listens until it is ended."""
    folder = Path(sys.argv[1])
    notes, ended = bytearray(), 0
    events = subscribe(
        settings().redis_url, [*ALL_CHANNELS, CONTROL],
        on_ready=lambda: _say(LISTENING), on_lost=lambda error: _say(f"connection lost: {error}"),
    )  # fmt: skip
    for _channel, event in events:
        received_ns = time.time_ns()
        if event.event_type == END_OF_RUN:
            if event.data["run"] <= ended:  # said again, since the first time looked lost
                continue
            ended = event.data["run"]
            path = folder / f"received-{event.data['run']}"
            path.with_suffix(".new").write_bytes(notes)
            path.with_suffix(".new").rename(path)  # whole as soon as it can be seen
            notes.clear()
        else:
            notes += LAYOUT.pack(*mark_of(event), received_ns, event.id.bytes)


def _say(words: str) -> None:
    print(words, flush=True)  # noqa: T201 -- the benchmark reads it


if __name__ == "__main__":
    main()
