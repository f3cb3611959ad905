"""What a durable consumer decides: who is active, what is handled next, what is acknowledged, tried again, set aside.

One of the siblings of a name is active, by a lease in Redis; the others stand by. Sharing the work by symbol would keep a
symbol's order too, but only with a group for each share and a hand-over at every change of their number; one process
handles more events than the relay sends. Every step that changes state is a script that checks the lease.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

import redis

from tickstock_automation.errors import LeaseLost
from tickstock_automation.events.catalogue import STREAM_PREFIX
from tickstock_automation.events.consumer.effects import AwaitNews, Command, Effect, Handle, Pause, Run
from tickstock_automation.events.consumer.entries import Entry, EventsTrimmed, Gap, TryLater, reads, streams_of
from tickstock_automation.events.consumer.handlers import Unusable
from tickstock_automation.events.consumer.merge import Merge

WAIT_S = 1.0
PAUSES_S = (0.1, 5.0)
REMEMBERED = 100_000  # handled ids kept in memory, for a Redis that lost its own
KEPT_S = 8 * 86400  # handled ids kept in Redis: longer than the outbox keeps what it could send again
MOST_KEPT = 1_000_000
HOUSEKEEPING_S = 60.0
MANY = "many"
MOST_OF_A_REASON = 2_000

Step = Generator[Effect, Any, Any]


@dataclass
class Options:
    """What a durable consumer is told; api.Consumer says what each means."""

    name: str
    channels: Sequence[str]
    start: Literal["oldest", "newest"] = "oldest"
    batch: int = 200
    lease_s: float = 3.0
    attempts: int = 5
    on_gap: Callable[[Gap], None] | None = None
    on_trouble: Callable[[Exception], None] = lambda _error: None

    def __post_init__(self) -> None:
        if self.name in ("", "outbox") or any(sign in self.name for sign in " *?[]{}"):
            raise ValueError(f"{self.name!r} cannot name a consumer: letters, digits, - _ . : are good")
        self.streams = [*streams_of(self.channels), self.key("retry")]

    def key(self, what: str) -> str:
        """A key of this consumer's own in Redis."""
        return f"consumer:{self.name}:{what}"


@dataclass
class Figures:
    """What a consumer did since it was made."""

    handled: int = 0
    set_aside: int = 0
    active: bool = False


@dataclass
class Durable:
    """The decisions of one consumer. `work` yields effects; a driver does them and sends back what came of it."""

    options: Options
    keep_on: Callable[[], bool] = lambda: True
    together: bool = False  # entries are handled many in one transaction
    figures: Figures = field(default_factory=Figures)
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    held_until: float = 0.0  # by time.monotonic, which goes on while a process is frozen

    def __post_init__(self) -> None:
        self._merge = Merge(self.options.streams)
        self._cursors: dict[str, str] = {}
        self._last: dict[str, str] = {}
        self._handled: dict[str, None] = {}
        self._start = {"oldest": "0", "newest": "$"}[self.options.start]
        self._hand = ""
        self._careful = 0
        self._housekept = 0.0

    # -- life ------------------------------------------------------------------------------------------------------

    def work(self) -> Step:
        """Works until `keep_on` says no; waits out trouble with Redis. Raises EventsTrimmed at a gap nobody hears of."""
        pause = PAUSES_S[0]
        while self.keep_on():
            try:
                if (yield from self._lease("take")):
                    pause = PAUSES_S[0]
                    yield from self._be_active()
                else:
                    self._start = "0"  # a sibling was there before: what it had not read is not to be skipped
                    yield Pause(min(0.25, self.options.lease_s / 4))
            except LeaseLost as lost:
                self.options.on_trouble(lost)
            except (redis.AuthenticationError, redis.exceptions.NoPermissionError):
                raise  # waiting does not help
            except redis.RedisError as trouble:
                self.options.on_trouble(trouble)
                yield Pause(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- jitter, no secret
                pause = min(pause * 2, PAUSES_S[1])
            finally:
                self.figures.active = False

    def _be_active(self) -> Step:
        """From the lease to the end. What a sibling, or this process before its connection broke, left comes first."""
        self._merge.clear()
        self._cursors = dict.fromkeys(self.options.streams, "0")
        self.figures.active = True
        yield from self._fill()
        yield from self._suspect()
        while self.keep_on():
            yield from self._housekeep()
            if self._merge.head() is not None:
                yield from self._handle_next()
            elif self._merge.behind:
                yield from self._fill()
            else:
                yield AwaitNews(dict(self._last), WAIT_S)
                yield from self._fill()
        yield from self._settle([], hand="")
        self.figures.active = False
        yield from self._lease("give")

    # -- the lease -------------------------------------------------------------------------------------------------

    def _lease(self, what: Literal["take", "renew", "give"]) -> Step:
        asked = time.monotonic()
        held = yield Run("lease", [self.options.key("lease")], [self.token, self.lease_ms, what])
        self.held_until = asked + self.options.lease_s if held else 0.0
        return bool(held)

    @property
    def lease_ms(self) -> int:
        return int(self.options.lease_s * 1000)

    def renewal(self) -> Run:
        """Keeps the lease meanwhile; True where it is still this process's."""
        return Run("lease", [self.options.key("lease")], [self.token, self.lease_ms, "renew"])

    def _still_hold(self) -> Step:
        """Before each handler: a process that was frozen asks before it goes on."""
        if time.monotonic() > self.held_until - self.options.lease_s / 4 and not (yield from self._lease("renew")):
            raise LeaseLost(f"another process handles the events of {self.options.name} now")

    def _checked(self, script: str, keys: Sequence[str], arguments: Sequence[str | int]) -> Step:
        """Runs a script that does nothing unless this process holds the lease, which it renews."""
        asked = time.monotonic()
        words = [self.token, self.lease_ms, self.options.name, *arguments]
        reply = yield Run(script, [self.options.key("lease"), *keys], words)
        if reply[0] != 1:
            raise LeaseLost(f"another process handles the events of {self.options.name} now")
        self.held_until = asked + self.options.lease_s
        return reply[1]

    # -- reading ---------------------------------------------------------------------------------------------------

    def _fill(self) -> Step:
        """Reads the streams of which nothing waits."""
        key, accepted = self.options.key, dict.fromkeys(self.options.streams, 0)
        while True:
            wanted = self._merge.wanted()
            found = reads(
                (
                    yield from self._checked(
                        "fetch",
                        [key("handled"), key("position"), *wanted],
                        [self.options.batch, self._start, *self._places(wanted, accepted)],
                    )
                )
            )
            self._start = "0"  # a group that is missing from now on was lost, with what it had not read
            self._merge.add(found)
            for read in found:
                was, self._cursors[read.stream] = self._cursors[read.stream], read.cursor
                self._last[read.stream] = read.last_id
                for missed in (read.lost, read.missed):
                    if missed:
                        self._tell(Gap(read.stream.removeprefix(STREAM_PREFIX), missed))
                told = accepted[read.stream] if read.lost or was == ">" else 0  # lost ones were settled by this read
                accepted[read.stream] = told + read.missed + read.lost
            if not any(read.missed or read.lost for read in found):
                return

    def _places(self, streams: Sequence[str], accepted: dict[str, int]) -> list[str | int]:
        """Where to read each stream, and how many of its gap were told."""
        return [word for stream in streams for word in (self._cursors[stream], accepted[stream])]

    def _tell(self, gap: Gap) -> None:
        if self.options.on_gap is None:
            raise EventsTrimmed(gap)
        self.options.on_gap(gap)

    # -- handling --------------------------------------------------------------------------------------------------

    def _handle_next(self) -> Step:
        entries = self._next()
        if entries[0].key in self._handled:  # Redis forgot, or did not hear of it; this process did not
            yield from self._settle(entries, hand=self._coming())
        else:
            yield from self._handle(entries)

    def _next(self) -> list[Entry]:
        """The entries that come next: one, or as many as go into one transaction; all were handled before, or none."""
        limit = self.options.batch if self.together and not self._careful else 1
        self._careful = max(0, self._careful - 1)
        taken: list[Entry] = []
        while len(taken) < limit and (entry := self._merge.head()) is not None:
            if taken and (entry.key in self._handled) != (taken[0].key in self._handled):
                break
            self._merge.pop(entry)
            taken.append(entry)
        return taken

    def _handle(self, entries: list[Entry]) -> Step:
        yield from self._still_hold()
        hand = entries[0].key if len(entries) == 1 else MANY
        if self._hand != hand:
            yield from self._settle([], hand=hand)
        error = yield Handle(entries)
        if error is None:
            yield from self._done(entries)
        elif len(entries) == 1:
            yield from self._insist(entries[0], error)
        else:  # nothing of it was stored; find the one
            for entry in entries:
                if self.keep_on():
                    yield from self._handle([entry])

    def _done(self, entries: list[Entry]) -> Step:
        self.figures.handled += len(entries)
        self._handled.update((entry.key, None) for entry in entries)
        for key in list(islice(self._handled, max(0, len(self._handled) - REMEMBERED))):
            del self._handled[key]
        yield from self._settle(entries, hand=self._coming())

    def _coming(self) -> str:
        """What will be in hand next, so that one call acknowledges and notes it."""
        head = self._merge.head()
        return "" if head is None or self._careful else MANY if self.together else head.key

    def _settle(self, entries: list[Entry], hand: str) -> Step:
        key = self.options.key
        yield from self._checked(
            "settle",
            [key("handled"), key("position"), key("attempts"), *(entry.stream for entry in entries)],
            [hand, *(word for entry in entries for word in (entry.entry_id, entry.id, entry.key))],
        )
        self._hand = hand

    # -- what goes wrong -------------------------------------------------------------------------------------------

    def _suspect(self) -> Step:
        """A sibling died with an event in hand: the event may be why. With many in hand: finds out which, one by one."""
        hand = yield Command(["HGET", self.options.key("position"), "hand"])
        head = self._merge.head()
        own, self._hand = self._hand, hand or ""
        if hand and hand == own:
            return  # this process noted it and lives: its connection broke
        if hand == MANY:
            self._careful = self.options.batch
        elif hand and head is not None and head.key == hand and head.key not in self._handled:
            attempts = yield from self._count(head)
            if attempts >= self.options.attempts:
                self._merge.pop(head)
                yield from self._set_aside(head, "the process ended each time it was handled", attempts)

    def _insist(self, entry: Entry, error: Exception) -> Step:
        """Tries an event again, with growing pauses, until it is handled or has failed too often."""
        pause = PAUSES_S[0]
        while True:
            if isinstance(error, TryLater):
                self.options.on_trouble(error)
            else:
                attempts = yield from self._count(entry)
                if isinstance(error, Unusable) or attempts >= self.options.attempts:
                    yield from self._set_aside(entry, f"{type(error).__name__}: {error}", attempts)
                    return
            yield Pause(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- jitter, no secret
            pause = min(pause * 2, PAUSES_S[1])
            if not self.keep_on():
                return
            yield from self._still_hold()
            error = yield Handle([entry])
            if error is None:
                yield from self._done([entry])
                return

    def _count(self, entry: Entry) -> Step:
        attempts = yield Command(["HINCRBY", self.options.key("attempts"), entry.key, 1])
        return int(attempts)

    def _set_aside(self, entry: Entry, reason: str, attempts: int) -> Step:
        key = self.options.key
        self.figures.set_aside += 1
        self._handled[entry.key] = None
        id_ = str(entry.event.id) if entry.event else entry.id
        yield from self._checked(
            "set_aside",
            [key("handled"), key("attempts"), key("dead"), entry.stream],
            [entry.entry_id, id_, entry.key, entry.message, entry.channel, reason[:MOST_OF_A_REASON], attempts],
        )

    def _housekeep(self) -> Step:
        if time.monotonic() - self._housekept > HOUSEKEEPING_S:
            self._housekept = time.monotonic()
            yield Command(["ZREMRANGEBYSCORE", self.options.key("handled"), "-inf", int(time.time()) - KEPT_S])
            yield Command(["ZREMRANGEBYRANK", self.options.key("handled"), 0, -MOST_KEPT - 1])
