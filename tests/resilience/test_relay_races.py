"""Moments that the campaign of faults hits by luck, here held still: what falls between two steps of the relay."""

import contextlib
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, text

from tests.faults.writer import change
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.events.catalogue import Channel, Service
from tickstock_automation.events.outbox import add_events
from tickstock_automation.events.relay import Relay
from tickstock_automation.events.sending import NumberRefused
from tickstock_automation.events.waiting import BATCH
from tickstock_automation.ops.relay_process import relay_options
from tickstock_automation.settings import Settings

pytestmark = [pytest.mark.resilience, pytest.mark.integration, pytest.mark.database, pytest.mark.redis]


def commit(*versions: int) -> None:
    with transaction(Role.IPO_MONITOR) as session:
        add_events(session, Service.IPO_MONITOR, [change(f"f{version}", 1) for version in versions])


def active(settings: Settings) -> Relay:
    """A relay that holds the lease and has caught up."""
    relay = Relay(relay_options(settings))
    relay._connect()
    assert relay._take_lease()
    relay._catch_up()
    return relay


def send_next(relay: Relay) -> list[int]:
    rows = relay._rows_to_send()
    if rows:
        relay._send(rows[0].batch, rows, again=False)
    return [row.seq for row in rows]


def test_what_commits_while_a_batch_is_sent_before_the_relay_settles_goes_out_next(
    settings: Settings, broker: redis.Redis
) -> None:
    relay = active(settings)
    relay._beat()
    commit(1)
    rows = relay._rows_to_send()
    commit(2)
    relay._send(rows[0].batch, rows, again=False)
    relay._beat()
    commit(3)
    assert send_next(relay) == [2, 3]


def test_a_backlog_that_outlasts_two_heartbeats_goes_out_before_what_is_new(
    settings: Settings, broker: redis.Redis
) -> None:
    for first in range(1, 2 * BATCH + 201, 100):
        commit(*range(first, first + 100))
    relay = active(settings)
    assert send_next(relay)[0] == 1
    relay._beat()
    assert send_next(relay)[0] == BATCH + 1
    relay._beat()
    commit(2 * BATCH + 201)
    assert send_next(relay)[0] == 2 * BATCH + 1


def test_a_late_batch_of_a_relay_that_lost_its_numbers_does_not_pass_for_the_one_that_got_them(
    settings: Settings, broker: redis.Redis, admin: Engine
) -> None:
    """It froze, or its bytes hung in the network, while PostgreSQL crashed and lost its last unsynced commit."""
    late = active(settings)
    commit(1)
    numbered = late._rows_to_send()
    with admin.connect() as connection:  # what the crash did
        connection.execute(text("UPDATE outbox SET batch = NULL"))
        connection.execute(text("UPDATE relay_state SET last_batch = last_batch - 1, heartbeat_at = NULL"))
    commit(2)
    other = active(settings)
    numbered_again = other._rows_to_send()
    with contextlib.suppress(NumberRefused):
        late._send(numbered[0].batch, numbered, again=False)
    with contextlib.suppress(NumberRefused):
        other._send(numbered_again[0].batch, numbered_again, again=False)
    assert other._take_lease()
    other._catch_up()
    other._beat()
    send_next(other)
    entries: Any = broker.xrange(Channel.SYMBOLS_CHANGED.stream)
    assert {fields["id"] for _, fields in entries} == {str(row.id) for row in numbered_again}
