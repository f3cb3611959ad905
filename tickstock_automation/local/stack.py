"""The whole on one machine: starts the servers that were not given and all our parts, and shows that they work together."""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from pydantic import SecretStr

from tickstock_automation.errors import PartDied, UsedWrongly
from tickstock_automation.events.catalogue import CANARY_CHANNEL
from tickstock_automation.local import servers
from tickstock_automation.local.leases import release_leases
from tickstock_automation.local.market import MarketChoice
from tickstock_automation.local.ports import HOST, any_free, choose
from tickstock_automation.local.stack_state import LOCK
from tickstock_automation.local.supervisor import Part, Supervisor
from tickstock_automation.local.witness import Witness
from tickstock_automation.settings import STACK_ENV, Settings, use_settings

USUAL_PORTS = {"postgres": 54320, "valkey": 63790, "vendor": 58080, "flower": 5555}
USUAL_METRICS_PORT = 9464
READY_S = 40.0
CONSUMER_URL = "consumer.url"  # where a consumer of the events finds the embedded Valkey, as the user tickstockapp


@dataclass
class Ports:
    """Ports that were asked for; None: the usual one, or any where that is taken."""

    postgres: int | None = None
    valkey: int | None = None
    vendor: int | None = None
    flower: int | None = None


@dataclass
class Stack:
    """A stack in a state directory. `take_lock`, `start`, then use it, then `stop`, whatever happened."""

    state: Path
    given: Settings
    market: MarketChoice
    ports: Ports = field(default_factory=Ports)
    once: bool = False
    faults: Sequence[str] = ()  # that the replay of the vendor plays
    say: Callable[[str], None] = lambda _line: None
    show: Callable[[str, str], None] = lambda _name, _line: None

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.state, self.show)
        self.witness = Witness()
        self.settings = self.given
        self.addresses: dict[str, str] = {}
        self.idle = False  # set by who knows that no task is waiting or being worked on
        self._environment: dict[str, str] = {}
        self._passwords: dict[str, str] = {}  # of the embedded Valkey's users
        self._lock: IO[str] | None = None
        self._vendor_ready = threading.Event()
        if self.market.folder is None:
            self._vendor_ready.set()

    # -- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Starts servers, schema and parts, and waits until a task of each service went all the way round."""
        left = self.supervisor.clear_leftovers()
        if left:
            self.say(f"ended what a killed start left behind: {', '.join(left)}")
        self.supervisor.guard()
        self.say("starting the servers")
        self._start_servers()
        use_settings(self.settings)
        self.say("bringing the schema up to date")
        from tickstock_automation.local.migrate import upgrade

        upgrade(self.settings.database_url)
        if self.given.database_uri is None:
            release_leases()
        self.say("starting relay and workers")
        self._start_workers()
        self._write_environment()
        self._go_round()

    def start_operations(self) -> None:
        """Beat and Flower, which a single cycle does not need."""
        self._celery("beat", "beat", "--loglevel", self.settings.log_level)
        self._celery("flower", "flower")
        deadline = time.monotonic() + READY_S
        while not _listens(self.settings.flower_port) and time.monotonic() < deadline:
            self.supervisor.check()
            time.sleep(0.05)
        self.supervisor.check()

    def stop(self) -> None:
        """Stops everything in order; the data stay."""
        if self.idle:  # a warm shutdown would take Celery three seconds to wait for nothing
            self.supervisor.kill_now("worker")
        self._unwrite_environment()
        self.supervisor.stop()
        self._free_lock()

    def kill(self) -> None:
        """Stops everything at once."""
        self._unwrite_environment()
        self.supervisor.kill()
        self._free_lock()

    # -- servers --------------------------------------------------------------------------------------------------

    def _start_servers(self) -> None:
        found: dict[str, object] = {"flower_password": SecretStr(servers.secret_of(self.state, "flower.password"))}
        if self.given.flower_password is not None:
            found["flower_password"] = self.given.flower_password
        found["flower_port"] = self._port("flower")
        if self.given.redis_host is not None:
            servers.check_redis(self.given.redis_url)
        database, broker = self._embed_postgres(found), self._embed_valkey(found)
        vendor = self._embed_vendor(found)
        self.settings = self.given.model_copy(update=found)
        self._environment = {
            **os.environ,
            **_as_environment(self.settings),
            "TICKSTOCK_STATE_DIR": str(self.state),
            # on one's own machine as root, and only there, this is no news
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
            "PYTHONUNBUFFERED": "1",
        }
        if vendor is not None:
            self._start_vendor(vendor)
        self._start_witness()
        if database is not None:
            servers.await_postgres(self.settings.database_uri.get_secret_value(), database.alive)  # type: ignore[union-attr]
        if broker is not None:
            servers.await_valkey(self.settings.redis_url, broker.alive)

    def _embed_postgres(self, found: dict[str, object]) -> Part | None:
        if self.given.database_uri is not None:
            self.addresses["PostgreSQL"] = "as given in DATABASE_URI"
            return None
        password = servers.secret_of(self.state, "postgres.password")
        data = servers.make_postgres(self.state, password)
        port = self._port("postgres")
        found["database_uri"] = SecretStr(servers.database_uri(port, password))
        self.addresses["PostgreSQL"] = f"postgresql://{servers.LOGIN}@{HOST}:{port}/{servers.DATABASE}"
        return self.supervisor.start(
            "postgres",
            servers.postgres_command(data, port),
            os.environ,
            stop_signal=signal.SIGINT,
            login=servers.system_login(),
        )

    def _embed_valkey(self, found: dict[str, object]) -> Part | None:
        if self.given.redis_host is not None:
            self.addresses["Redis"] = f"{self.given.redis_host}:{self.given.redis_port}, as given in REDIS_HOST"
            return None
        self._passwords = servers.write_users(self.state)
        port = self._port("valkey")
        found |= {
            "redis_host": HOST, "redis_port": port, "redis_db": 0,
            "redis_username": "ops", "redis_password": SecretStr(self._passwords["ops"]),
        }  # fmt: skip
        self.addresses["Valkey"] = f"redis://{HOST}:{port}/0"
        data = servers.make_valkey(self.state)
        command = servers.valkey_command(data, port, users=self.state / servers.USERS_FILE)
        return self.supervisor.start("valkey", command, os.environ)

    def _embed_vendor(self, found: dict[str, object]) -> int | None:
        if self.market.folder is None:
            self.addresses["Vendor"] = self.given.polygon_base_url
            return None
        port = self._port("vendor")
        found |= {
            "polygon_api_key": SecretStr(secrets.token_urlsafe(12)), "polygon_base_url": f"http://{HOST}:{port}",
            "polygon_calls_per_minute": 0, "polygon_calls_per_day": 0, "polygon_history_years": 0,
        }  # fmt: skip
        self.addresses["Vendor"] = f"http://{HOST}:{port} ({self.market.words})"
        return port

    def _start_vendor(self, port: int) -> None:
        ready = threading.Event()

        def on_line(line: str) -> bool:
            if line.startswith("serving"):
                ready.set()
            return False

        command = [*_tickstock(), "vendor", "serve", "--data", str(self.market.folder), "--port", str(port)]
        command += [f"--fault={one}" for one in self.faults]
        self.supervisor.start("vendor", command, self._environment, on_line=on_line)
        self._vendor_ready = ready

    def _port(self, name: str) -> int:
        asked = getattr(self.ports, name)
        return any_free() if self.once and asked is None else choose(name, asked, USUAL_PORTS[name])

    # -- our parts ------------------------------------------------------------------------------------------------

    def _start_witness(self) -> None:
        """The subscriber that counts what came: it waits for the broker by itself."""
        self.supervisor.start(
            "tail",
            [*_tickstock(), "events", "tail", "--json", "--channel", "tickstock.*", "--channel", CANARY_CHANNEL],
            self._environment,
            on_line=self.witness.see,
        )

    def _start_workers(self) -> None:
        environment = self._as_user("relay")
        if not self.once:
            port = choose("relay's metrics", None, USUAL_METRICS_PORT)
            environment["TICKSTOCK_RELAY_METRICS_PORT"] = str(port)
            self.addresses["Metrics"] = f"http://{HOST}:{port}/metrics"
        self.supervisor.start("relay", [*_tickstock(), "relay"], environment)
        for service, queues, processes in (
            ("ipo_monitor", "priority.100,priority.90,priority.50", 2),
            ("data_quality_monitor", "quality", 1),
        ):
            self._celery(
                f"worker {service}", "worker", "--hostname", f"{service}@%h", "--queues", queues,
                "--concurrency", str(processes), "--without-mingle", "--without-gossip", "--loglevel", self.settings.log_level,
                service=service,
            )  # fmt: skip

    def _celery(self, name: str, *arguments: str, service: str | None = None) -> Part:
        environment = self._as_user("ops" if name == "flower" else "worker")
        if service:
            environment["TICKSTOCK_SERVICES"] = service
        return self.supervisor.start(
            name,
            [sys.executable, "-m", "celery", "--quiet", "-A", "tickstock_automation", *arguments],
            environment,
        )

    def _as_user(self, user: str) -> dict[str, str]:
        """The parts' environment, with the name and password of one of the embedded Valkey's users."""
        own = {"REDIS_USERNAME": user, "REDIS_PASSWORD": self._passwords[user]} if self._passwords else {}
        return {**self._environment, **own}

    def _go_round(self) -> None:
        """A task of each service: queue, worker, database, relay, subscriber."""
        from tickstock_automation.celery import CANARY_QUEUES, make_app

        deadline = time.monotonic() + READY_S
        for ready, name in ((self.witness.listening, "the subscriber"), (self._vendor_ready, "the vendor's replay")):
            while not ready.wait(0.05):
                self.supervisor.check()
                if time.monotonic() > deadline:
                    raise PartDied(f"{name} did not get ready in {READY_S:.0f} s; see {self.state}/logs")
        application = make_app(self.settings)
        probes = {service: uuid.uuid4().hex for service in CANARY_QUEUES}
        for service, queue in CANARY_QUEUES.items():
            application.send_task("ops.canary", kwargs={"probe": probes[service], "service": service}, queue=queue)
        for service, probe in probes.items():
            while not self.witness.await_probe(probe, 0.05):
                self.supervisor.check()
                if time.monotonic() > deadline:
                    raise PartDied(f"a task of {service} did not come round in {READY_S:.0f} s; see {self.state}/logs")

    # -- what others read -----------------------------------------------------------------------------------------

    def take_lock(self) -> None:
        """Makes the state directory this stack's own; UsedWrongly where another one runs in it. Comes before `start`."""
        self._lock = (self.state / LOCK).open("a+")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            raise UsedWrongly(
                f"a stack runs in {self.state} already (process {self._lock.read().strip()}):"
                " `tickstock status` shows it, `tickstock down` stops it"
            ) from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()

    def _free_lock(self) -> None:
        if self._lock is not None:
            self._lock.truncate(0)
            self._lock.close()

    def _write_environment(self) -> None:
        """So that a command typed beside the stack finds its servers."""
        path = self.state / STACK_ENV
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text("".join(f"{name}={value}\n" for name, value in _as_environment(self.settings).items()))
        if self._passwords:
            url = self.state / CONSUMER_URL
            url.touch(mode=0o600)
            url.write_text(
                f"redis://tickstockapp:{self._passwords['tickstockapp']}@{HOST}:{self.settings.redis_port}/0\n"
            )

    def _unwrite_environment(self) -> None:
        (self.state / STACK_ENV).unlink(missing_ok=True)
        (self.state / CONSUMER_URL).unlink(missing_ok=True)


def _as_environment(settings: Settings) -> dict[str, str]:
    """The settings that the parts and other commands need, as environment variables."""
    secret = {
        "DATABASE_URI": settings.database_uri, "REDIS_PASSWORD": settings.redis_password,
        "POLYGON_API_KEY": settings.polygon_api_key, "FLOWER_PASSWORD": settings.flower_password,
    }  # fmt: skip
    plain = {
        "REDIS_HOST": settings.redis_host, "REDIS_USERNAME": settings.redis_username, "REDIS_PORT": settings.redis_port, "REDIS_DB": settings.redis_db,
        "POLYGON_BASE_URL": settings.polygon_base_url, "POLYGON_CALLS_PER_MINUTE": settings.polygon_calls_per_minute,
        "POLYGON_CALLS_PER_DAY": settings.polygon_calls_per_day, "POLYGON_HISTORY_YEARS": settings.polygon_history_years,
        "FLOWER_PORT": settings.flower_port, "TICKSTOCK_RELAY_IN_WORKER": "false",
        "TICKSTOCK_SCHEDULE": str(settings.schedule).lower(), "TICKSTOCK_LOG_FORMAT": settings.log_format,
    }  # fmt: skip
    found = {name: value.get_secret_value() for name, value in secret.items() if value is not None}
    return found | {name: str(value) for name, value in plain.items() if value is not None}


def _tickstock() -> list[str]:
    return [sys.executable, "-m", "tickstock_automation.cli"]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def ensure_state(path: Path) -> Path:
    """Makes the state directory; UsedWrongly where that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsedWrongly(f"the state directory {path} cannot be made: {error.strerror}") from None
    if not os.access(path, os.W_OK):
        raise UsedWrongly(f"the state directory {path} cannot be written")
    return path
