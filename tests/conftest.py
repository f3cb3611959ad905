"""Real servers, started once a run by the product's own code, on ports of their own, in a folder that goes away."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine

from tickstock_automation.db import engine as engine_module
from tickstock_automation.local import servers
from tickstock_automation.local.migrate import upgrade
from tickstock_automation.local.ports import HOST, any_free
from tickstock_automation.local.supervisor import Supervisor
from tickstock_automation.settings import Settings, load_settings, use_settings

pytest_plugins = (
    "tests.builders",
    "tests.publishing",
    "tests.services",
    "tests.queueing",
    "tests.backfilling",
    "tests.sweeping",
    "tests.quality_days",
    "tests.repairing",
)


@pytest.fixture(scope="session", autouse=True)
def _own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees the settings of the machine it runs on."""
    kept = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("TICKSTOCK_", "POLYGON_", "REDIS_", "FLOWER_")) or name == "DATABASE_URI":
            del os.environ[name]
    os.environ["TICKSTOCK_STATE_DIR"] = str(tmp_path_factory.mktemp("no-stack"))
    yield
    os.environ.clear()
    os.environ.update(kept)


@dataclass(frozen=True)
class Servers:
    """The embedded PostgreSQL and Valkey of this run."""

    postgres_port: int
    postgres_password: str
    redis_port: int
    redis_password: str
    supervisor: Supervisor

    def database_uri(self, name: str) -> str:
        return servers.database_uri(self.postgres_port, self.postgres_password, name)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    state = tmp_path_factory.mktemp("servers")
    supervisor = Supervisor(state)
    supervisor.guard()
    postgres_port, redis_port = any_free(), any_free()
    data = servers.make_postgres(state, "test-password")
    postgres = supervisor.start(
        "postgres",
        servers.postgres_command(data, postgres_port),
        os.environ,
        stop_signal=signal.SIGINT,
        login=servers.system_login(),
    )
    valkey_command = servers.valkey_command(servers.make_valkey(state), redis_port, "valkey-password")
    valkey = supervisor.start("valkey", valkey_command, os.environ)
    servers.await_postgres(servers.database_uri(postgres_port, "test-password"), postgres.alive)
    servers.await_valkey(f"redis://:valkey-password@{HOST}:{redis_port}/0", valkey.alive)
    yield Servers(postgres_port, "test-password", redis_port, "valkey-password", supervisor)
    supervisor.stop()


@pytest.fixture
def empty_database(running: Servers) -> Iterator[str]:
    """The address of a database of the test's own, without a schema."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    admin = psycopg2.connect(running.database_uri("postgres"))
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    yield running.database_uri(name)
    engine_module.engine.cache_clear()
    with admin.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    admin.close()


@pytest.fixture(scope="session")
def template(running: Servers) -> str:
    """A database with the schema, made once; each test gets a copy."""
    name = "template_tickstock"
    admin = psycopg2.connect(running.database_uri("postgres"))
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    admin.close()
    upgrade(running.database_uri(name).replace("postgresql://", "postgresql+psycopg2://"))
    return name


@pytest.fixture
def settings(running: Servers, template: str) -> Iterator[Settings]:
    """The settings of a system whose database has the schema and nothing else; they are the process's own meanwhile."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    admin = psycopg2.connect(running.database_uri("postgres"))
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    redis.Redis(port=running.redis_port, password=running.redis_password).flushall()
    found = load_settings(
        stack=False,
        DATABASE_URI=SecretStr(running.database_uri(name)),
        REDIS_HOST=HOST,
        REDIS_PORT=running.redis_port,
        REDIS_PASSWORD=SecretStr(running.redis_password),
        POLYGON_CALLS_PER_MINUTE=0,
        POLYGON_HISTORY_YEARS=0,
        missing_pauses_s=(0.0,),
    )
    use_settings(found)
    engine_module.engine.cache_clear()
    yield found
    if engine_module.engine.cache_info().currsize:
        engine_module.engine().dispose()
        engine_module.engine.cache_clear()
    with admin.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    admin.close()


@pytest.fixture
def admin(settings: Settings) -> Iterator[Engine]:
    """The database as its owner's login sees it, outside all roles."""
    found = create_engine(settings.database_url, isolation_level="AUTOCOMMIT")
    yield found
    found.dispose()


@pytest.fixture
def broker(running: Servers) -> Iterator[redis.Redis]:
    client = redis.Redis(port=running.redis_port, password=running.redis_password, decode_responses=True)
    yield client
    client.close()


@pytest.fixture(scope="session")
def checkout() -> Path:
    return Path(__file__).parents[1]
