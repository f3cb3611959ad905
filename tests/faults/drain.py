"""After everything is healed: waits until all that was committed has arrived everywhere, or says what has not, and why."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg2
import redis

from tests.faults.actors import CONSUMERS, PLAIN_CONSUMERS, RELAYS, notebook
from tests.faults.collect import StreamTails, effects, outbox, told
from tests.faults.records import Follower
from tests.faults.system import System

POLL_S = 0.25


@dataclass
class Patience:
    """How long nothing may move (seconds), and how long all of it may take."""

    still_s: float
    whole_s: float


class Books:
    """What has arrived where; each place is read on from where it was read before."""

    def __init__(self, system: System) -> None:
        rows = outbox(system)
        self.waiting = {"the streams": {row.id for row in rows}, "plain": told(rows), "exact": told(rows)}
        self._state = system.state
        self._tails = StreamTails(system.redis_url)
        self._notes = [Follower(notebook(system.state, name)) for name in PLAIN_CONSUMERS]
        self._effects = 0

    def read(self) -> bool:
        """Whether anything moved; what came again counts too: a consumer goes through all of it after a wipe."""
        sent = [one.id for _, one in self._tails.news()]
        handled = [one.id for notes in self._notes for one in notes.seen()]
        effected = [one.id for one in effects(self._state, self._effects)]
        self._effects += len(effected)
        for place, came in (("the streams", sent), ("plain", handled), ("exact", effected)):
            self.waiting[place].difference_update(came)
        return bool(sent or handled or effected)

    def missing(self) -> int:
        """How many have not arrived, in all places."""
        return sum(map(len, self.waiting.values()))


def await_all(system: System, patience: Patience) -> str:
    """Empty when everything arrived; else a diagnosis."""
    books = Books(system)
    began = moved = time.monotonic()
    books.read()
    while books.missing():
        time.sleep(POLL_S)
        if books.read():
            moved = time.monotonic()
        waited, still = time.monotonic() - began, time.monotonic() - moved
        if books.missing() and (still > patience.still_s or waited > patience.whole_s):
            return _diagnosis(system, books, waited, still)
    return ""


def _diagnosis(system: System, books: Books, waited_s: float, still_s: float) -> str:
    lines = [f"after {waited_s:.0f} s, the last {still_s:.0f} s of them without any progress:"]
    for place, missing in books.waiting.items():
        if missing:
            lines.append(f"  {len(missing)} events have not arrived in {place}: {', '.join(sorted(missing)[:3])} ...")
    lines.append(f"  PostgreSQL: {_or_trouble(lambda: _database(system))}")
    lines.append(f"  Valkey: {_or_trouble(lambda: _numbers(system))}")
    for name in (*RELAYS, *CONSUMERS):
        part = system.parts[name]
        said = " | ".join(list(part.lines)[-3:])
        lines.append(f"  {name} {'runs' if part.alive() else 'does not run'}; it said last: {said[:600]}")
    return "\n".join(lines)


def _or_trouble(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except (psycopg2.Error, redis.RedisError) as error:
        return f"does not answer: {error}"


def _database(system: System) -> str:
    with contextlib.closing(system.admin()) as admin, admin.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(r) FROM relay_state r")
        state = cursor.fetchall()
        cursor.execute("SELECT count(*) FILTER (WHERE batch IS NULL), max(batch) FROM outbox")
        return f"relay_state {state}, rows without a number and highest number {cursor.fetchone()}"


def _numbers(system: System) -> str:
    client = redis.Redis.from_url(system.redis_url, decode_responses=True, socket_timeout=5)
    return ", ".join(f"{key}={client.get(key)}" for key in client.scan_iter("tickstock:relay:*", _type="string"))
