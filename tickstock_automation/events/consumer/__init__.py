"""The reader's side of the events: live, followed from the streams, or durable. Stands on pydantic and redis alone."""

from tickstock_automation.events.catalogue import Event
from tickstock_automation.events.consumer.api import AsyncConsumer, Consumer
from tickstock_automation.events.consumer.entries import ALL_CHANNELS, EventsTrimmed, Gap, TryLater
from tickstock_automation.events.consumer.following import follow, follow_async
from tickstock_automation.events.consumer.live import subscribe, subscribe_async
from tickstock_automation.events.consumer.stores import SqliteStore, Store

__all__ = [
    "ALL_CHANNELS",
    "AsyncConsumer",
    "Consumer",
    "Event",
    "EventsTrimmed",
    "Gap",
    "SqliteStore",
    "Store",
    "TryLater",
    "follow",
    "follow_async",
    "subscribe",
    "subscribe_async",
]
