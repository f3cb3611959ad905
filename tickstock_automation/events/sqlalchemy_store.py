"""The store for SQLAlchemy; imported only by who has SQLAlchemy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Column, Engine, Float, Index, MetaData, String, Table, delete, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from tickstock_automation.events.consumer.entries import TryLater
from tickstock_automation.events.consumer.stores import KEPT_S, PRUNE_S

HANDLED = Table(
    "handled_events",
    MetaData(),
    Column("consumer", String(200), primary_key=True),
    Column("event_id", String(36), primary_key=True),
    Column("handled_at", Float, nullable=False),
    Index("ix_handled_events_handled_at", "handled_at"),
)


class SqlAlchemyStore:
    """Any database that SQLAlchemy speaks to. Handlers get a Session, with a transaction begun.

    The table `handled_events` is made where it is absent, unless `make_table` is False (a migration of yours made it).
    """

    def __init__(self, engine: Engine, *, make_table: bool = True) -> None:
        self._sessions = sessionmaker(engine)
        self._dialect = engine.dialect.name
        self._pruned = 0.0
        if make_table:
            HANDLED.metadata.create_all(engine)

    def passing(self, error: Exception) -> bool:
        """The connection is lost or cannot be made, or the database broke the transaction off for another's sake."""
        return isinstance(error, DBAPIError) and (
            error.connection_invalidated or (isinstance(error, OperationalError) and self._dialect != "sqlite")
        )

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session in a transaction."""
        with self._sessions.begin() as session:
            yield session

    def record(self, transaction: Session, consumer: str, event_id: str) -> bool:
        """Notes the event; prunes old notes once an hour. TryLater where a sibling is handling it at this moment."""
        now = time.time()
        if now - self._pruned > PRUNE_S:
            self._pruned = now
            transaction.execute(delete(HANDLED).where(HANDLED.c.handled_at < now - KEPT_S))
        known = select(HANDLED.c.event_id).where(HANDLED.c.consumer == consumer, HANDLED.c.event_id == event_id)
        if transaction.execute(known).first() is not None:
            return False
        try:
            transaction.execute(insert(HANDLED).values(consumer=consumer, event_id=event_id, handled_at=now))
        except IntegrityError:
            raise TryLater(f"another process of {consumer} is handling {event_id}") from None
        return True
