"""Events as the services publish them: through the outbox and the real relay."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
import redis

from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.events.catalogue import Channel, NewSymbol, Service, decode
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.events.relay import Relay
from tickstock_automation.ops.relay_process import relay_options
from tickstock_automation.settings import Settings

DAY = date(2024, 1, 2)


def new(symbol: str) -> NewSymbol:
    return NewSymbol(
        symbol=symbol,
        name=None,
        type="CS",
        exchange=None,
        equity_type="STOCK_EOD",
        reason="listed",
        session=DAY,
        universes=[],
    )


def publish(*events: Pending) -> None:
    with transaction(Role.IPO_MONITOR) as session:
        add_events(session, Service.IPO_MONITOR, events)


def until(done: Callable[[], Any], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class Running:
    """A relay in a thread, which can be told to stop."""

    def __init__(self, settings: Settings) -> None:
        self.on = True
        self.relay = Relay(relay_options(settings), lambda: self.on)
        self.thread = threading.Thread(target=self.relay.run, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.on = False
        self.thread.join(10)


@pytest.fixture
def relays(settings: Settings) -> Iterator[Callable[[], Running]]:
    started: list[Running] = []

    def start() -> Running:
        started.append(Running(settings))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def in_stream(broker: redis.Redis, channel: Channel = Channel.SYMBOLS_NEW) -> list[str]:
    entries: Any = broker.xrange(channel.stream)
    return [decode(fields["event"]).symbol or "" for _, fields in entries]
