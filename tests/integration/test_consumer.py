"""The durable consumer: each event at least once, once unless something broke, in order, and nothing missed silently."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import Engine, create_engine, text

from tests.builders import add_symbols
from tests.publishing import DAY, Running, in_stream, new, publish, until
from tickstock_automation.events.catalogue import Channel, Event, NewSymbol, SymbolArchived, SymbolChanged
from tickstock_automation.events.consumer import (
    AsyncConsumer,
    Consumer,
    EventsTrimmed,
    Gap,
    SqliteStore,
    TryLater,
    follow,
    follow_async,
    subscribe_async,
)
from tickstock_automation.events.outbox import Pending
from tickstock_automation.events.sqlalchemy_store import SqlAlchemyStore
from tickstock_automation.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.database, pytest.mark.redis]
NAME = "tickstockapp"


class Listening:
    """A consumer in a thread, and what its handler got."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        self.got: list[str] = []
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.consumer.run()
        except Exception as error:  # noqa: BLE001 -- the test looks at it
            self.error = error

    def start(self) -> "Listening":
        self.thread.start()
        return self

    def stop(self) -> None:
        self.consumer.stop()
        self.thread.join(10)
        assert not self.thread.is_alive()


Make = Callable[..., Listening]


@pytest.fixture
def listen(settings: Settings) -> Iterator[Make]:
    made: list[Listening] = []

    def make(handler: Callable[[Event, Any], None] | None = None, **options: Any) -> Listening:
        found = Listening(Consumer(options.pop("name", NAME), settings.redis_url, **{"lease_s": 1.0, **options}))

        @found.consumer.on("tickstock.*")
        def note(event: Event, data: Any) -> None:
            if handler is not None:
                handler(event, data)
            found.got.append(event.symbol or event.event_type)

        made.append(found)
        return found.start()

    yield make
    for one in made:
        one.consumer.stop()
    for one in made:
        one.thread.join(10)


def names(count: int, prefix: str = "S") -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def publish_all(symbols: list[str]) -> None:
    publish(*(Pending(new(symbol)) for symbol in symbols))


def test_it_goes_on_where_it_stopped(relays: Callable[[], Running], listen: Make, broker: redis.Redis) -> None:
    relays()
    first = listen()
    publish_all(["A", "B"])
    until(lambda: first.got == ["A", "B"])
    first.stop()
    publish_all(["C"])
    second = listen()
    publish_all(["D"])
    until(lambda: second.got == ["C", "D"])
    groups: Any = broker.xinfo_groups(Channel.SYMBOLS_NEW.stream)
    until(lambda: broker.xinfo_groups(Channel.SYMBOLS_NEW.stream)[0]["pending"] == 0)
    assert groups[0]["name"] == NAME


def test_per_symbol_the_order_holds_across_channels(relays: Callable[[], Running], listen: Make, admin: Engine) -> None:
    """Also when one channel has far more waiting than is read at once."""
    ids = add_symbols(admin, ["A", "B"])
    for number in range(60):
        archived = SymbolArchived(symbol="A", session=DAY, delist_date=DAY, reason="absent_twice")
        changed = SymbolChanged.model_validate(
            {"symbol": "A", "session": DAY, "changes": {"n": {"old": None, "new": number}}}
        )
        publish(
            *(Pending(new("A"), ids["A"]) for _ in range(7)), Pending(changed, ids["A"]), Pending(archived, ids["A"])
        )
    relays()
    seen: list[int] = []
    listener = listen(lambda event, _data: seen.append(event.seq), batch=10)
    until(lambda: len(listener.got) == 60 * 9)
    assert seen == sorted(seen)


def test_what_died_between_handler_and_acknowledgement_is_handled_again_by_a_sibling_and_nothing_else(
    relays: Callable[[], Running], settings: Settings, tmp_path: Path, listen: Make
) -> None:
    relays()
    log = tmp_path / "handled"
    program = f"""
import os, sys
from tickstock_automation.events.consumer import Consumer
consumer = Consumer({NAME!r}, {settings.redis_url!r}, lease_s=1.0)
@consumer.on("tickstock.*")
def handle(event, data):
    with open({str(log)!r}, "a") as file:
        print(event.symbol, file=file)
    if event.symbol == "S7":
        os.kill(os.getpid(), 9)
consumer.run()
"""
    publish_all(names(20))
    died = subprocess.run([sys.executable, "-c", program], timeout=60, check=False)
    assert died.returncode == -9
    sibling = listen()
    until(lambda: len(sibling.got) >= 13)
    assert log.read_text().split() == names(8)
    assert sibling.got == names(20)[7:]


def test_a_sibling_stands_by_and_takes_over(relays: Callable[[], Running], listen: Make) -> None:
    relays()
    first = listen()
    until(lambda: first.consumer.figures.active)
    second = listen()
    publish_all(["A"])
    until(lambda: first.got == ["A"])
    assert not second.consumer.figures.active
    first.stop()
    publish_all(["B"])
    until(lambda: second.got == ["B"])


def test_an_event_that_fails_is_tried_again_then_set_aside_with_the_reason(
    relays: Callable[[], Running], listen: Make, broker: redis.Redis
) -> None:
    relays()
    tries: list[str] = []

    def fail(event: Event, _data: Any) -> None:
        tries.append(event.symbol or "")
        if event.symbol == "BAD":
            raise ZeroDivisionError("no such thing")

    listener = listen(fail, attempts=3)
    publish_all(["A", "BAD", "C"])
    until(lambda: listener.got == ["A", "C"])
    assert tries == ["A", "BAD", "BAD", "BAD", "C"]
    [(_, dead)] = broker.xrange(f"consumer:{NAME}:dead")  # type: ignore[misc]
    assert dead["reason"] == "ZeroDivisionError: no such thing"
    assert dead["attempts"] == "3"
    assert '"BAD"' in dead["event"]


def test_an_event_that_ends_the_process_is_set_aside_in_the_end(
    relays: Callable[[], Running], settings: Settings, broker: redis.Redis
) -> None:
    relays()
    publish_all(["A", "KILLER", "C"])
    until(lambda: len(in_stream(broker)) == 3)
    program = f"""
import os
from tickstock_automation.events.consumer import Consumer
consumer = Consumer({NAME!r}, {settings.redis_url!r}, lease_s=0.4, attempts=2)
@consumer.on("tickstock.*")
def handle(event, data):
    if event.symbol == "KILLER":
        os.kill(os.getpid(), 9)
    if event.symbol == "C":
        consumer.stop()
consumer.run()
"""
    codes = [subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode for _ in range(3)]
    assert codes == [-9, -9, 0]
    [(_, dead)] = broker.xrange(f"consumer:{NAME}:dead")  # type: ignore[misc]
    assert dead["reason"] == "the process ended each time it was handled"


def test_a_handler_may_say_that_the_event_is_not_to_blame(relays: Callable[[], Running], listen: Make) -> None:
    relays()
    tries = 0

    def busy(_event: Event, _data: Any) -> None:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise TryLater("its database is away")

    listener = listen(busy, attempts=1)
    publish_all(["A"])
    until(lambda: listener.got == ["A"])


@pytest.mark.resilience
def test_after_redis_was_wiped_the_group_is_made_anew_and_repeats_are_hidden(
    relays: Callable[[], Running], listen: Make, broker: redis.Redis
) -> None:
    relays()
    listener = listen()
    publish_all(names(5))
    until(lambda: len(listener.got) == 5)
    broker.flushall()
    publish_all(["AFTER"])
    until(lambda: "AFTER" in listener.got)
    assert listener.got == [*names(5), "AFTER"]
    assert in_stream(broker) == [*names(5), "AFTER"], "they were sent again"


@pytest.mark.resilience
@pytest.mark.parametrize("told", [True, False])
def test_what_was_trimmed_before_it_was_read_is_never_silent(
    relays: Callable[[], Running], listen: Make, broker: redis.Redis, told: bool
) -> None:
    relays()
    first = listen()
    publish_all(["A"])
    until(lambda: first.got == ["A"])
    first.stop()
    publish_all(names(10))
    until(lambda: len(in_stream(broker)) == 11)
    broker.xtrim(Channel.SYMBOLS_NEW.stream, maxlen=3, approximate=False)
    gaps: list[Gap] = []
    second = listen(on_gap=gaps.append) if told else listen()
    if told:
        until(lambda: second.got == ["S7", "S8", "S9"])
        assert gaps == [Gap(Channel.SYMBOLS_NEW, 7)]
    else:
        second.thread.join(10)
        assert isinstance(second.error, EventsTrimmed)
        assert second.error.gap == Gap(Channel.SYMBOLS_NEW, 7)
        assert second.got == []


@pytest.mark.parametrize("kind", ["sqlite", "sqlalchemy"])
def test_with_a_store_the_effect_is_exactly_once(
    relays: Callable[[], Running], settings: Settings, broker: redis.Redis, tmp_path: Path, kind: str, admin: Engine
) -> None:
    """Redis forgets everything, and a new process handles what was handled: only the store knows."""
    relays()
    path = tmp_path / "store.db"
    other = create_engine(settings.database_url)
    store = SqliteStore(path) if kind == "sqlite" else SqlAlchemyStore(other)
    if kind == "sqlite":
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE effects (symbol TEXT)")
    else:
        with admin.connect() as made:
            made.execute(text("CREATE TABLE effects (symbol text)"))

    def effects() -> list[str]:
        if kind == "sqlite":
            with sqlite3.connect(path) as connection:
                return [row[0] for row in connection.execute("SELECT symbol FROM effects")]
        with admin.connect() as asked:
            return list(asked.execute(text("SELECT symbol FROM effects")).scalars())

    def start() -> Listening:
        consumer = Consumer(NAME, settings.redis_url, lease_s=1.0, attempts=2)
        consumer.transactional(store)

        @consumer.on(NewSymbol)
        def store_it(_event: Event, data: NewSymbol, transaction: Any) -> None:
            insert = "INSERT INTO effects VALUES (:symbol)"
            transaction.execute(insert if kind == "sqlite" else text(insert), {"symbol": data.symbol})
            if data.symbol == "BAD":
                raise ZeroDivisionError

        return Listening(consumer).start()

    first = start()
    publish_all([*names(5), "BAD"])
    until(lambda: effects() == names(5) and broker.exists(f"consumer:{NAME}:dead"))
    first.stop()
    broker.flushall()
    second = start()
    publish_all(["AFTER"])
    until(lambda: "AFTER" in effects())
    second.stop()
    assert effects() == [*names(5), "AFTER"], "the failed one left nothing, the repeats had no effect"
    other.dispose()


def test_follow_gives_the_past_and_then_the_present_each_once_in_order(
    relays: Callable[[], Running], settings: Settings, broker: redis.Redis
) -> None:
    relays()
    publish_all(names(600))
    got: list[str] = []
    publisher = threading.Thread(target=lambda: [publish_all([name]) for name in names(50, "L")])  # type: ignore[func-returns-value]
    for _, event in follow(settings.redis_url, since="oldest"):
        if not got:
            publisher.start()
        got.append(event.symbol or "")
        if len(got) == 400:
            broker.client_kill_filter(_type="normal", skipme=True)
        if len(got) == 650:
            break
    publisher.join()
    assert got == [*names(600), *names(50, "L")]


def test_follow_begins_behind_an_event_or_at_a_moment_and_can_end_with_what_is_there(
    relays: Callable[[], Running], settings: Settings, broker: redis.Redis
) -> None:
    relays()
    publish_all(names(5))
    until(lambda: len(in_stream(broker)) == 5)
    all_of_them = [event for _, event in follow(settings.redis_url, since="oldest", live=False)]
    behind = [event.symbol for _, event in follow(settings.redis_url, since=all_of_them[2].id, live=False)]
    assert behind == ["S3", "S4"]
    time.sleep(0.01)
    publish_all(["LATE"])
    until(lambda: len(in_stream(broker)) == 6)
    late = list(follow(settings.redis_url, since="oldest", live=False))[-1][1]
    since = [event.symbol for _, event in follow(settings.redis_url, since=late.timestamp, live=False)]
    assert since == ["LATE"]
    broker.xtrim(Channel.SYMBOLS_NEW.stream, maxlen=1, approximate=False)
    with pytest.raises(LookupError, match="is in the streams"):
        list(follow(settings.redis_url, since=all_of_them[0].id, live=False))


def test_unknown_types_and_newer_versions_are_skipped_or_handed_over_raw(
    relays: Callable[[], Running], listen: Make, admin: Engine
) -> None:
    relays()
    skipping = listen()
    raw: list[Any] = []
    listen(lambda event, data: raw.append((event.event_type, event.version, data)), name="raw", unknown="raw")
    publish_all(["A"])
    with admin.begin() as connection:  # a service of a later release
        connection.execute(text("ALTER TABLE outbox DISABLE TRIGGER outbox_check"))
        connection.execute(
            text(
                "INSERT INTO outbox (id, channel, service, event_type, version, data) VALUES"
                " (gen_random_uuid(), 'tickstock.automation.symbols.new', 'ipo_monitor', 'new_symbol', 2, '{\"symbol\": 1}'),"
                " (gen_random_uuid(), 'tickstock.automation.symbols.new', 'ipo_monitor', 'merged', 1, '{}')"
            )
        )
    publish_all(["B"])
    until(lambda: skipping.got == ["A", "B"])
    until(lambda: len(raw) == 4)
    assert [one[:2] for one in raw] == [("new_symbol", 1), ("new_symbol", 2), ("merged", 1), ("new_symbol", 1)]
    assert [one[2] is None for one in raw] == [False, True, True, False]


def test_the_same_for_asyncio(relays: Callable[[], Running], settings: Settings, tmp_path: Path) -> None:
    relays()

    async def all_three() -> tuple[list[str], list[str], list[str]]:
        handled: list[str] = []
        followed: list[str] = []
        lived: list[str] = []
        consumer = AsyncConsumer(NAME, settings.redis_url)
        ready = asyncio.Event()

        @consumer.on(NewSymbol)
        async def handle(_event: Event, data: NewSymbol) -> None:
            await asyncio.sleep(0)
            handled.append(data.symbol)
            if len(handled) == 20:
                consumer.stop()

        async def follow_them() -> None:
            async for _, event in follow_async(settings.redis_url, since="oldest"):
                followed.append(event.symbol or "")
                if len(followed) == 20:
                    return

        async def hear_them() -> None:
            async for _, event in subscribe_async(settings.redis_url, on_ready=ready.set):
                lived.append(event.symbol or "")
                if len(lived) == 20:
                    return

        async def publish_them() -> None:
            await ready.wait()
            await asyncio.to_thread(publish_all, names(20))

        await asyncio.wait_for(asyncio.gather(consumer.run(), follow_them(), hear_them(), publish_them()), 30)
        return handled, followed, lived

    assert asyncio.run(all_three()) == (names(20), names(20), names(20))


def test_a_wrong_password_is_an_error_at_once(settings: Settings) -> None:
    with pytest.raises(redis.AuthenticationError):
        Consumer(NAME, f"redis://:wrong@127.0.0.1:{settings.redis_port}/0").run()
    with pytest.raises(redis.AuthenticationError):
        next(iter(follow(f"redis://:wrong@127.0.0.1:{settings.redis_port}/0")))


def test_a_name_or_channel_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot name a consumer"):
        Consumer("*", "redis://127.0.0.1")
    with pytest.raises(ValueError, match="no channel is named tickstock"):
        Consumer(NAME, "redis://127.0.0.1", ["tickstock.tea.*"])


def test_order_holds_while_events_come_during_the_catching_up(
    relays: Callable[[], Running], listen: Make, admin: Engine, broker: redis.Redis, settings: Settings
) -> None:
    """A channel that was read to its end gets a new event while another one's backlog is still being handled."""
    ids = add_symbols(admin, ["A", "B"])
    change = SymbolChanged.model_validate({"symbol": "B", "session": DAY, "changes": {"n": {"old": 1, "new": 2}}})
    archived = SymbolArchived(symbol="A", session=DAY, delist_date=DAY, reason="absent_twice")
    publish(*(Pending(change, ids["B"]) for _ in range(25)), Pending(new("A"), ids["A"]), Pending(new("A"), ids["A"]))
    relays()
    until(lambda: broker.xlen(Channel.SYMBOLS_CHANGED.stream) == 25 and len(in_stream(broker)) == 2)
    seen: list[int] = []

    def handle(event: Event, _data: Any) -> None:
        seen.append(event.seq)
        if len(seen) == 3:
            for event_data in (new("A"), archived):
                publish(Pending(event_data, ids["A"]))
            publish(*(Pending(change, ids["B"]) for _ in range(25)))
            until(lambda: broker.xlen(Channel.SYMBOLS_CHANGED.stream) == 50)

    listener = listen(handle, batch=10)
    until(lambda: len(listener.got) == 54)
    assert seen == sorted(seen)
    assert [event.seq for _, event in follow(settings.redis_url, since="oldest", live=False)] == sorted(seen)


def test_what_was_delivered_and_then_trimmed_is_told_of_for_every_channel(
    relays: Callable[[], Running], listen: Make, broker: redis.Redis
) -> None:
    relays()
    change = SymbolChanged.model_validate({"symbol": "B", "session": DAY, "changes": {"n": {"old": 1, "new": 2}}})
    publish(*(Pending(new(name)) for name in "ABC"), *(Pending(change) for _ in range(3)))
    until(lambda: len(in_stream(broker)) == 3)
    first = listen(lambda _event, _data: first.consumer.stop())
    first.thread.join(10)
    for channel in (Channel.SYMBOLS_NEW, Channel.SYMBOLS_CHANGED):
        broker.xtrim(channel.stream, maxlen=0, approximate=False)
    for _ in range(2):
        silent = listen()
        silent.thread.join(10)
        assert isinstance(silent.error, EventsTrimmed), "at every start"
    gaps: list[Gap] = []
    told = listen(on_gap=gaps.append)
    publish_all(["AFTER"])
    until(lambda: told.got == ["AFTER"])
    assert sorted(gap.missed for gap in gaps) == [2, 3]


def test_a_living_process_that_reconnects_blames_no_event(
    relays: Callable[[], Running], listen: Make, broker: redis.Redis
) -> None:
    relays()
    tries = 0

    def busy(_event: Event, _data: Any) -> None:
        nonlocal tries
        tries += 1
        if tries <= 5:
            broker.client_kill_filter(_type="normal", skipme=True)
            raise TryLater("its database is away")

    listener = listen(busy, attempts=2)
    publish_all(["A"])
    until(lambda: listener.got == ["A"], 30)
    assert not broker.exists(f"consumer:{NAME}:dead")


def test_a_new_consumer_that_takes_over_after_a_wipe_begins_at_the_start(
    relays: Callable[[], Running], listen: Make, broker: redis.Redis
) -> None:
    relays()
    wiped = threading.Event()

    def hold(event: Event, _data: Any) -> None:
        if event.symbol == "ONE":
            broker.flushall()
            broker.set(f"consumer:{NAME}:lease", "another", px=600)
            wiped.set()
            time.sleep(0.5)

    first = listen(hold, start="newest")
    until(lambda: first.consumer.figures.active)
    second = listen(start="newest")
    publish_all(["ONE", "TWO"])
    assert wiped.wait(10)
    until(lambda: "TWO" in first.got + second.got)


@pytest.mark.parametrize("kind", ["blocking", "asyncio", "store"])
def test_a_handler_of_the_wrong_kind_is_refused_before_anything_is_acknowledged(
    settings: Settings, tmp_path: Path, kind: str
) -> None:
    consumer: Any = (Consumer if kind == "blocking" else AsyncConsumer)(NAME, settings.redis_url)

    async def coroutine(*_values: Any) -> None: ...

    def plain(*_values: Any) -> None: ...

    consumer.on("tickstock.*")(plain if kind == "asyncio" else coroutine)
    if kind == "store":
        consumer.transactional(SqliteStore(tmp_path / "s.db"))
    with pytest.raises(TypeError, match="must be a"):
        consumer.run() if kind == "blocking" else asyncio.run(consumer.run())


@pytest.fixture
def an_hour_old(relays: Callable[[], Running], broker: redis.Redis, admin: Engine) -> None:
    """Five events that were sent an hour ago."""
    relays()
    publish_all(names(5))
    until(lambda: len(in_stream(broker)) == 5)
    with admin.begin() as connection:
        connection.execute(text("UPDATE outbox SET created_at = created_at - interval '1 hour'"))


def follow_to_now(settings: Settings) -> Iterator[tuple[str, Event]]:
    """A follower from now on that has been given NOW."""
    events = follow(settings.redis_url, since="newest")
    threading.Timer(0.5, publish_all, (["NOW"],)).start()
    assert next(events)[1].symbol == "NOW"
    return events


@pytest.mark.usefixtures("an_hour_old")
def test_follow_from_now_on_gives_nothing_old_also_of_quiet_channels_and_after_a_wipe(
    settings: Settings, broker: redis.Redis
) -> None:
    assert list(follow(settings.redis_url, since=datetime.now(UTC), live=False)) == []
    events = follow_to_now(settings)
    broker.flushall()
    publish_all(["LATER"])
    assert next(events)[1].symbol == "LATER", "what was sent again lies before the beginning"


@pytest.mark.usefixtures("an_hour_old")
def test_follow_sees_that_a_stream_was_made_anew_also_when_it_is_as_long_as_before(
    settings: Settings, broker: redis.Redis
) -> None:
    events = follow_to_now(settings)
    broker.flushall()
    publish_all(["LATER"])
    until(lambda: len(in_stream(broker)) == 7)
    assert next(events)[1].symbol == "LATER", "what was sent again lies before the beginning"
