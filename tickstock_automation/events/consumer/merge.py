"""Puts the entries of several streams into the order in which they were sent. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from tickstock_automation.events.consumer.entries import Entry, Read


class Merge:
    """Heads of streams that were read in part.

    All empty ones are read together, at one moment. What a stream has not given by then comes behind all that was there at
    that moment: a stream that gave less than was asked for may be passed. One that stopped at its limit, or that was not
    read at that moment since some of it still waited, has to be read again before it is passed.
    """

    def __init__(self, streams: Iterable[str]) -> None:
        self._waiting: dict[str, deque[Entry]] = {stream: deque() for stream in streams}
        self._unread: set[str] = set()

    def wanted(self) -> list[str]:
        """The streams to read next."""
        return [stream for stream, entries in self._waiting.items() if not entries]

    def add(self, found: Sequence[Read]) -> None:
        """Takes what was read."""
        self._unread |= self._waiting.keys() - {read.stream for read in found}
        for read in found:
            self._waiting[read.stream].extend(read.entries)
            self._unread.discard(read.stream)
            if read.more:
                self._unread.add(read.stream)

    def head(self) -> Entry | None:
        """The entry that comes next; None where a stream has to be read first."""
        if any(not self._waiting[stream] for stream in self._unread):
            return None
        heads = [entries[0] for entries in self._waiting.values() if entries]
        return min(heads, key=lambda entry: entry.order) if heads else None

    @property
    def behind(self) -> bool:
        """Whether a stream is known to hold more than was read of it."""
        return bool(self._unread)

    def pop(self, entry: Entry) -> None:
        """Takes the head off."""
        assert self._waiting[entry.stream][0] is entry
        self._waiting[entry.stream].popleft()

    def clear(self) -> None:
        """Forgets what waits."""
        for entries in self._waiting.values():
            entries.clear()
        self._unread.clear()
