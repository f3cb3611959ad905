"""`tickstock doctor`: looks at every part and says in words what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg2
import redis
import typer
from rich.table import Table

from tickstock_automation.cli.broker import broker
from tickstock_automation.cli.output import AsJson, print_json, stdout
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import BadAnswer, TickstockError, VendorRefused, VendorUnavailable
from tickstock_automation.settings import Settings, settings

OLD_EVENT_S = 10.0
OLDEST_REDIS = 7


Row = tuple[Any, ...] | None


@dataclass(frozen=True)
class Seen:
    """What was found of one part; `do` says what to do where it is not good."""

    part: str
    good: bool
    words: str
    do: str = ""


def doctor(as_json: AsJson = False) -> None:
    """Looks at every part: settings, PostgreSQL, schema, Redis, relay, workers, vendor. Exit code 1 where one is not well."""
    found = settings()
    seen = [one for look in (_database, _broker, _workers, _vendor) for one in look(found)]
    good = all(one.good for one in seen)
    if as_json:
        print_json({"good": good, "parts": [vars(one) for one in seen]})
    else:
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2))
        for one in seen:
            table.add_row("[green]good[/]" if one.good else "[bold red]bad[/]", one.part, one.words)
            if one.do:
                table.add_row("", "", f"[yellow]{one.do}[/]")
        stdout.print(table)
    raise typer.Exit(0 if good else 1)


def _database(found: Settings) -> Iterator[Seen]:
    if found.database_uri is None:
        yield Seen("PostgreSQL", False, "DATABASE_URI is not set", "Set it, or run `tickstock up`.")
        return
    try:
        connection = psycopg2.connect(found.database_url.replace("+psycopg2", "", 1), connect_timeout=5)
    except psycopg2.OperationalError as error:
        yield Seen(
            "PostgreSQL",
            False,
            str(error).strip().partition("\n")[0],
            "Check DATABASE_URI and whether the server runs.",
        )
        return
    connection.autocommit = True

    def ask(statement: str) -> Row:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            row: tuple[Any, ...] | None = cursor.fetchone()
            return row

    try:
        yield _version(ask)
        schema = _schema(ask)
        yield schema
        if schema.good:
            lacking = list(_roles(ask))
            yield from lacking
            if all(one.good for one in lacking):
                yield from _relay()
    finally:
        connection.close()


def _version(ask: Callable[[str], Row]) -> Seen:
    version = ask("SELECT current_setting('server_version'), current_setting('server_version_num')::int")
    assert version is not None
    good = version[1] >= 140000
    return Seen("PostgreSQL", good, f"version {version[0]}", "" if good else "Version 14 or newer is needed.")


def _schema(ask: Callable[[str], Row]) -> Seen:
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    from tickstock_automation.local.migrate import config

    try:
        head = ScriptDirectory.from_config(config()).get_current_head()
    except CommandError:
        lacks = "alembic.ini is not beside this installation"
        return Seen("schema", False, lacks, "Run doctor from a checkout (make install).")
    try:
        at = (ask("SELECT version_num FROM alembic_version") or (None,))[0]
    except psycopg2.errors.UndefinedTable:
        at = None
    wanted = "" if at == head else f"Run `alembic upgrade head`; this code wants {head}."
    return Seen("schema", at == head, f"revision {at or 'none'}", wanted)


def _roles(ask: Callable[[str], Row]) -> Iterator[Seen]:
    row = ask(
        "SELECT coalesce(string_agg(rolname, ', '), '') FROM pg_roles WHERE rolname LIKE 'tickstock\\_%'"
        " AND NOT pg_has_role(current_user, oid, 'MEMBER')"
    )
    lacking = row[0] if row else ""
    yield Seen(
        "roles", not lacking, "the login is a member of all" if not lacking else f"the login is no member of {lacking}",
        f"Let an administrator run: GRANT {lacking} TO this login." if lacking else "",
    )  # fmt: skip


def _relay() -> Iterator[Seen]:
    from tickstock_automation.db.engine import transaction
    from tickstock_automation.events.inspection import outbox_status

    with transaction(Role.RELAY) as session:
        found = outbox_status(session)
    beats = found.heartbeat_s is not None and found.heartbeat_s < 5
    yield Seen(
        "relay", beats, f"{found.relay} sends, heartbeat {found.heartbeat_s:.1f} s ago" if beats else "no relay gives a sign of life",
        "" if beats else "Run `tickstock relay`, or a worker with TICKSTOCK_RELAY_IN_WORKER on.",
    )  # fmt: skip
    late = found.oldest_s > OLD_EVENT_S
    yield Seen(
        "outbox", not late, f"{found.waiting} events wait" + (f", the oldest for {found.oldest_s:.0f} s" if found.waiting else ""),
        "Events do not go out: look at the relay and at Redis." if late else "",
    )  # fmt: skip
    if found.set_aside:
        yield Seen(
            "outbox", False, f"{found.set_aside} events cannot be sent", "`tickstock events dead list` says why."
        )


def _broker(found: Settings) -> Iterator[Seen]:
    client = broker()
    try:
        about: Any = client.info("server")
        version = about.get("valkey_version") or about.get("redis_version")
        new_enough = int(str(version).partition(".")[0]) >= OLDEST_REDIS
        yield Seen(
            "Redis",
            new_enough,
            f"version {version} at {found.redis_host or '127.0.0.1'}:{found.redis_port}",
            "" if new_enough else f"Version {OLDEST_REDIS} or newer, or Valkey, is needed.",
        )
        memory: Any = client.info("memory")
        policy = str(memory.get("maxmemory_policy"))
        kept = policy == "noeviction"
        yield Seen(
            "Redis memory",
            kept,
            f"maxmemory-policy {policy}",
            "" if kept else "Set maxmemory-policy noeviction: an evicted key loses work.",
        )
    except redis.RedisError as error:
        yield Seen(
            "Redis", False, str(error), "Check REDIS_HOST, REDIS_PORT, REDIS_PASSWORD and whether the server runs."
        )
    finally:
        client.close()


def _workers(found: Settings) -> Iterator[Seen]:
    from kombu.exceptions import KombuError

    from tickstock_automation.celery import QUEUES, make_app

    try:
        broker().ping()  # Celery would try for longer
        queues = make_app(found).control.inspect(timeout=1.0).active_queues() or {}
    except (OSError, KombuError, redis.RedisError) as error:
        yield Seen("workers", False, f"cannot be asked: {error}", "See Redis above.")
        return
    served = {queue["name"] for found_queues in queues.values() for queue in found_queues}
    for service, wanted in QUEUES.items():
        good = served.issuperset(wanted)
        yield Seen(
            f"worker {service}", good, f"serves {', '.join(wanted)}" if good else "no worker takes its tasks",
            "" if good else f"TICKSTOCK_SERVICES={service} celery -A tickstock_automation worker",
        )  # fmt: skip


def _vendor(found: Settings) -> Iterator[Seen]:
    from datetime import UTC, datetime, timedelta

    from tickstock_automation.vendor.polygon import vendor

    name = f"vendor at {found.polygon_base_url}"
    day = datetime.now(UTC).date()
    try:
        vendor().splits(day - timedelta(days=1), day)
        yield Seen(name, True, "answers, and takes the key")
    except VendorRefused as error:
        yield Seen(name, False, str(error), "Set POLYGON_API_KEY to a key whose plan includes reference data.")
    except (VendorUnavailable, BadAnswer) as error:
        yield Seen(name, False, str(error), "Look at the vendor's status page; work waits and goes on by itself.")
    except TickstockError as error:
        yield Seen(name, False, str(error))
