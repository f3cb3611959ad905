"""What the benchmark's messages carry: which run and transaction they are of, and from when their time counts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NamedTuple
from uuid import uuid4

from tickstock_automation.events.catalogue import Channel, Event, FieldChange, Service, SymbolChanged, encode

FIELD = "bench"
CHANNEL = Channel.SYMBOLS_CHANGED
CONTROL = "internal.bench"
"""Not a channel of the contract: it tells the subscriber that a run is over, behind all the run's messages."""

END_OF_RUN = "end_of_run"
SESSION = date(2025, 9, 2)


class Mark(NamedTuple):
    """`counts_ns`: nanoseconds since 1970, from when the event's time counts."""

    run: int
    transaction: int
    counts_ns: int


def marked(mark: Mark, symbol: str) -> SymbolChanged:
    """A usual event, with the mark as one field's change."""
    change = FieldChange(old=None, new=f"{mark.run}.{mark.transaction}.{mark.counts_ns}")
    return SymbolChanged(symbol=symbol, session=SESSION, changes={FIELD: change})


def mark_of(event: Event) -> Mark:
    """The mark of an event that `marked` made."""
    run, transaction, counts_ns = event.data["changes"][FIELD]["new"].split(".")
    return Mark(int(run), int(transaction), int(counts_ns))


def bare_message(mark: Mark, symbol: str) -> str:
    """The same message as the relay would send, made without an outbox."""
    return _message(marked(mark, symbol).model_dump_json(), SymbolChanged.event_type)


def end_message(run: int) -> str:
    """Says that all of a run was sent."""
    return _message(f'{{"run": {run}}}', END_OF_RUN)


def _message(data: str, event_type: str) -> str:
    return encode(
        id=uuid4(), seq=0, timestamp=datetime.now(UTC), service=Service.IPO_MONITOR.value, event_type=event_type,
        version=1, data=data,
    )  # fmt: skip
