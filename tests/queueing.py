"""The work list with a clock of its own: the real statements, at the moment that the test says it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.builders import add_symbols
from tests.services import Seen
from tickstock_automation.db.engine import engine, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.processing import queue
from tickstock_automation.processing.dispatcher import dispatch
from tickstock_automation.processing.queue import Batch
from tickstock_automation.settings import Settings

MIDNIGHT = datetime(2030, 1, 2, tzinfo=UTC)
PAUSE_S = 30.0

_AT = text("UPDATE equity_processing_queue SET scheduled_time = :now, created_at = :now WHERE id > :last")


class WorkList(Seen):
    """The queue of one database. `now` moves only when the test moves it."""

    def __init__(self, settings: Settings, admin: Engine) -> None:
        super().__init__(admin)
        self.settings, self.now = settings, MIDNIGHT
        self.ids: dict[str, int] = {}

    def hurry(self) -> None:
        """Commits wait for no disk: for a test of thousands of transactions, in which nothing is killed."""
        with self.admin.connect() as connection:
            name = connection.execute(text("SELECT current_database()")).scalar_one()
            connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
        engine().dispose()

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def symbols(self, equity_type: str, names: Sequence[str]) -> None:
        self.ids |= add_symbols(self.admin, names, equity_type)

    def set_type(self, equity_type: str, **values: Any) -> None:
        for name, value in values.items():
            self.rows(
                f"UPDATE equity_types SET {name} = :value WHERE name = :type RETURNING 1", value=value, type=equity_type
            )

    def queue(self, equity_type: str, names: Sequence[str] | None = None) -> int:
        with transaction(Role.IPO_MONITOR) as session:
            last = session.execute(text("SELECT coalesce(max(id), 0) FROM equity_processing_queue")).scalar_one()
            queued = queue.queue_symbols(session, equity_type, names, "asked", self.settings.queue_bound)
            session.execute(_AT, {"now": self.now, "last": last})
        return queued

    def dispatch(self) -> list[tuple[Batch, str]]:
        sent: list[tuple[Batch, str]] = []
        dispatch(self.settings, lambda batch, to: sent.append((batch, to)), now=self.now)
        return sent

    def begin(self, token: int) -> None:
        with transaction(Role.IPO_MONITOR) as session:
            queue.renew(session, token, self.settings.lease_s, now=self.now)

    def finish(self, token: int, ids: Sequence[int] | None = None) -> list[int]:
        with transaction(Role.IPO_MONITOR) as session:
            return queue.finish(session, token, ids, now=self.now)

    def fail(self, token: int, error: str = "it broke") -> list[int]:
        with transaction(Role.IPO_MONITOR) as session:
            most = self.settings.max_attempts
            return queue.fail_batch(session, token, error, pause_s=PAUSE_S, most_attempts=most, now=self.now)

    def give_back(self, token: int, pause_s: float = 0.0) -> None:
        with transaction(Role.IPO_MONITOR) as session:
            queue.give_back(session, token, "the vendor says wait", pause_s=pause_s, now=self.now)

    def take_back(self) -> int:
        with transaction(Role.IPO_MONITOR) as session:
            return queue.take_back_lost(session, self.settings.max_attempts, now=self.now)

    def state(self, name: str) -> tuple[Any, ...]:
        """Status and attempts of a symbol's newest entry."""
        [row] = self.rows(
            "SELECT status, attempts FROM equity_processing_queue WHERE symbol_id = :id ORDER BY id DESC LIMIT 1",
            id=self.ids[name],
        )
        return tuple(row)


@pytest.fixture
def work(settings: Settings, admin: Engine) -> WorkList:
    return WorkList(settings, admin)
