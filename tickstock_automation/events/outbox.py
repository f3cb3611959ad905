"""Adding events: in the transaction that makes the change, so that both are committed or neither is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import uuid4

from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.events.catalogue import EventData, Service

SYMBOL_LOCKS = 0x7153  # the class of advisory locks that keep a symbol's events in the order of the commits
MOST_SYMBOLS = 1_000  # more advisory locks in one transaction end in "out of shared memory"

# One round trip: the symbols' locks are taken, lowest first, before the first row gets its seq. The transaction gets its id
# before too: the relay takes a seq for dead once all transactions of its time are over.
_ADD = text("""
WITH locked AS MATERIALIZED (
    SELECT pg_current_xact_id(), count(pg_advisory_xact_lock(:class, symbol))
      FROM (SELECT unnest(CAST(:symbols AS int[])) AS symbol ORDER BY 1) ordered)
INSERT INTO outbox (id, channel, service, event_type, version, symbol_id, data)
SELECT event.id, channel, :service, event_type, version, symbol_id, data
  FROM locked, unnest(CAST(:ids AS uuid[]), CAST(:channels AS text[]), CAST(:event_types AS text[]),
                      CAST(:versions AS bigint[]), CAST(:symbol_ids AS bigint[]), CAST(:data AS text[]))
       WITH ORDINALITY AS event (id, channel, event_type, version, symbol_id, data, place)
 ORDER BY place""")


@dataclass(frozen=True)
class Pending:
    """An event to add, and the symbol whose order it keeps (None: about no single symbol)."""

    data: EventData
    symbol_id: int | None = None


def add_events(session: Session, service: Service, events: Iterable[Pending]) -> None:
    """Adds events to the outbox within the session's transaction.

    Raises RuntimeError outside a transaction, ValueError for an event type that is not the service's own, for data that
    do not fit their model, and for more than 1,000 symbols at once (split a larger change into transactions); PostgreSQL refuses what the session's role may not publish.
    """
    if not session.in_transaction():
        raise RuntimeError("an event is added in the transaction of its change, and there is none")
    events = list(events)
    if not events:
        return
    for event in events:
        if service not in event.data.services:
            raise ValueError(f"{service} may not publish {event.data.event_type}")
    ids = {event.symbol_id for event in events if event.symbol_id is not None}
    if len(ids) > MOST_SYMBOLS:
        raise ValueError(f"{len(ids)} symbols in one transaction; at most {MOST_SYMBOLS}: split it")
    encoded = [_encoded(event.data) for event in events]
    session.flush()
    session.execute(
        _ADD,
        {
            "class": SYMBOL_LOCKS,
            "symbols": sorted(ids),
            "service": service.value,
            "ids": [str(uuid4()) for _ in events],
            "channels": [str(event.data.channel) for event in events],
            "event_types": [event.data.event_type for event in events],
            "versions": [event.data.version for event in events],
            "symbol_ids": [event.symbol_id for event in events],
            "data": encoded,
        },
    )


def _encoded(data: EventData) -> str:
    """Its JSON, read back by its model: an object that was made past its checks does not go out."""
    encoded = data.model_dump_json(warnings="none")
    try:
        type(data).model_validate_json(encoded)
    except ValidationError as error:
        raise ValueError(f"this {data.event_type} does not fit its model: {error}") from None
    return encoded
