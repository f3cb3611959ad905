"""A consumer process: `python -m tests.faults.consumers plain NOTEBOOK`, or `exact SQLITE_FILE`. Two of each are siblings."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any

from tests.faults.records import Notebook, seen
from tickstock_automation.events.catalogue import Event
from tickstock_automation.events.consumer import Consumer, SqliteStore
from tickstock_automation.settings import settings

PLAIN, EXACT = "plain", "exact"
LEASE_S = 2.0
EFFECTS = """
CREATE TABLE effects (place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, seq INTEGER NOT NULL,
    symbol TEXT NOT NULL, token TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TABLE counters (n INTEGER NOT NULL);
INSERT INTO counters VALUES (0);
"""


def make_effects(path: Path) -> None:
    """The tables in which the exact consumer's effects show, double ones too: nothing in them is unique but the place."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(EFFECTS)
    connection.close()


def plain(notebook: Path) -> Consumer:
    """Notes each event it handles: at least once."""
    consumer, notes = _consumer(PLAIN), Notebook(notebook)

    @consumer.on("tickstock.*")
    def handle(event: Event, _data: Any) -> None:
        notes.saw(event)

    return consumer


def exact(path: Path) -> Consumer:
    """Adds a row and counts, in the transaction of its place: exactly once."""
    consumer = _consumer(EXACT)
    consumer.transactional(SqliteStore(path))

    @consumer.on("tickstock.*")
    def handle(event: Event, _data: Any, connection: sqlite3.Connection) -> None:
        _at, *values, _version = seen(event)
        connection.execute("INSERT INTO effects (id, seq, symbol, token, digest) VALUES (?, ?, ?, ?, ?)", values)
        connection.execute("UPDATE counters SET n = n + 1")

    return consumer


def _consumer(name: str) -> Consumer:
    return Consumer(name, settings().redis_url, start="oldest", lease_s=LEASE_S, attempts=5)


if __name__ == "__main__":
    {PLAIN: plain, EXACT: exact}[sys.argv[1]](Path(sys.argv[2])).run()
