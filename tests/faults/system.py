"""The system under test: real servers behind the proxy, real processes, each started again when it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection

from tests.faults.actors import Actor, actors
from tests.faults.consumers import make_effects
from tests.faults.ledger import TABLES
from tests.faults.links import Links, quiet_port
from tickstock_automation.local import servers
from tickstock_automation.local.migrate import ROOT, upgrade
from tickstock_automation.local.ports import HOST
from tickstock_automation.local.supervisor import Part, Supervisor

PASSWORD = "faults-password"
SETTINGS = ("TICKSTOCK_", "POLYGON_", "REDIS_", "FLOWER_", "DATABASE_URI")
WATCH_S = 0.2
AGAIN_S = 1.0
# A process of its own: whatever becomes of us, what was frozen thaws.
FREEZE = 'kill -s STOP -- "$0" || exit 1; sleep "$1"; kill -s CONT -- "$0" || exit 0'


@dataclass
class Death:
    """A process that ended without being killed by a fault."""

    at_s: float
    name: str
    code: int
    said: str


@dataclass
class System:
    """Everything that runs, by name."""

    state: Path
    seed: int
    rate: float
    bug: str = ""
    deaths: list[Death] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self.supervisor = Supervisor(self.state)
        self.redis_port, self.postgres_port = quiet_port(), quiet_port()
        self.links = Links(self.redis_port, self.postgres_port)
        self.actors = {one.name: one for one in actors(self.state, self.seed, self.rate, self.bug)}
        self.parts: dict[str, Part] = {}
        self.wanted: set[str] = set()
        self.valkey_busy, self.postgres_busy = threading.Lock(), threading.Lock()
        self._lock = threading.RLock()
        self._watching = threading.Event()

    # -- addresses ------------------------------------------------------------------------------------------------

    @property
    def database_uri(self) -> str:
        """PostgreSQL itself, past the proxy."""
        return servers.database_uri(self.postgres_port, PASSWORD)

    @property
    def redis_url(self) -> str:
        """Valkey itself, past the proxy."""
        return f"redis://:{PASSWORD}@{HOST}:{self.redis_port}/0"

    def admin(self) -> connection:
        """A connection of the campaign's own, which no fault of ours aims at."""
        found = psycopg2.connect(self.database_uri, application_name="faults", connect_timeout=5)
        found.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        return found

    # -- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Servers, schema, proxy, then all actors."""
        self.supervisor.guard()
        servers.make_postgres(self.state, PASSWORD)
        servers.make_valkey(self.state)
        self.start_postgres()
        self.start_valkey()
        upgrade(self.database_uri.replace("postgresql://", "postgresql+psycopg2://"))
        with self.admin() as admin, admin.cursor() as cursor:
            cursor.execute(TABLES)
        make_effects(self.state / "effects.sqlite")
        self._run("proxy", self.links.command(), self._environment(None))
        self.links.await_ready()
        for name in self.actors:
            self.launch(name)
        threading.Thread(target=self._watch, daemon=True, name="watch").start()

    def start_postgres(self) -> None:
        """Starts PostgreSQL on its data and waits for it."""
        command = servers.postgres_command(self.state / "postgres", self.postgres_port)
        login = servers.system_login()
        part = self._run("postgres", command, dict(os.environ), stop_signal=signal.SIGINT, login=login)
        servers.await_postgres(self.database_uri, part.alive)

    def start_valkey(self) -> None:
        """Starts Valkey on its data and waits for it."""
        command = servers.valkey_command(self.state / "valkey", self.redis_port, PASSWORD)
        servers.await_valkey(self.redis_url, self._run("valkey", command, dict(os.environ)).alive)

    def launch(self, name: str) -> None:
        """Starts an actor, if it does not run."""
        with self._lock:
            self.wanted.add(name)
            part = self.parts.get(name)
            if part is None or not part.alive():
                actor = self.actors[name]
                self._run(name, actor.command, self._environment(actor))

    def kill(self, name: str) -> None:
        """Ends a part at once, with its children; it stays down until it is launched."""
        with self._lock:
            self.wanted.discard(name)
        part = self.parts[name]
        if part.alive():
            os.killpg(part.process.pid, signal.SIGKILL)
        part.process.wait()

    def freeze(self, pid: int, seconds: float) -> None:
        """Stops a process, or with a negative id its group, for a while. ProcessLookupError where there is none."""
        freezer = subprocess.Popen(
            ["sh", "-c", FREEZE, str(pid), f"{seconds:.2f}"], start_new_session=True, stderr=subprocess.DEVNULL
        )
        if freezer.wait():
            raise ProcessLookupError(f"process {pid} was gone")

    def pid(self, name: str) -> int:
        """The process id of a part."""
        return self.parts[name].process.pid

    def mark_start(self) -> float:
        """From here on the times in the log are counted."""
        self._began = time.monotonic()
        return self._began

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def heal(self) -> None:
        """Nothing is cut or down any more; what was frozen has thawed by itself."""
        self.links.heal()
        for name in self.actors:
            self.launch(name)

    def retire(self, prefix: str) -> None:
        """Ends the actors whose name begins so, for good."""
        names = [name for name in self.actors if name.startswith(prefix)]
        for name in names:
            self.kill(name)

    def close(self) -> None:
        """Ends everything."""
        self._watching.set()
        for name in self.actors:
            self.wanted.discard(name)
            self.supervisor.kill_now(name)
        self.supervisor.stop()

    # -- within ---------------------------------------------------------------------------------------------------

    def _run(self, name: str, command: list[str], environment: dict[str, str], **options: object) -> Part:
        with self._lock:
            gone = [part for part in self.supervisor.parts if part.name == name]
            for part in gone:  # the supervisor keeps what it ever started: a campaign starts hundreds
                self.supervisor.parts.remove(part)
            self.parts[name] = self.supervisor.start(name, command, environment, **options)  # type: ignore[arg-type]
            return self.parts[name]

    def _environment(self, actor: Actor | None) -> dict[str, str]:
        """What an actor finds: its own links to the servers, and no settings of the machine's."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
        own |= {
            "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
            "TICKSTOCK_STATE_DIR": str(self.state), "TICKSTOCK_RELAY_IN_WORKER": "false",
            "REDIS_HOST": HOST, "REDIS_PASSWORD": PASSWORD, "REDIS_DB": "0",
        }  # fmt: skip
        if actor is not None and actor.redis_link:
            own["REDIS_PORT"] = str(self.links.ports[actor.redis_link])
        if actor is not None and actor.postgres_link:
            own["DATABASE_URI"] = servers.database_uri(self.links.ports[actor.postgres_link], PASSWORD)
        return own

    def _watch(self) -> None:
        """Starts again, as any service manager would, what ended by itself; and remembers that it did."""
        while not self._watching.wait(WATCH_S):
            with self._lock:
                dead = [self.parts[name] for name in tuple(self.wanted) if not self.parts[name].alive()]
            for part in dead:
                said, at = "\n".join(part.lines), self.elapsed()
                self.deaths.append(Death(at, part.name, part.process.returncode, said))
            self._watching.wait(AGAIN_S if dead else 0)
            for part in dead:
                if part.name in self.wanted:
                    self.launch(part.name)
