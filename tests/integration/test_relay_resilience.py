"""The relay under strain: standbys, frozen servers, much to do, rows that cannot be sent, old snapshots."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
import redis
from sqlalchemy import Engine, create_engine, text

from tests.publishing import DAY, Running, in_stream, new, publish, until
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.events.catalogue import Channel, NewSymbol, Service, SymbolChanged
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.events.patient import Patient
from tickstock_automation.events.relay import Relay
from tickstock_automation.events.waiting import EXECUTE_NEW, NUMBER_ALL, NUMBER_NEW
from tickstock_automation.local import servers
from tickstock_automation.local.ports import HOST, any_free
from tickstock_automation.local.supervisor import Supervisor
from tickstock_automation.ops.relay_process import relay_options
from tickstock_automation.settings import Settings, use_settings

pytestmark = [pytest.mark.integration, pytest.mark.database, pytest.mark.redis]


def insert_rows(admin: Engine, statement: str) -> None:
    """Rows as no service of ours would write them."""
    with admin.begin() as connection:
        connection.execute(text("ALTER TABLE outbox DISABLE TRIGGER USER"))
        connection.execute(text(statement))
        connection.execute(text("ALTER TABLE outbox ENABLE TRIGGER USER"))


# -- who sends -----------------------------------------------------------------------------------------------------


@pytest.fixture
def processes(settings: Settings) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """`tickstock relay`, as an operator starts it."""
    assert settings.database_uri
    assert settings.redis_password
    environment = {
        **os.environ, "DATABASE_URI": settings.database_uri.get_secret_value(), "REDIS_HOST": HOST,
        "REDIS_PORT": str(settings.redis_port), "REDIS_PASSWORD": settings.redis_password.get_secret_value(),
    }  # fmt: skip
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([sys.executable, "-m", "tickstock_automation.cli", "relay"], env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.resilience
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_standby_takes_over_from_a_relay_that_is_killed_or_frozen(
    processes: Callable[[], subprocess.Popen[bytes]], broker: redis.Redis, admin: Engine, how: signal.Signals
) -> None:
    first = processes()
    publish(Pending(new("A")))
    until(lambda: in_stream(broker) == ["A"], 20)
    processes()

    def connected() -> int:
        with admin.connect() as connection:
            return int(
                connection.execute(
                    text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tickstock relay'")
                ).scalar_one()
            )

    until(lambda: connected() == 2, 20)
    first.send_signal(how)
    publish(Pending(new("B")))
    until(lambda: in_stream(broker) == ["A", "B"], 20)
    if how == signal.SIGSTOP:
        publish(Pending(new("C")))
        first.send_signal(signal.SIGCONT)
        publish(Pending(new("D")))
        until(lambda: len(in_stream(broker)) >= 4, 20)
        assert in_stream(broker) == ["A", "B", "C", "D"], "who woke up sends nothing again"


@pytest.mark.resilience
def test_a_frozen_server_process_is_not_waited_for_for_ever(settings: Settings) -> None:
    patient = Patient(settings.database_url.replace("+psycopg2", ""), name="patient", answer_s=0.5)
    [(pid,)] = patient.ask("SELECT pg_backend_pid()")
    backend = psutil.Process(pid)
    backend.suspend()
    try:
        with pytest.raises(psycopg2.OperationalError, match="no answer within"):
            patient.ask("SELECT 1")
    finally:
        backend.resume()
        patient.close()


@pytest.mark.resilience
def test_while_redis_is_away_events_wait_are_counted_and_go_out_in_order_when_it_is_back(
    settings: Settings, tmp_path: Path
) -> None:
    supervisor, port = Supervisor(tmp_path), any_free()
    command = servers.valkey_command(servers.make_valkey(tmp_path), port, "secret")

    def start() -> None:
        part = supervisor.start("valkey", command, os.environ)
        servers.await_valkey(f"redis://:secret@{HOST}:{port}/0", part.alive)

    start()
    own = settings.model_copy(
        update={"redis_port": port, "redis_password": settings.redis_password.__class__("secret")}
    )
    use_settings(own)
    client = redis.Redis(port=port, password="secret", decode_responses=True)
    running = Running(own)
    running.relay.options = replace(running.relay.options)
    publish(Pending(new("A")))
    until(lambda: in_stream(client) == ["A"])
    supervisor.stop()
    names = [f"S{number}" for number in range(30)]
    for name in names:
        publish(Pending(new(name)))
    start()
    until(lambda: len(in_stream(client)) == 31)
    assert in_stream(client) == ["A", *names]
    running.stop()
    supervisor.stop()


def test_a_standby_measures_what_waits(settings: Settings) -> None:
    holder = Relay(relay_options(settings))
    holder._connect()
    assert holder._take_lease()
    publish(Pending(new("A")), Pending(new("B")))
    standby = Relay(relay_options(settings))
    standby._connect()
    assert not standby._take_lease()
    standby._measure()
    assert standby.figures.backlog == 2
    assert standby.figures.oldest_s > 0
    holder._disconnect()
    standby._disconnect()


# -- rows that cannot be sent --------------------------------------------------------------------------------------


def test_a_row_that_cannot_be_sent_is_set_aside_with_a_finding_and_the_rest_goes_out(
    relays: Callable[[], Running], broker: redis.Redis, admin: Engine
) -> None:
    publish(Pending(new("A")))
    insert_rows(
        admin,
        "INSERT INTO outbox (id, channel, service, event_type, version, data)"
        " SELECT gen_random_uuid(), 'tickstock.automation.symbols.new', 'ipo_monitor', 'new_symbol', 1, data"
        " FROM unnest(ARRAY['{\"symbol\":', '[1]', '{\"symbol\": \"' || repeat('x', 1000001) || '\"}']) AS data",
    )
    publish(Pending(new("B")))
    running = relays()
    until(lambda: in_stream(broker) == ["A", "B"])
    with admin.connect() as connection:
        reasons = (
            connection.execute(text("SELECT set_aside FROM outbox WHERE set_aside IS NOT NULL ORDER BY seq"))
            .scalars()
            .all()
        )
        findings = connection.execute(
            text("SELECT check_name, severity, reported_by, message FROM operational_findings ORDER BY id")
        ).all()
    assert [reason.partition(":")[0] for reason in reasons] == [
        "its data are no JSON", "its data are no JSON object", "its data are larger than 1000000 bytes",
    ]  # fmt: skip
    assert [tuple(finding[:3]) for finding in findings] == [("outbox_poison", "high", "relay")] * 3
    assert "cannot be sent: its data are no JSON object" in findings[1][3]
    assert running.relay.figures.set_aside == 3


def test_a_stream_whose_key_holds_something_else_does_not_stop_the_others(
    relays: Callable[[], Running], broker: redis.Redis, admin: Engine
) -> None:
    broker.set(Channel.SYMBOLS_CHANGED.stream, "somebody's")
    change = SymbolChanged.model_validate({"symbol": "X", "session": DAY, "changes": {"n": {"old": 1, "new": 2}}})
    publish(Pending(new("A")), Pending(change), Pending(new("B")))
    relays()
    until(lambda: in_stream(broker) == ["A", "B"])
    with admin.connect() as connection:
        until(
            lambda: (
                connection.execute(text("SELECT count(*) FROM outbox WHERE set_aside LIKE '%no stream%'")).scalar() == 1
            )
        )


def test_data_that_do_not_fit_their_model_are_not_taken(settings: Settings) -> None:
    wrong = NewSymbol.model_construct(
        symbol="", name=None, type=None, exchange=None, equity_type="ETF", reason="listed", session=DAY, universes=[]
    )
    with pytest.raises(ValueError, match="does not fit its model"):
        publish(Pending(wrong))


# -- much to do ----------------------------------------------------------------------------------------------------


def buffers(connection: Any, statement: str, **values: Any) -> int:
    """Pages that a statement touched."""
    plan = connection.execute(text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"), values).scalar_one()
    top = plan[0]["Plan"]
    return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])


def bound(statement: str) -> str:
    for place, name in (("$1", ":epoch"), ("$2", ":seen"), ("$3", "CAST(:missing AS bigint[])")):
        statement = statement.replace(place, name)
    return statement


MANY = """INSERT INTO outbox (id, channel, service, event_type, version, data, batch)
SELECT gen_random_uuid(), 'tickstock.automation.symbols.new', 'ipo_monitor', 'new_symbol', 1, '{"symbol": "A"}', 1 + n / 500
  FROM generate_series(1, 100000) n"""


@pytest.mark.slow
def test_many_rows_in_the_outbox_do_not_make_the_relay_read_more(settings: Settings, admin: Engine) -> None:
    for name in ("A", "B"):
        publish(Pending(new(name)))
    with admin.connect() as connection:
        few = buffers(connection, bound(NUMBER_NEW), seen=0, missing=[], epoch=0)
    insert_rows(admin, MANY)
    for name in ("C", "D"):
        publish(Pending(new(name)))
    with admin.connect() as connection:
        connection.execute(text("ANALYZE outbox"))
        many = buffers(connection, bound(NUMBER_NEW), seen=100_000, missing=[1, 2], epoch=0)
    assert many <= few + 20


@pytest.mark.slow
def test_an_old_snapshot_held_open_does_not_make_the_relay_read_more(settings: Settings, admin: Engine) -> None:
    """Each numbered row leaves an entry in the index of waiting rows that VACUUM may not take away meanwhile."""
    relay = Relay(relay_options(settings))
    relay._connect()
    assert relay._take_lease()
    relay._catch_up()
    old = create_engine(settings.database_url).connect().execution_options(isolation_level="REPEATABLE READ")
    old.execute(text("SELECT count(*) FROM outbox"))
    until(lambda: relay._rows_to_send() or relay._beat() or relay._waiting.settled)
    insert_rows(admin, MANY.replace(", batch)", ")").replace(", 1 + n / 500", ""))
    sent = 0
    while rows := relay._rows_to_send():
        sent += len(rows)
    assert sent == 100_000
    statement, values = relay._waiting.statement()
    assert statement == EXECUTE_NEW
    with admin.connect() as connection:
        new_only = buffers(connection, bound(NUMBER_NEW), **values, epoch=relay.epoch)
        all_of_it = buffers(connection, bound(NUMBER_ALL), epoch=relay.epoch)
    old.close()
    relay._disconnect()
    assert new_only * 10 < all_of_it
    assert new_only < 50


def test_sent_rows_are_deleted_after_a_time_and_streams_trimmed_and_what_waits_or_was_set_aside_stays(
    settings: Settings, broker: redis.Redis, admin: Engine
) -> None:
    insert_rows(
        admin,
        "INSERT INTO outbox (id, channel, service, event_type, version, data) VALUES"
        " (gen_random_uuid(), 'tickstock.automation.symbols.new', 'ipo_monitor', 'new_symbol', 1, 'x')",
    )
    publish(*(Pending(new(f"S{number}")) for number in range(700)))
    relay = Relay(replace(relay_options(settings), outbox_keep_s=0, stream_max_age_s=0, stream_max_length=400))
    relay._connect()
    relay._take_lease()
    relay._catch_up()
    while rows := relay._rows_to_send():
        relay._send(rows[0].batch, rows, again=False)
    assert 400 <= len(in_stream(broker)) < 600, "by length, by whole nodes"
    publish(Pending(new("WAITS")))
    relay._housekeep()
    with admin.connect() as connection:
        left = connection.execute(text("SELECT data, set_aside IS NULL FROM outbox ORDER BY seq")).all()
    assert [bool(row[1]) for row in left] == [False, True]
    assert json.loads(left[1][0])["symbol"] == "WAITS"
    assert len(in_stream(broker)) < 200, "by age"
    relay._disconnect()


@pytest.mark.slow
def test_two_mass_changes_of_ten_thousand_symbols_at_once_keep_each_symbols_order(
    relays: Callable[[], Running], admin: Engine, broker: redis.Redis
) -> None:
    with admin.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO symbols (ticker, name, type, equity_type, first_seen, bootstrap, active)"
                " SELECT 'S' || n, '0', 'CS', 'STOCK_EOD', '2024-01-02', true, true FROM generate_series(1, 10000) n"
            )
        )
    relays()

    broken: list[Exception] = []

    def change_all(chunks: list[range]) -> None:
        for chunk in chunks:
            try:
                change(chunk)
            except Exception as error:  # noqa: BLE001 -- the test looks at it
                broken.append(error)

    def change(chunk: range) -> None:
        with transaction(Role.IPO_MONITOR) as session:
            ids = session.execute(
                text(
                    "SELECT id FROM symbols WHERE CAST(substr(ticker, 2) AS int) BETWEEN :first AND :last"
                    " ORDER BY id FOR UPDATE"
                ),
                {"first": chunk[0], "last": chunk[-1]},
            ).scalars()
            rows = session.execute(
                text("UPDATE symbols SET name = CAST(name AS int) + 1 WHERE id = ANY(:ids) RETURNING id, ticker, name"),
                {"ids": list(ids)},
            ).all()
            add_events(
                session,
                Service.IPO_MONITOR,
                [
                    Pending(
                        SymbolChanged.model_validate(
                            {"symbol": row[1], "session": DAY, "changes": {"name": {"old": None, "new": row[2]}}}
                        ),
                        row[0],
                    )
                    for row in rows
                ],
            )

    chunks = [range(start, start + 1000) for start in range(1, 10_001, 1000)]
    threads = [threading.Thread(target=change_all, args=(order,)) for order in (chunks, chunks[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert broken == [], [str(e)[:300] for e in broken]
    until(lambda: broker.xlen(Channel.SYMBOLS_CHANGED.stream) == 20_000, 60)
    seen: dict[str, list[str]] = {}
    entries: Any = broker.xrange(Channel.SYMBOLS_CHANGED.stream)
    for _, fields in entries:
        data = json.loads(fields["event"])["data"]
        seen.setdefault(data["symbol"], []).append(data["changes"]["name"]["new"])
    assert len(seen) == 10_000
    assert all(versions == ["1", "2"] for versions in seen.values())


def test_a_gap_in_the_numbers_is_looked_for_until_it_cannot_come_any_more(settings: Settings, admin: Engine) -> None:
    relay = Relay(relay_options(settings))
    relay._connect()
    relay._take_lease()
    relay._catch_up()
    until(lambda: relay._rows_to_send() or relay._beat() or relay._waiting.settled)
    with transaction(Role.IPO_MONITOR) as session:
        add_events(session, Service.IPO_MONITOR, [Pending(new("ROLLED BACK"))])
        session.rollback()
    with transaction(Role.IPO_MONITOR) as late:
        add_events(late, Service.IPO_MONITOR, [Pending(new("LATE"))])
        publish(Pending(new("EARLY")))
        assert [row.data.partition('"symbol":"')[2][:5] for row in relay._rows_to_send()] == ["EARLY"]
        assert len(relay._waiting.missing) == 2
        for _ in range(3):
            assert relay._rows_to_send() == []
            relay._beat()
        assert len(relay._waiting.missing) == 2, "the late one is still open, and older transactions may be too"
    assert [row.data.partition('"symbol":"')[2][:4] for row in relay._rows_to_send()] == ["LATE"]
    until(lambda: relay._rows_to_send() or relay._beat() or not relay._waiting.missing)
    relay._disconnect()
    time.sleep(0)
