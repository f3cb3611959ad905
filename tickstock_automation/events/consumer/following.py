"""Follows the streams without keeping anything in Redis: what is there first, then what comes, each once, in order.

There is no seam between the past and the live, because both are read from the streams: a blocking read wakes as fast as
a channel would, and what comes while nobody is connected waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Literal
from uuid import UUID

import redis

from tickstock_automation.events.catalogue import STREAM_PREFIX, Event
from tickstock_automation.events.consumer.drivers import Async, Blocking
from tickstock_automation.events.consumer.effects import AwaitNews, Effect, Give, Handle, Pause, Run
from tickstock_automation.events.consumer.entries import ALL_CHANNELS, Entry, EventsTrimmed, Gap, reads, streams_of
from tickstock_automation.events.consumer.merge import Merge

WAIT_S = 1.0
BATCH = 500
CLOCKS_APART_S = 5.0
PAUSES_S = (0.1, 5.0)
REMEMBERED = 500_000

Since = Literal["oldest", "newest"] | datetime | UUID


@dataclass
class Follower:
    """The decisions. `work` yields effects; entries come as Give."""

    channels: Sequence[str]
    since: Since
    live: bool = True
    on_gap: Callable[[Gap], None] | None = None
    on_trouble: Callable[[Exception], None] = lambda _error: None
    _given: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        streams = streams_of(self.channels)
        begin = "0-0"
        if self.since == "newest":
            begin = "$"
        elif isinstance(self.since, datetime):
            begin = f"{max(0, int(self.since.timestamp() * 1000) - 1)}-{2**63 - 1}"
        self._merge = Merge(streams)
        self._at = dict.fromkeys(streams, (begin, -1))
        self._newest: dict[str, str] = {}
        self._anew = False
        self._floor = self.since if isinstance(self.since, datetime) else None
        if self.since == "newest":
            self._floor = datetime.now(UTC) - timedelta(seconds=CLOCKS_APART_S)
        self._seek = str(self.since) if isinstance(self.since, UUID) else None

    def work(self) -> Generator[Effect, Any, None]:
        """Gives entries for ever; with `live` off, until all that is there was given."""
        pause = PAUSES_S[0]
        while True:
            try:
                yield from self._fill()
                pause = PAUSES_S[0]
                while (entry := self._merge.head()) is not None:
                    self._merge.pop(entry)
                    if self._wanted(entry):
                        yield Give(entry)
                if self._merge.behind:
                    continue
                if self._seek is not None:
                    raise LookupError(f"no event {self._seek} is in the streams (any more)")
                if not self.live:
                    return
                yield AwaitNews(dict(self._newest), WAIT_S)
            except (redis.AuthenticationError, redis.exceptions.NoPermissionError):
                raise  # waiting does not help
            except redis.RedisError as trouble:
                self.on_trouble(trouble)
                yield Pause(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- jitter, no secret
                pause = min(pause * 2, PAUSES_S[1])

    def _fill(self) -> Generator[Effect, Any, None]:
        accepted = dict.fromkeys(self._at, 0)
        while True:
            wanted = self._merge.wanted()
            words = [word for stream in wanted for word in (*self._at[stream], accepted[stream])]
            reply = yield Run("follow", wanted, [BATCH, *words])
            found = reads(reply[1])
            self._merge.add(found)
            for read in found:
                if not read.missed:
                    self._at[read.stream] = (read.cursor, read.passed)
                self._newest[read.stream] = read.cursor
                self._anew = self._anew or bool(read.anew)
                accepted[read.stream] += read.missed
                if read.missed:
                    gap = Gap(read.stream.removeprefix(STREAM_PREFIX), read.missed)
                    if self.on_gap is None:
                        raise EventsTrimmed(gap)
                    self.on_gap(gap)
            if not any(read.missed for read in found):
                return

    def _wanted(self, entry: Entry) -> bool:
        if self._seek is not None:
            if entry.id == self._seek:
                self._seek = None
                self._floor = entry.event.timestamp if entry.event else None
            self._given[entry.key] = None
            return False
        if entry.event is None or entry.key in self._given:
            return False
        if self._anew and self._floor is not None and entry.event.timestamp < self._floor:
            return False  # Redis was wiped, and it is sent again with all that lies before the beginning
        self._given[entry.key] = None
        for key in list(islice(self._given, max(0, len(self._given) - REMEMBERED))):
            del self._given[key]
        return True


def follow(
    redis_url: str,
    channels: Sequence[str] = ALL_CHANNELS,
    *,
    since: Since = "newest",
    live: bool = True,
    on_gap: Callable[[Gap], None] | None = None,
    on_trouble: Callable[[Exception], None] = lambda _error: None,
) -> Iterator[tuple[str, Event]]:
    """Events as (channel, event): those in the streams since a moment or behind an event's id, then what comes, for ever.

    Each once and in the order they were sent, also across a lost connection or a Redis that came back older or empty.
    live=False ends with what is there. Raises EventsTrimmed at a gap where `on_gap` is not given, LookupError where the
    event to begin behind is not in the streams any more.
    """
    step = Follower(channels, since, live, on_gap, on_trouble).work()
    for effect, _ in Blocking(redis_url, lambda: True).give(step):
        assert isinstance(effect, Give)
        assert effect.entry.event is not None
        yield effect.entry.channel, effect.entry.event


async def follow_async(
    redis_url: str,
    channels: Sequence[str] = ALL_CHANNELS,
    *,
    since: Since = "newest",
    live: bool = True,
    on_gap: Callable[[Gap], None] | None = None,
    on_trouble: Callable[[Exception], None] = lambda _error: None,
) -> AsyncIterator[tuple[str, Event]]:
    """`follow` for asyncio."""
    found: asyncio.Queue[Entry | None] = asyncio.Queue(BATCH)

    async def give(effect: Handle | Give) -> None:
        assert isinstance(effect, Give)
        await found.put(effect.entry)

    async def run() -> None:
        try:
            await Async(redis_url, lambda: True).run(Follower(channels, since, live, on_gap, on_trouble).work(), give)
        except Exception:
            await found.put(None)
            raise
        await found.put(None)

    task = asyncio.create_task(run())
    try:
        while (entry := await found.get()) is not None:
            assert entry.event is not None
            yield entry.channel, entry.event
        await task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
