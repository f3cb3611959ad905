"""The writer: makes transactions with the product's own code, at fixed times, and notes when each began and was committed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import redis

from tickstock_automation.bench.marks import CHANNEL, Mark, bare_message, marked
from tickstock_automation.bench.schedule import NS, Schedule, counts_from
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.events.catalogue import Service
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.settings import settings

SYMBOLS = 10_000
LEAD_NS = 5_000_000
Counts = Callable[[], int]


@dataclass(frozen=True)
class Order:
    """One writer's share of a run: transactions `writer`, `writer + writers`, ... below `transactions`.

    `rate`: transactions a second of all writers together, 0 for as fast as possible. `seconds`: stops after that.
    `bare`: PUBLISH alone, in place of a transaction.
    """

    run: int
    transactions: int
    size: int
    rate: float
    starts_ns: int
    report: str
    seconds: float = 3600.0
    bare: bool = False
    writer: int = 0
    writers: int = 1


Send = Callable[[Order, int, Counts], Mark]


def write(order: Order) -> None:
    """Works an order off, then writes the report: (transaction, counts from, began, done), nanoseconds since 1970."""
    with redis.Redis.from_url(settings().redis_url) as client:
        send = _publisher(client) if order.bare else _commit
        times = _paced(order, send)
    path = Path(order.report)
    path.with_suffix(".new").write_text(json.dumps(times))
    path.with_suffix(".new").rename(path)


def _paced(order: Order, send: Send) -> list[tuple[int, int, int, int]]:
    schedule = Schedule(max(order.starts_ns, time.time_ns() + LEAD_NS), order.rate)
    ends_ns = schedule.first_ns + round(order.seconds * NS)
    times = []
    for number in range(order.writer, order.transactions, order.writers):
        came, due = time.time_ns(), schedule.due_ns(number)
        if came >= ends_ns:
            break
        wait_ns = (due if due is not None else schedule.first_ns) - came
        if wait_ns > 0:
            time.sleep(wait_ns / NS)
        began = time.time_ns()
        mark = send(order, number, lambda due=due, came=came: counts_from(due, came, time.time_ns()))  # type: ignore[misc]
        times.append((number, mark.counts_ns, began, time.time_ns()))
    return times


def _commit(order: Order, number: int, counts: Counts) -> Mark:
    """Its time counts from just before the insert, or from when it was due where the one before it held it up."""
    first = number * order.size
    with transaction(Role.IPO_MONITOR) as session:
        mark = Mark(order.run, number, counts())
        symbols = [(first + offset) % SYMBOLS + 1 for offset in range(order.size)]
        add_events(session, Service.IPO_MONITOR, [Pending(marked(mark, f"S{one}"), one) for one in symbols])
    return mark


def _publisher(client: redis.Redis) -> Send:
    def publish(order: Order, number: int, counts: Counts) -> Mark:
        mark = Mark(order.run, number, counts())
        client.publish(CHANNEL, bare_message(mark, f"S{number % SYMBOLS + 1}"))
        return mark

    return publish
