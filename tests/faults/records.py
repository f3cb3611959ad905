"""What a process saw of an event, as one line of its own append-only file: a kill loses no line and halves none."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tickstock_automation.events.catalogue import Event


class Seen(NamedTuple):
    """One sight of an event. Canaries have no symbol, and their probe as token.

    The version is the ledger's, looked up by the token when all is over; 0 where it has none.
    """

    at_ns: int
    id: str
    seq: int
    symbol: str
    token: str
    digest: str
    version: int = 0


def seen(event: Event, at_ns: int = 0) -> Seen:
    """An event as it is written down."""
    return seen_of(str(event.id), event.seq, event.data, at_ns)


def seen_of(id: str, seq: int, data: dict[str, Any], at_ns: int = 0) -> Seen:
    """The same from an event's parts; `digest` stands for all its content."""
    changes = data.get("changes", {})
    token = changes["token"]["new"] if "token" in changes else data.get("probe") or data.get("name") or ""
    content = json.dumps([seq, data], sort_keys=True).encode()
    digest = hashlib.blake2b(content, digest_size=8).hexdigest()
    return Seen(at_ns, id, seq, data.get("symbol", ""), token, digest)


class Notebook:
    """An append-only file; each line is one write of the system, so that siblings and kills leave whole lines."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def write(self, *words: object) -> None:
        """One line, its words divided by tabs."""
        os.write(self._file, ("\t".join(str(word) for word in words) + "\n").encode())

    def saw(self, event: Event) -> None:
        """An event, and when (nanoseconds of the machine's monotonic clock, which all its processes share)."""
        self.write(*seen(event, time.monotonic_ns())[:-1])


class Follower:
    """Reads a notebook on from where it stopped; a line that is still being written waits for the next time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._at = 0

    def lines(self) -> Iterator[list[str]]:
        """The words of each line that came since the last call."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._at)
            for raw in file:
                if not raw.endswith(b"\n"):
                    break
                self._at += len(raw)
                yield raw.decode().rstrip("\n").split("\t")

    def seen(self) -> Iterator[Seen]:
        """The events of those lines."""
        for at, id, seq, symbol, token, digest in self.lines():
            yield Seen(int(at), id, int(seq), symbol, token, digest)
