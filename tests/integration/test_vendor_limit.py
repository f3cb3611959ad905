"""The minute's limit, shared through Redis; while that is away it goes slow, not fast."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tickstock_automation.errors import VendorUnavailable
from tickstock_automation.local import servers
from tickstock_automation.local.ports import HOST, any_free
from tickstock_automation.local.supervisor import Supervisor
from tickstock_automation.vendor.limits import CallLimit

pytestmark = [pytest.mark.integration, pytest.mark.redis, pytest.mark.resilience]


class Valkey:
    """A Valkey of the test's own, to be stopped and started."""

    def __init__(self, state: Path) -> None:
        self.state, self.port = state, any_free()
        self.url = f"redis://:sesame@{HOST}:{self.port}/0"

    def start(self) -> None:
        self.supervisor = Supervisor(self.state)
        command = servers.valkey_command(servers.make_valkey(self.state), self.port, "sesame")
        part = self.supervisor.start("valkey", command, os.environ)
        servers.await_valkey(self.url, part.alive)

    def stop(self) -> None:
        self.supervisor.stop()


def refused(limit: CallLimit) -> VendorUnavailable:
    with pytest.raises(VendorUnavailable) as error:
        limit.take()
    return error.value


def test_while_redis_is_away_each_process_makes_one_call_a_minute_and_says_so_once(tmp_path: Path) -> None:
    valkey = Valkey(tmp_path)
    valkey.start()
    one, other = CallLimit(valkey.url, 1000), CallLimit(valkey.url, 1000)  # two processes
    try:
        for _ in range(20):
            one.take()
        valkey.stop()
        with capture_logs() as logs:
            assert 0 < (refused(one).after_s or 0) <= 60, "it called just now"
            assert "while Redis is away" in str(refused(one))
            other.take()
            assert 50 < (refused(other).after_s or 0) <= 60
            assert one.left() is None
        assert len([line for line in logs if "Redis is away" in line["event"]]) == 2, "once a process"
        valkey.start()
        with capture_logs() as logs:
            for _ in range(20):
                one.take()
        assert [line["event"] for line in logs] == ["Redis is back: the vendor's call limit is shared again"]
    finally:
        valkey.stop()


def test_all_processes_share_the_minute(settings: object, running: object) -> None:
    url = f"redis://:{running.redis_password}@{HOST}:{running.redis_port}/0"  # type: ignore[attr-defined]
    limits = [CallLimit(url, 5) for _ in range(3)]
    for number in range(5):
        limits[number % 3].take()
    assert limits[0].left() == 0
    for limit in limits:
        assert 50 < (refused(limit).after_s or 0) <= 60
    CallLimit(url, 0).take()
