"""What the campaign of faults does to connections and processes really happens to them."""

import os
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.faults.links import REDIS_LINKS, Links, quiet_port
from tests.faults.system import System
from tickstock_automation.local.migrate import ROOT
from tickstock_automation.local.ports import HOST

pytestmark = pytest.mark.resilience
LINK = REDIS_LINKS[0]


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(1024):
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@pytest.fixture(scope="module")
def links() -> Iterator[Links]:
    """A proxy in front of a server that says what it hears."""
    port = quiet_port()
    with Server((HOST, port), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = Links(port, port)
        proxy = subprocess.Popen(found.command(), cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
        try:
            found.await_ready()
            yield found
        finally:
            proxy.kill()
            proxy.wait()
            server.shutdown()


@pytest.fixture
def client(links: Links) -> Iterator[socket.socket]:
    links.heal()
    with socket.create_connection((HOST, links.ports[LINK]), timeout=5) as connected:
        assert echoed(connected, b"hello") == b"hello"
        yield connected


def echoed(connected: socket.socket, said: bytes) -> bytes:
    connected.sendall(said)
    return connected.recv(1024)


def test_a_cut_connection_is_reset_and_a_new_one_works(links: Links, client: socket.socket) -> None:
    links.cut([LINK])
    with pytest.raises(ConnectionResetError):
        echoed(client, b"there?")
    with socket.create_connection((HOST, links.ports[LINK]), timeout=5) as again:
        assert echoed(again, b"hello") == b"hello"


def test_a_refused_link_takes_no_connection_until_it_is_healed(links: Links, client: socket.socket) -> None:
    links.refuse([LINK])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, links.ports[LINK]), timeout=5)
    links.heal([LINK])
    with socket.create_connection((HOST, links.ports[LINK]), timeout=5) as again:
        assert echoed(again, b"hello") == b"hello"


@pytest.mark.parametrize(("up", "down"), [(True, False), (False, True), (True, True)])
def test_stalled_bytes_arrive_when_it_is_healed(links: Links, client: socket.socket, up: bool, down: bool) -> None:
    links.stall([LINK], up=up, down=down)
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        echoed(client, b"late")
    links.heal([LINK])
    client.settimeout(5)
    assert client.recv(1024) == b"late"


def test_a_delay_is_felt_both_ways(links: Links, client: socket.socket) -> None:
    links.delay([LINK], 0.15)
    began = time.monotonic()
    assert echoed(client, b"slow") == b"slow"
    assert time.monotonic() - began >= 0.3


def test_a_frozen_process_stands_still_and_thaws_by_itself(tmp_path: Path) -> None:
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    states: list[str] = []
    try:
        freezing = threading.Thread(target=System(tmp_path, 1, 1.0).freeze, args=(-process.pid, 0.5))
        freezing.start()
        while freezing.is_alive():
            states.append(psutil.Process(process.pid).status())
            time.sleep(0.02)
        assert psutil.STATUS_STOPPED in states
        assert psutil.Process(process.pid).status() != psutil.STATUS_STOPPED
    finally:
        process.kill()
        process.wait()


def test_what_is_gone_cannot_be_frozen(tmp_path: Path) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    with pytest.raises(ProcessLookupError):
        System(tmp_path, 1, 1.0).freeze(process.pid, 0.1)
