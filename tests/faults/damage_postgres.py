"""Faults of PostgreSQL: the whole server crashes, one of its backends dies or freezes, a transaction stays open for long."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time

import psycopg2

from tests.faults.schedule import Planned, choose
from tests.faults.system import System
from tickstock_automation.local import servers

NAME = "postgres"
OURS = "SELECT pid, application_name FROM pg_stat_activity WHERE application_name LIKE 'tickstock%' ORDER BY pid"


def crash_postgres(system: System, planned: Planned) -> str:
    """An immediate shutdown, then recovery from the log: unsynced commits (the relay's) may be lost."""
    with system.postgres_busy:
        os.kill(system.pid(NAME), signal.SIGQUIT)
        system.parts[NAME].process.wait()
        time.sleep(planned.duration_s)
        system.start_postgres()
    return NAME


def kill_backend(system: System, planned: Planned) -> str:
    """`kill -9` of one backend: the server ends all others and recovers."""
    with system.postgres_busy:
        pid, name = choose(planned.picks[0], _ours(system))
        os.kill(pid, signal.SIGKILL)
        time.sleep(planned.duration_s)
        servers.await_postgres(system.database_uri, system.parts[NAME].alive)
    return f"backend of {name}"


def terminate_backends(system: System, planned: Planned) -> str:
    """`pg_terminate_backend`, of one, some or all."""
    found = _ours(system)
    some = random.Random(planned.picks[0]).sample(found, max(1, round(planned.picks[1] * len(found))))
    with contextlib.closing(system.admin()) as admin, admin.cursor() as cursor:
        cursor.execute("SELECT count(pg_terminate_backend(pid)) FROM unnest(%s) pid", ([pid for pid, _ in some],))
    return f"{len(some)} of {len(found)} backends"


def freeze_backend(system: System, planned: Planned) -> str:
    """One backend stands still, with whatever locks it holds."""
    pid, name = choose(planned.picks[0], _ours(system))
    system.freeze(pid, planned.duration_s)
    return f"backend of {name}"


def long_transaction(system: System, planned: Planned) -> str:
    """A reader that keeps an old snapshot, as a backup or a report does."""
    with contextlib.closing(system.admin()) as admin, admin.cursor() as cursor, contextlib.suppress(psycopg2.Error):
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT count(*) FROM outbox")
        time.sleep(planned.duration_s)
        cursor.execute("ROLLBACK")
    return "a reader"


def _ours(system: System) -> list[tuple[int, str]]:
    """The backends that serve the system under test; waits until there are some, ProcessLookupError if none come."""
    deadline = time.monotonic() + 10
    while True:
        with contextlib.closing(system.admin()) as admin, admin.cursor() as cursor:
            cursor.execute(OURS)
            found = [(pid, name) for pid, name in cursor.fetchall()]
        if found:
            return found
        if time.monotonic() > deadline:
            raise ProcessLookupError("no service has a connection")
        time.sleep(0.1)
