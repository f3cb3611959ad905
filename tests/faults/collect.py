"""Reads what a run left behind: database, streams, notebooks, the exact consumer's file."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import redis

from tests.faults.actors import LIVE, PLAIN_CONSUMERS, WRITERS, notebook
from tests.faults.history import History, Row
from tests.faults.ledger import ticker
from tests.faults.records import Follower, Seen, seen, seen_of
from tests.faults.system import System
from tests.faults.writer import COMMITTED, DOOMED
from tickstock_automation.events.catalogue import CANARY_CHANNEL, STREAM_PREFIX, decode

PAGE = 5000
OUTBOX = "SELECT id::text, seq, channel, data FROM outbox ORDER BY seq"
LEDGER = "SELECT token::text, symbol_id, version FROM fault_ledger"
EFFECTS = "SELECT 0, id, seq, symbol, token, digest FROM effects WHERE place > ? ORDER BY place"


def collect(system: System, undrained: str) -> History:
    """The history of a run that is over."""
    history = History(outbox=outbox(system), undrained=undrained)
    with contextlib.closing(system.admin()) as admin, admin.cursor() as cursor:
        cursor.execute(LEDGER)
        history.ledger = {token: (ticker(symbol_id), version) for token, symbol_id, version in cursor}
    _read_writers(system.state, history)
    tails = StreamTails(system.redis_url)
    for channel, found in tails.news():
        history.streams.setdefault(channel, []).append(found)
    history.live = list(Follower(notebook(system.state, LIVE)).seen())
    history.plain = sorted(one for name in PLAIN_CONSUMERS for one in Follower(notebook(system.state, name)).seen())
    history.exact = effects(system.state)
    history.exact_count = _counter(system.state)
    history.deaths = [
        f"{one.name} ended by itself {one.at_s:.1f} s after the start with exit code {one.code}; it said last:\n{one.said}"
        for one in system.deaths
    ]
    _give_versions(history)
    return history


def _give_versions(history: History) -> None:
    """From the ledger: an event's own transaction got its version after the event."""
    version = {token: version for token, (_, version) in history.ledger.items()}
    for found in (history.outbox, history.live, history.plain, history.exact, *history.streams.values()):
        found[:] = [one._replace(version=version.get(one.token, 0)) for one in found]  # type: ignore[attr-defined,index]


def outbox(system: System) -> list[Row]:
    """All committed events."""
    with contextlib.closing(system.admin()) as admin, admin.cursor() as cursor:
        cursor.execute(OUTBOX)
        return [_row(*values) for values in cursor]


def _row(id: str, seq: int, channel: str, data: str) -> Row:
    one = seen_of(id, seq, json.loads(data))
    return Row(id, seq, channel, one.symbol, one.token, one.digest)


def _read_writers(state: Path, history: History) -> None:
    noted = {COMMITTED: history.acknowledged, DOOMED: history.rolled_back}
    for name in WRITERS:
        for what, *tokens in Follower(notebook(state, name)).lines():
            noted[what].update(tokens)


class StreamTails:
    """Reads all streams on from where it stopped."""

    def __init__(self, redis_url: str) -> None:
        self._client = redis.Redis.from_url(redis_url, decode_responses=True, socket_timeout=30)
        self._last: dict[str, str] = {}

    def news(self) -> Iterator[tuple[str, Seen]]:
        """Channel and event of each new entry."""
        for stream in sorted(self._client.scan_iter(f"{STREAM_PREFIX}*", _type="stream")):
            while page := self._client.xrange(stream, f"({self._last.get(stream, '0-0')}", count=PAGE):
                for entry, fields in page:  # type: ignore[union-attr]
                    yield stream.removeprefix(STREAM_PREFIX), seen(decode(fields["event"]))
                    self._last[stream] = entry


def effects(state: Path, after: int = 0) -> list[Seen]:
    """The exact consumer's effects, in the order of their rows."""
    with contextlib.closing(sqlite3.connect(state / "effects.sqlite", timeout=10)) as connection:
        return [Seen(*values) for values in connection.execute(EFFECTS, (after,))]


def _counter(state: Path) -> int:
    with contextlib.closing(sqlite3.connect(state / "effects.sqlite", timeout=10)) as connection:
        return int(connection.execute("SELECT n FROM counters").fetchone()[0])


def told(rows: list[Row]) -> set[str]:
    """The ids that consumers of `tickstock.*` are to handle."""
    return {row.id for row in rows if row.channel != CANARY_CHANNEL}
