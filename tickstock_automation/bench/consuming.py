"""The durable consumer under measure: `python -m tickstock_automation.bench.consuming KIND EVENTS RESULT`.

Handles so many events and writes what it saw: from the first to the last, and how long each took from when it counts.
KIND is `plain` (each acknowledged by itself) or `transactional` (with a store in a file of SQLite's, many at once).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from tickstock_automation.bench.marks import CHANNEL, mark_of
from tickstock_automation.events.consumer import Consumer, Event, SqliteStore
from tickstock_automation.settings import settings


def main() -> None:
    """Stops by itself after the last."""
    kind, events, result = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    consumer = Consumer(f"bench-{kind}", settings().redis_url, [CHANNEL])
    times: list[int] = []
    lags: list[int] = []

    def note(event: Event, *_rest: Any) -> None:
        now = time.time_ns()
        times.append(now)
        lags.append(now - mark_of(event).counts_ns)
        if len(times) == events:
            consumer.stop()

    consumer.on("tickstock.*")(note)
    if kind == "transactional":
        consumer.transactional(SqliteStore(result.with_suffix(".db")))
    print("ready", flush=True)  # noqa: T201 -- the benchmark reads it
    consumer.run()
    result.with_suffix(".new").write_text(json.dumps({"first": times[0], "last": times[-1], "lags": lags}))
    result.with_suffix(".new").rename(result)


if __name__ == "__main__":
    main()
