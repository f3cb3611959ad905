"""What is read from the streams, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from tickstock_automation.errors import Stop, TryAgain
from tickstock_automation.events.catalogue import STREAM_PREFIX, Channel, Event, decode

ALL_CHANNELS = ("tickstock.*",)


class TryLater(TryAgain):
    """For a handler to raise: what it needs is away, and the event is not to blame. It is tried again, however long."""


@dataclass(frozen=True)
class Gap:
    """Events of a channel that left its stream before this reader saw them (trimmed by age or length)."""

    channel: str
    missed: int


class EventsTrimmed(Stop):
    """A gap, and nobody was named to hear of it: take what you need from the database, then go on with `on_gap`."""

    def __init__(self, gap: Gap) -> None:
        self.gap = gap
        super().__init__(
            f"{gap.missed} events of {gap.channel} were trimmed away before they were read: read the present state from"
            " the database (role tickstock_app), and give `on_gap` to go on behind the gap"
        )


@dataclass(frozen=True)
class Entry:
    """An entry of a stream; `id` is empty for one that was set aside and sent back, and for what is no event.

    `channel` is the one it was sent on, also in the stream of those that were sent back.
    """

    stream: str
    entry_id: str
    id: str
    batch: int
    message: str
    channel: str

    @cached_property
    def event(self) -> Event | None:
        """The event in it; None where it holds none."""
        try:
            return decode(self.message)
        except ValidationError:
            return None

    @property
    def key(self) -> str:
        """What tells it from all others, also where it has no id."""
        return self.id or f"{self.stream} {self.entry_id}"

    @property
    def order(self) -> tuple[int, int]:
        """Batch, then seq: the order in which the relay sent, across streams."""
        return self.batch, self.event.seq if self.event else 0


@dataclass(frozen=True)
class Read:
    """What one read gave of one stream: `more` where it stopped at its limit."""

    stream: str
    more: bool
    cursor: str
    last_id: str
    missed: int
    lost: int
    entries: tuple[Entry, ...]
    passed: int = -1
    anew: bool = False


def reads(reply: Sequence[Sequence[Any]]) -> list[Read]:
    """The reads in a script's reply."""
    found = []
    for stream, more, cursor, last_id, missed, lost, rows, *passed in reply:
        entries = tuple(
            Entry(
                stream,
                row[0],
                row[1],
                int(row[2]) if row[2].isdigit() else 0,
                row[3],
                row[4] or stream.removeprefix(STREAM_PREFIX),
            )
            for row in rows
        )
        found.append(Read(stream, bool(more), cursor, last_id, missed, lost, entries, *passed))
    return found


def streams_of(channels: Sequence[str]) -> list[str]:
    """The streams of channels and patterns (`*` and `?`); ValueError where a pattern names none of the catalogue's.

    A name without a wildcard is taken as it is: it may be a channel of a newer catalogue.
    """
    found: dict[str, None] = {}
    for name in channels:
        matching = [str(channel) for channel in Channel if fnmatchcase(channel, name)]
        if not matching and any(sign in name for sign in "*?["):
            raise ValueError(f"no channel is named {name}: there are {', '.join(Channel)}")
        found.update(dict.fromkeys(STREAM_PREFIX + channel for channel in matching or [name]))
    if not found:
        raise ValueError("no channel was named")
    return list(found)
