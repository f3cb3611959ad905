"""The Celery application as people run it without `tickstock up`: worker, Flower, queues."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from pytest_celery import (
    CeleryBackendCluster,
    CeleryBrokerCluster,
    CeleryTestBackend,
    CeleryTestBroker,
    CeleryTestContainer,
    CeleryTestSetup,
    CeleryTestWorker,
    CeleryWorkerCluster,
)
from sqlalchemy import Engine, text

from tests.e2e.conftest import until
from tickstock_automation.celery import SCHEDULE, make_app
from tickstock_automation.events.catalogue import CANARY_CHANNEL, STREAM_PREFIX, decode
from tickstock_automation.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.redis, pytest.mark.database]


class Process(CeleryTestContainer):
    """A real process where pytest-celery would have a container."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._name, self._command, self._environment, self._log = name, command, environment, log
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdout=self._log.open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def id(self) -> str:
        assert self._process
        return str(self._process.pid)

    @property
    def name(self) -> str:
        return self._name

    @property
    def status(self) -> str:
        assert self._process
        return "running" if self._process.poll() is None else "exited"

    def ready(self) -> bool:
        return "ready." in self.logs()

    def logs(self, **_options: Any) -> str:
        return self._log.read_text(errors="replace")

    def kill(self, signal: str | int | None = None, reload_container: bool = True) -> None:
        assert self._process
        self._process.kill()
        self._process.wait()

    def restart(self, *_arguments: Any, **_options: Any) -> None:
        self.teardown()
        self.start()

    def reload(self) -> None:
        """A process has no attributes to fetch anew."""

    def teardown(self) -> None:
        assert self._process
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    @property
    def celeryconfig(self) -> dict[str, Any]:
        return {"worker": self._environment}


def environment(settings: Settings, **more: str) -> dict[str, str]:
    assert settings.database_uri
    assert settings.redis_password
    return {
        **os.environ, "DATABASE_URI": settings.database_uri.get_secret_value(), "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(settings.redis_port), "REDIS_PASSWORD": settings.redis_password.get_secret_value(), **more,
    }  # fmt: skip


@pytest.fixture
def worker_process(settings: Settings, tmp_path: Path) -> Iterator[Process]:
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "tickstock_automation",
        "worker",
        "-n",
        "one@test",
        "--concurrency",
        "1",
        "--without-mingle",
    ]
    process = Process("one@test", command, environment(settings), tmp_path / "worker.log")
    yield process
    process.teardown()


class RunningServer(CeleryTestContainer):
    """The Valkey that the run's fixtures started, as broker and backend of pytest-celery."""

    def __init__(self, url: str) -> None:
        self.url = url

    id = name = "valkey"
    status = "running"

    def ready(self) -> bool:
        return True

    def reload(self) -> None:
        """Nothing to fetch anew."""

    def teardown(self) -> None:
        """It belongs to the run."""

    @property
    def celeryconfig(self) -> dict[str, Any]:
        return {"url": self.url, "host_url": self.url}


@pytest.fixture
def celery_broker_cluster(settings: Settings) -> CeleryBrokerCluster:
    return CeleryBrokerCluster(CeleryTestBroker(RunningServer(settings.redis_url)))


@pytest.fixture
def celery_backend_cluster(settings: Settings) -> CeleryBackendCluster:
    return CeleryBackendCluster(CeleryTestBackend(RunningServer(settings.redis_url)))


@pytest.fixture
def celery_worker_cluster_config() -> dict[str, Any]:
    return {"broker": "the run's own"}  # pytest-celery refuses an empty one; ours reads its settings itself


@pytest.fixture
def celery_worker_cluster(settings: Settings, worker_process: Process) -> CeleryWorkerCluster:
    return CeleryWorkerCluster(CeleryTestWorker(worker_process, app=make_app(settings)))


def test_a_lone_worker_brings_its_own_relay_and_takes_both_services_tasks(
    celery_setup: CeleryTestSetup, settings: Settings, broker: redis.Redis
) -> None:
    until(lambda: celery_setup.ready(ping=False), 30, "a ready worker")
    application = make_app(settings)
    for queue, service in (("priority.50", "ipo_monitor"), ("quality", "data_quality_monitor")):
        application.send_task("ops.canary", kwargs={"probe": queue, "service": service}, queue=queue)

    def probes() -> set[str]:
        entries: Any = broker.xrange(STREAM_PREFIX + CANARY_CHANNEL)
        return {decode(fields["event"]).data["probe"] for _, fields in entries}

    until(lambda: probes() == {"priority.50", "quality"}, 30, "the canaries")


def test_a_hundred_is_taken_before_ninety_before_fifty(
    settings: Settings, admin: Engine, tmp_path: Path, broker: redis.Redis
) -> None:
    """All three queues are filled before there is a worker."""
    application = make_app(settings)
    for number in range(4):
        for priority in (50, 90, 100):
            application.send_task(
                "ops.canary",
                kwargs={"probe": f"{priority}:{number}", "service": "ipo_monitor"},
                queue=f"priority.{priority}",
            )
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "tickstock_automation",
        "worker",
        "--concurrency",
        "1",
        "--without-mingle",
    ]
    process = Process(
        "late@test", command, environment(settings, TICKSTOCK_SERVICES="ipo_monitor"), tmp_path / "late.log"
    )

    def order() -> list[str]:
        with admin.connect() as connection:
            rows = connection.execute(text("SELECT data::jsonb ->> 'probe' FROM outbox ORDER BY seq"))
            return list(rows.scalars())

    try:
        until(lambda: len(order()) == 12, 40, "all tasks")
        assert order() == [f"{priority}:{number}" for priority in (100, 90, 50) for number in range(4)]
    finally:
        process.teardown()


def test_flower_refuses_to_start_without_a_password(settings: Settings) -> None:
    flower = [sys.executable, "-m", "celery", "-A", "tickstock_automation", "flower"]
    said = subprocess.run(flower, env=environment(settings), capture_output=True, text=True, timeout=30, check=False)
    assert said.returncode == 2
    assert "FLOWER_PASSWORD" in said.stderr
    assert "Traceback" not in said.stderr


def test_celery_with_invalid_settings_names_them_and_shows_no_traceback(settings: Settings) -> None:
    worker = [sys.executable, "-m", "celery", "-A", "tickstock_automation", "worker"]
    wrong = environment(settings, TICKSTOCK_LEASE_S="soon", REDIS_PORT="0")
    said = subprocess.run(worker, env=wrong, capture_output=True, text=True, timeout=30, check=False)
    assert said.returncode == 2
    assert "TICKSTOCK_LEASE_S" in said.stderr
    assert "REDIS_PORT" in said.stderr
    assert "Traceback" not in said.stderr


def test_beat_sends_what_is_due_once_an_interval(settings: Settings, tmp_path: Path, broker: redis.Redis) -> None:
    command = [sys.executable, "-m", "celery", "-A", "tickstock_automation", "beat"]
    beat = Process("beat", command, environment(settings), tmp_path / "beat.log")
    try:
        until(lambda: broker.llen("priority.100"), 30, "the first dispatch")
    finally:
        beat.teardown()
    assert not list(tmp_path.glob("celerybeat*")), "no schedule file, and so no pickle"


def test_the_schedule_names_tasks_that_exist(settings: Settings) -> None:
    application = make_app(settings)
    application.loader.import_default_modules()
    assert {entry["task"] for entry in SCHEDULE.values()} <= set(application.tasks)
    assert application.conf.timezone == "America/New_York"
    assert application.conf.accept_content == ["json"]


def test_the_registered_tasks_are_what_the_docs_say(settings: Settings) -> None:
    application = make_app(settings)
    application.loader.import_default_modules()
    ours = {name for name in application.tasks if not name.startswith(("celery.", "pytest_celery."))}
    assert ours == {
        "symbols.scan",
        "symbols.fetch_details",
        "bars.load_session",
        "bars.make_calls",
        "bars.repair",
        "bars.process_batch",
        "bars.reread",
        "processing.dispatch",
        "quality.remediate",
        "quality.sweep",
        "quality.sweep_shard",
        "quality.sweep_touched",
        "ops.canary",
    }


def test_a_busy_child_of_the_pool_learns_that_its_worker_was_told_to_stop(
    settings: Settings, tmp_path: Path, broker: redis.Redis
) -> None:
    """The task of tests/stopping_worker.py runs until then, in each of two children, and says what it saw."""
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "tests.stopping_worker",
        "worker",
        "--concurrency",
        "2",
        "--without-mingle",
    ]
    given = environment(settings, STOPPING_BOOK=str(tmp_path), TICKSTOCK_SERVICES="ipo_monitor")
    process = Process("stopping@test", command, given, tmp_path / "stopping.log")
    try:
        application = make_app(settings)
        for number in range(2):
            application.send_task("tests.until_stopping", kwargs={"name": str(number)}, queue="priority.50")
        until(lambda: len(list(tmp_path.glob("*.began"))) == 2, 40, "both tasks")
        os.kill(int(process.id), signal.SIGTERM)
        until(lambda: process.status == "exited", 30, "the worker's end")
        assert {path.name for path in tmp_path.glob("*.ended")} == {"0.ended", "1.ended"}
        children = {path.read_text() for path in tmp_path.glob("*.ended")}
        assert len(children) == 2
        assert process.id not in children
    finally:
        process.teardown()
