"""The rig: embedded servers, schema, relay, worker and subscriber, in a folder that goes away with them."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import psycopg2
import redis
from celery import Celery
from psycopg2.extensions import connection as Connection  # noqa: N812

from tickstock_automation.bench.subscriber import LISTENING
from tickstock_automation.errors import PartDied
from tickstock_automation.local import servers
from tickstock_automation.local.migrate import ROOT, upgrade
from tickstock_automation.local.ports import HOST, any_free
from tickstock_automation.local.supervisor import Part, Supervisor

QUEUE = "priority.50"
READY_S = 40.0
OURS = ("TICKSTOCK_", "POLYGON_", "REDIS_", "FLOWER_", "DATABASE_URI", "CELERY_")


class Rig:
    """The processes of one benchmark. The relay may be stopped and started anew."""

    def __init__(self, folder: Path, writers: int, *, events: bool = True) -> None:
        self.folder = folder
        self.writers = writers
        self._with_events = events
        self.supervisor = Supervisor(folder)
        password = secrets.token_urlsafe(18)
        self._postgres_port, self._valkey_port = any_free(), any_free()
        self.database_uri = servers.database_uri(self._postgres_port, password)
        self.redis_url = f"redis://:{password}@{HOST}:{self._valkey_port}/0"
        self._password = password
        self.environment = self._make_environment()
        self._listening = threading.Event()
        self._relay: Part | None = None
        self._consumers = 0
        self._ending: list[Part] = []

    def start(self) -> None:
        """Starts everything; returns when the subscriber listens. The worker may need a moment longer."""
        self.supervisor.guard()
        data = servers.make_postgres(self.folder, self._password)
        postgres = self.supervisor.start(
            "postgres", servers.postgres_command(data, self._postgres_port), self.environment,
            stop_signal=signal.SIGINT, login=servers.system_login(),
        )  # fmt: skip
        command = servers.valkey_command(servers.make_valkey(self.folder), self._valkey_port, self._password)
        valkey = self.supervisor.start("valkey", command, self.environment)
        servers.await_postgres(self.database_uri, postgres.alive)
        servers.await_valkey(self.redis_url, valkey.alive)
        upgrade(self.database_uri.replace("postgresql://", "postgresql+psycopg2://", 1))
        if not self._with_events:
            self.start_relay()
            return
        self._python("tail", "tickstock_automation.bench.subscriber", str(self.folder), on_line=True)
        self._python(
            "worker", "celery", "--quiet", "-A", "tickstock_automation", "worker", "--include", "tickstock_automation.bench.tasks",
            "--queues", QUEUE, "--concurrency", str(self.writers), "--without-mingle", "--without-gossip", "--loglevel", "WARNING",
        )  # fmt: skip
        self.start_relay()
        self.wait(self._listening.is_set, "the subscriber's first sign")

    def stop(self) -> None:
        """Ends everything; the data are thrown away, so that nothing but the servers is ended gently."""
        for part in self._ending:
            if part.alive():
                part.process.kill()
        for name in ("worker", "relay", "tail"):
            self.supervisor.kill_now(name)
        self.supervisor.stop()

    def start_relay(self) -> None:
        """`tickstock relay`."""
        self._relay = self._python("relay", "tickstock_automation.cli", "relay")

    def stop_relay(self) -> None:
        """Asks the relay to end, as a deployment would, and waits until it did."""
        relay = self._relay
        assert relay is not None
        self.supervisor.parts.remove(relay)
        relay.process.terminate()
        relay.process.wait(10)

    def consume(self, kind: str, events: int) -> Path:
        """Starts a durable consumer that stops by itself after so many events; gives where its result will be."""
        self._consumers += 1
        result = self.folder / f"consumed-{self._consumers}.json"
        part = self._python(
            f"consumer {self._consumers}", "tickstock_automation.bench.consuming", kind, str(events), str(result)
        )
        self.wait(lambda: "ready" in part.lines, "a consumer's first sign")
        self.supervisor.parts.remove(part)  # it may end
        self._ending.append(part)
        return result

    def wait(self, done: Callable[[], bool], what: str, seconds: float = READY_S, every_s: float = 0.05) -> None:
        """Waits until `done()`; PartDied where a process ended meanwhile, or the time is over."""
        deadline = time.monotonic() + seconds
        while not done():
            self.supervisor.check()
            if time.monotonic() > deadline:
                said = "\n".join(f"    {part.name}: {line}" for part in self.supervisor.parts for line in part.lines)
                raise PartDied(f"{what} did not come within {seconds:.0f} s. What the parts said last:\n{said}")
            time.sleep(every_s)

    def database(self) -> Connection:
        """A connection as the owner, each statement a transaction."""
        found = psycopg2.connect(self.database_uri)
        found.autocommit = True
        return found

    def broker(self) -> redis.Redis:
        """A client of the broker."""
        return redis.Redis.from_url(self.redis_url)

    def send(self, **order: object) -> None:
        """Sends the writer's task."""
        with Celery(broker=self.redis_url) as application:
            application.send_task("bench.publish", kwargs=order, queue=QUEUE, ignore_result=True)

    def start_part(self, name: str, module: str, *arguments: str, **settings: str) -> Part:
        """One more process: a Python module with settings of its own."""
        self.environment |= settings
        return self._python(name, module, *arguments)

    def _python(self, name: str, module: str, *arguments: str, on_line: bool = False) -> Part:
        command = [sys.executable, "-m", module, *arguments]
        if on_line:
            return self.supervisor.start(name, command, self.environment, on_line=self._see)
        return self.supervisor.start(name, command, self.environment)

    def _see(self, line: str) -> bool:
        if line == LISTENING:
            self._listening.set()
        return False

    def _make_environment(self) -> dict[str, str]:
        """No setting of the user's; this code, wherever it was started from."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        return kept | {
            "PYTHONPATH": os.pathsep.join(path),
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(self.folder),
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
            "DATABASE_URI": self.database_uri,
            "REDIS_HOST": HOST,
            "REDIS_PORT": str(self._valkey_port),
            "REDIS_PASSWORD": self._password,
            "TICKSTOCK_RELAY_IN_WORKER": "false",
            "TICKSTOCK_STATE_DIR": str(self.folder),
        }


@contextlib.contextmanager
def running_rig(writers: int = 1, *, events: bool = True) -> Iterator[Rig]:
    """A rig that runs (without `events`: the servers and a relay alone); whatever happens, Ctrl-C included, it is ended and its folder removed."""
    with (
        _terminated_as_interrupted(),
        tempfile.TemporaryDirectory(prefix="tickstock-bench-") as folder,
        contextlib.chdir(folder),  # a .env of the user's is not read
    ):
        rig = Rig(Path(folder), writers, events=events)
        try:
            rig.start()
            yield rig
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)  # it is stopping already
            rig.stop()


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM and SIGHUP end it as Ctrl-C does."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    kept = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
