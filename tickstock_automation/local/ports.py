"""Ports on loopback: whether one is free, and another where it is not."""

from __future__ import annotations

import socket

from tickstock_automation.errors import UsedWrongly

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether nothing listens on this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def any_free() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def choose(name: str, asked: int | None, usual: int) -> int:
    """The port that was asked for (UsedWrongly where it is taken), else the usual one, else any."""
    if asked is not None:
        if not is_free(asked):
            raise UsedWrongly(
                f"port {asked} for {name} is in use: stop what listens there, or give another with --{name}-port"
            )
        return asked
    return usual if is_free(usual) else any_free()
