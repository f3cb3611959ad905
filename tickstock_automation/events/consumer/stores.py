"""Where a handler's effects and the ids of the events that caused them are committed together."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

T = TypeVar("T")
KEPT_S = 30 * 86400  # ids are forgotten after it; an outbox sends nothing again that is older than a week
PRUNE_S = 3600.0
PASSING = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}  # fmt: skip


class Store(Protocol[T]):
    """A database of the consumer's own. `T` is what its handlers work with: a connection, a session."""

    def passing(self, error: Exception) -> bool:
        """Whether this error says that the store is away or busy, and not that the handler is wrong."""
        ...

    def transaction(self) -> AbstractContextManager[T]:
        """A transaction: committed at the end, rolled back by an exception."""
        ...

    def record(self, transaction: T, consumer: str, event_id: str) -> bool:
        """Notes within the transaction that this consumer handled the event; False where it did before."""
        ...


class SqliteStore:
    """A file of SQLite's. Handlers get its connection, with a transaction begun."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._pruned = 0.0
        with closing(self._connect()) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS handled_events (consumer TEXT, event_id TEXT, handled_at REAL NOT NULL,"
                " PRIMARY KEY (consumer, event_id)) WITHOUT ROWID"
            )

    def passing(self, error: Exception) -> bool:
        """Locked by another for long, full, not readable or writable at the moment."""
        return isinstance(error, sqlite3.OperationalError) and (error.sqlite_errorcode & 0xFF) in PASSING

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=10.0, isolation_level=None, check_same_thread=False)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction that takes the file's write lock at its begin."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:  # a full disk has rolled it back already
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def record(self, transaction: sqlite3.Connection, consumer: str, event_id: str) -> bool:
        """Notes the event; prunes old notes once an hour."""
        now = time.time()
        if now - self._pruned > PRUNE_S:
            self._pruned = now
            transaction.execute("DELETE FROM handled_events WHERE handled_at < ?", (now - KEPT_S,))
        noted = transaction.execute(
            "INSERT INTO handled_events VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (consumer, event_id, now)
        )
        return noted.rowcount == 1
