"""The links between services and servers, and the campaign's hand on the proxy that carries them."""

from __future__ import annotations

import json
import random
import socket
import sys
import threading
import time

from tickstock_automation.local.ports import HOST, is_free

REDIS_LINKS = ("redis-relay", "redis-worker", "redis-consumer", "redis-live")
POSTGRES_LINKS = ("postgres-relay", "postgres-worker", "postgres-writer")
BELOW_EPHEMERAL = (15_000, 32_000)  # nobody's outgoing connection gets a port here while ours is closed
READY_S = 15.0


def quiet_port() -> int:
    """A free port that stays ours to take again."""
    while True:
        port = random.SystemRandom().randrange(*BELOW_EPHEMERAL)
        if is_free(port):
            return port


class Links:
    """Ports of the links, and orders to the proxy."""

    def __init__(self, redis_port: int, postgres_port: int) -> None:
        self.ports = {name: quiet_port() for name in (*REDIS_LINKS, *POSTGRES_LINKS)}
        self._targets = {name: redis_port if name in REDIS_LINKS else postgres_port for name in self.ports}
        self._control_port = quiet_port()
        self._lock = threading.Lock()

    def command(self) -> list[str]:
        """How the proxy is started."""
        links = [f"{name}={port}:{self._targets[name]}" for name, port in self.ports.items()]
        return [sys.executable, "-m", "tests.faults.proxy", str(self._control_port), *links]

    def await_ready(self) -> None:
        """Waits until the proxy obeys."""
        deadline = time.monotonic() + READY_S
        while True:
            try:
                return self.heal()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def cut(self, links: list[str]) -> None:
        """Resets their connections."""
        self._order({"do": "cut", "links": links})

    def refuse(self, links: list[str]) -> None:
        """Closes their ports and resets their connections."""
        self._order({"do": "refuse", "links": links})

    def stall(self, links: list[str], *, up: bool, down: bool) -> None:
        """Holds the bytes to the server, to the client, or both."""
        self._order({"do": "stall", "links": links, "up": up, "down": down})

    def delay(self, links: list[str], seconds: float) -> None:
        """Each chunk of bytes waits so long."""
        self._order({"do": "delay", "links": links, "seconds": seconds})

    def heal(self, links: list[str] | None = None) -> None:
        """As if nothing had been."""
        self._order({"do": "heal", "links": links or list(self.ports)})

    def _order(self, order: dict[str, object]) -> None:
        with self._lock, socket.create_connection((HOST, self._control_port), timeout=10) as control:
            control.sendall(json.dumps(order).encode() + b"\n")
            if control.recv(3) != b"ok\n":
                raise ConnectionError(f"the proxy did not obey {order}")
