"""An event is seen if and only if its change was committed; in order; once, unless something broke."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests.builders import add_symbols
from tests.publishing import DAY, Running, in_stream, new, publish, until
from tickstock_automation.db.engine import ServiceSession, engine, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.events.catalogue import (
    Channel,
    MaintenanceStarted,
    PriceAnomaly,
    Service,
    SymbolArchived,
    decode,
)
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.events.relay import Relay
from tickstock_automation.ops.relay_process import relay_options
from tickstock_automation.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.database, pytest.mark.redis]


def test_a_committed_event_goes_live_and_into_its_stream_once(
    relays: Callable[[], Running], broker: redis.Redis
) -> None:
    listener = broker.pubsub()
    listener.psubscribe("tickstock.*")
    relays()
    publish(Pending(new("AAPL")))
    live: list[Any] = []
    until(
        lambda: (
            live.append(listener.get_message(timeout=0.1)) or [one for one in live if one and one["type"] == "pmessage"]
        )
    )
    message = next(one for one in live if one and one["type"] == "pmessage")
    assert message["channel"] == Channel.SYMBOLS_NEW
    event = decode(message["data"])
    assert (event.symbol, event.service, event.typed) == ("AAPL", "ipo_monitor", new("AAPL"))
    assert in_stream(broker) == ["AAPL"]
    listener.close()


def test_what_is_rolled_back_is_never_sent(relays: Callable[[], Running], broker: redis.Redis) -> None:
    relays()

    def change_and_fail() -> None:
        with transaction(Role.IPO_MONITOR) as session:
            add_events(session, Service.IPO_MONITOR, [Pending(new("GHOST"))])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    publish(Pending(new("REAL")))
    until(lambda: in_stream(broker))
    assert in_stream(broker) == ["REAL"]


def test_a_late_commit_with_a_low_number_is_still_sent(relays: Callable[[], Running], broker: redis.Redis) -> None:
    relays()
    with transaction(Role.IPO_MONITOR) as slow:
        add_events(slow, Service.IPO_MONITOR, [Pending(new("SLOW"))])
        publish(Pending(new("FAST")))
        until(lambda: in_stream(broker) == ["FAST"])
    until(lambda: in_stream(broker) == ["FAST", "SLOW"])


def test_events_wait_while_there_is_no_relay_and_go_out_in_order(
    relays: Callable[[], Running], broker: redis.Redis
) -> None:
    for number in range(30):
        publish(Pending(new(f"S{number}")))
    relays()
    until(lambda: len(in_stream(broker)) == 30)
    assert in_stream(broker) == [f"S{number}" for number in range(30)]


def test_per_symbol_the_numbers_follow_the_commits(settings: Settings, admin: Engine) -> None:
    """Two writers on one symbol: the second waits for the first one's commit before it gets its number."""
    symbol_id = add_symbols(admin, ["A"])["A"]
    order: list[str] = []

    def second() -> None:
        with transaction(Role.IPO_MONITOR) as session:
            event = SymbolArchived(symbol="A", session=DAY, delist_date=DAY, reason="absent_twice")
            add_events(session, Service.IPO_MONITOR, [Pending(event, symbol_id)])
            order.append("second added")

    with transaction(Role.IPO_MONITOR) as session:
        add_events(session, Service.IPO_MONITOR, [Pending(new("A"), symbol_id)])
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        order.append("first commits")
    thread.join(10)
    assert order == ["first commits", "second added"]
    with admin.connect() as connection:
        kinds = connection.execute(text("SELECT event_type FROM outbox ORDER BY seq")).scalars().all()
    assert kinds == ["new_symbol", "symbol_archived"]


@pytest.mark.resilience
@pytest.mark.parametrize("lost", ["everything", "the last batches"])
def test_what_redis_lost_goes_out_again_with_the_same_ids(
    relays: Callable[[], Running], broker: redis.Redis, admin: Engine, lost: str
) -> None:
    first = relays()
    for number in range(5):
        publish(Pending(new(f"S{number}")))
        until(lambda count=number + 1: len(in_stream(broker)) == count)  # type: ignore[misc]
    entries: Any = broker.xrange(Channel.SYMBOLS_NEW.stream)
    before = [decode(fields["event"]).id for _, fields in entries]
    first.stop()
    [key] = broker.keys("tickstock:relay:batch:*")  # type: ignore[misc]
    if lost == "everything":
        broker.flushall()
    else:
        broker.set(key, int(broker.get(key)) - 2)  # type: ignore[arg-type]
        broker.xtrim(Channel.SYMBOLS_NEW.stream, maxlen=3, approximate=False)
        for entry, _ in entries[3:]:
            broker.xdel(Channel.SYMBOLS_NEW.stream, entry)
    relays()
    until(
        lambda: (
            len({decode(fields["event"]).id for _, fields in broker.xrange(Channel.SYMBOLS_NEW.stream)})
            >= (5 if lost == "everything" else 2)
        )
    )  # type: ignore[union-attr]
    publish(Pending(new("AFTER")))
    until(lambda: "AFTER" in in_stream(broker))
    again: Any = broker.xrange(Channel.SYMBOLS_NEW.stream)
    ids = [decode(fields["event"]).id for _, fields in again]
    assert set(before[3:]) <= set(ids)
    if lost == "everything":
        assert ids[:5] == before


@pytest.mark.resilience
def test_a_standby_takes_over_and_a_relay_of_an_older_epoch_is_refused(
    relays: Callable[[], Running], settings: Settings, broker: redis.Redis
) -> None:
    frozen = Relay(relay_options(settings))
    frozen.holder = "frozen"
    frozen._connect()
    assert frozen._take_lease()
    frozen._catch_up()
    publish(Pending(new("BEFORE")))
    numbered = frozen._rows_to_send()  # given a number, and then the process froze
    relays()
    until(lambda: in_stream(broker) == ["BEFORE"])
    from tickstock_automation.events.relay import LeaseTaken, NumberRefused

    with pytest.raises(NumberRefused):
        frozen._send(numbered[0].batch, numbered, again=False)
    with pytest.raises(LeaseTaken):
        frozen._beat()
    publish(Pending(new("AFTER")))
    assert frozen._rows_to_send() == [], "it numbers nothing any more"
    until(lambda: in_stream(broker) == ["BEFORE", "AFTER"])
    frozen._disconnect()


@pytest.mark.resilience
def test_a_broken_database_connection_is_made_anew(
    relays: Callable[[], Running], broker: redis.Redis, admin: Engine
) -> None:
    relays()
    publish(Pending(new("ONE")))
    until(lambda: in_stream(broker) == ["ONE"])
    with admin.connect() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tickstock relay'")
        )
    publish(Pending(new("TWO")))
    until(lambda: in_stream(broker) == ["ONE", "TWO"])


def test_an_event_outside_a_transaction_is_an_error(settings: Settings) -> None:
    session = ServiceSession(engine(), Role.IPO_MONITOR)
    with pytest.raises(RuntimeError, match="in the transaction of its change"):
        add_events(session, Service.IPO_MONITOR, [Pending(new("A"))])


def test_a_service_publishes_only_its_own(settings: Settings) -> None:
    anomaly = PriceAnomaly(
        alert_id=1, state="open", symbol="A", session=DAY, check="price_move", severity="low", verdict="undetermined",
        observed=1.0, expected=1.0, threshold=0.2, remediation="none", evidence={},
    )  # fmt: skip
    with pytest.raises(ValueError, match="may not publish price_anomaly"):
        publish(Pending(anomaly))

    def as_another() -> None:
        with transaction(Role.QUALITY_MONITOR) as session:
            add_events(session, Service.IPO_MONITOR, [Pending(MaintenanceStarted(task="scan", session=DAY))])

    with pytest.raises(
        DBAPIError, match="role tickstock_quality_monitor may not publish maintenance_started as ipo_monitor"
    ):
        as_another()


def test_too_many_symbols_in_one_transaction_are_refused(settings: Settings) -> None:
    with pytest.raises(ValueError, match="at most 1000"):
        publish(*(Pending(new("A"), number) for number in range(1001)))
