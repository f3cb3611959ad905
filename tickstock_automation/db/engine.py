"""Engine and sessions. Each transaction of a service begins under that service's role."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import psycopg2
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DisconnectionError, OperationalError
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.pool import ConnectionPoolEntry

from tickstock_automation.db.roles import Role
from tickstock_automation.errors import DatabaseConflict, DatabaseUnavailable
from tickstock_automation.settings import settings

CONNECT_TIMEOUT_S = 10
IDLE_S = 1.0
CONFLICTS = ("40P01", "40001")  # deadlock, serialization failure
SET_ROLE = text("SELECT set_config('role', :role, true)")


def make_engine(url: str, *, application: str = "tickstock", pool_size: int = 2) -> Engine:
    """An engine whose dead connections are noticed: keepalive on, one that lay idle is tried before it is used again."""
    found = create_engine(
        url,
        hide_parameters=True,
        pool_size=pool_size,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": application,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
    )
    event.listen(found, "checkin", _lies_idle)
    event.listen(found, "checkout", _try_after_idling)
    return found


def _lies_idle(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["since"] = time.monotonic()


def _try_after_idling(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
    """What SQLAlchemy's pre-ping does with each use, which costs a busy writer a round trip a transaction."""
    if time.monotonic() - record.info.get("since", float("inf")) < IDLE_S:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.rollback()
    except psycopg2.Error as error:
        raise DisconnectionError from error  # the pool makes a new one


@lru_cache(maxsize=1)
def engine() -> Engine:
    """The engine of this process. A forked child calls `forget_engine` first."""
    return make_engine(settings().database_url)


def forget_engine() -> None:
    """Lets go of the parent's connections after a fork, without closing them under the parent."""
    if engine.cache_info().currsize:
        engine().dispose(close=False)
        engine.cache_clear()


class ServiceSession(Session):
    """A session whose every transaction works under one role (`SET LOCAL ROLE`)."""

    def __init__(self, bind: Engine | Connection, role: Role) -> None:
        super().__init__(bind, expire_on_commit=False)
        self.role = role


@event.listens_for(ServiceSession, "after_begin")
def _take_role(session: ServiceSession, _transaction: SessionTransaction, connection: Connection) -> None:
    connection.execute(SET_ROLE, {"role": session.role.value})


@contextmanager
def transaction(role: Role, bind: Engine | None = None) -> Iterator[ServiceSession]:
    """One transaction under `role`: committed at the end, rolled back where anything is raised.

    Raises DatabaseUnavailable where PostgreSQL cannot be reached, DatabaseConflict where two transactions got into each
    other's way: both pass.
    """
    try:
        with ServiceSession(bind or engine(), role) as session, session.begin():
            yield session
    except OperationalError as error:
        if getattr(error.orig, "pgcode", None) in CONFLICTS:
            raise DatabaseConflict(
                f"PostgreSQL broke off one of two transactions: {first_line(error.orig)}", 1.0
            ) from error
        if error.connection_invalidated or "connect" in str(error.orig).lower():
            raise DatabaseUnavailable(f"PostgreSQL cannot be reached: {first_line(error.orig)}") from error
        raise


def first_line(error: Any) -> str:
    """What a driver's error says, without its SQL and its parameters."""
    return str(error).strip().partition("\n")[0]
