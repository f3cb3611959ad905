"""The relay's connection to PostgreSQL: every answer has a time limit, also from a server that is frozen or cut off."""

from __future__ import annotations

import select
import time
from typing import Any

import psycopg2
from psycopg2.extensions import POLL_ERROR, POLL_OK, POLL_READ, POLL_WRITE
from psycopg2.extensions import connection as Connection  # noqa: N812

ANSWER_S = 5.0


class Patient:
    """An asynchronous connection used in turn, committing each statement; psycopg2.OperationalError after the limit."""

    def __init__(self, dsn: str, *, name: str, options: str = "", answer_s: float = ANSWER_S) -> None:
        self._answer_s = answer_s
        self._connection: Connection = psycopg2.connect(
            dsn, application_name=name, connect_timeout=int(answer_s), options=options, async_=1
        )
        self._wait()

    def ask(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """The rows of a statement; none where it gives none."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values or None)  # None: a % in it is a %
            self._wait()
            return cursor.fetchall() if cursor.description else []

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
