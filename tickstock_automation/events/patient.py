"""The relay's connection to PostgreSQL: every answer has a time limit, also from a server that is frozen or cut off."""

from __future__ import annotations

import select
import time
from typing import Any

import psycopg2
from psycopg2.extensions import POLL_ERROR, POLL_OK, POLL_READ, POLL_WRITE
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import cursor as Cursor  # noqa: N812

ANSWER_S = 5.0


class Patient:
    """An asynchronous connection used in turn, committing each statement; psycopg2.OperationalError after the limit."""

    def __init__(self, dsn: str, *, name: str, options: str = "", answer_s: float = ANSWER_S) -> None:
        self._answer_s = answer_s
        self._connection: Connection = psycopg2.connect(
            dsn, application_name=name, connect_timeout=int(answer_s), options=options, async_=1
        )
        self._begun: Cursor | None = None
        self._early: list[tuple[Any, ...]] | None = None
        self._wait()

    def ask(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement; none where it gives none. What was begun is waited for first, and kept for `finish`."""
        if self._begun is not None:
            self._early = self._collect()
        self._start(statement, values)
        return self._collect()

    def begin(self, statement: str, **values: Any) -> None:
        """Sends a statement, and does not wait: `finish` gives its rows."""
        self.drop()
        self._start(statement, values)

    def finish(self) -> list[tuple[Any, ...]]:
        """The rows of what was begun."""
        rows, self._early = self._early, None
        return self._collect() if rows is None else rows

    def drop(self) -> None:
        """Waits for what was begun, if anything was, and forgets its rows."""
        if self._begun is not None:
            self._collect()
        self._early = None

    def await_notice(self, seconds: float) -> set[str]:
        """Waits for a NOTIFY, at most so long; gives the payloads that came."""
        if not self._connection.notifies:
            select.select([self._connection], [], [], seconds)
            self._connection.poll()
        payloads = {notice.payload for notice in self._connection.notifies}
        self._connection.notifies.clear()
        return payloads

    def close(self) -> None:
        """Closes it."""
        self._connection.close()

    def _start(self, statement: str, values: dict[str, Any]) -> None:
        self._begun = self._connection.cursor()
        self._begun.execute(statement, values or None)  # None: a % in it is a %

    def _collect(self) -> list[tuple[Any, ...]]:
        assert self._begun is not None
        with self._begun as cursor:
            self._begun = None
            self._wait()
            return cursor.fetchall() if cursor.description else []

    def _wait(self) -> None:
        deadline = time.monotonic() + self._answer_s
        while (state := self._connection.poll()) != POLL_OK:
            if state == POLL_ERROR:
                raise psycopg2.OperationalError("the connection is broken")
            left = deadline - time.monotonic()
            ready: Any = ([], [], [])
            if left > 0 and state == POLL_READ:
                ready = select.select([self._connection], [], [], left)
            elif left > 0 and state == POLL_WRITE:
                ready = select.select([], [self._connection], [], left)
            if not any(ready):
                raise psycopg2.OperationalError(f"no answer within {self._answer_s:.0f} s")
