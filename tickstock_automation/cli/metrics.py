"""`tickstock metrics`: what the database says of the services, for Prometheus."""

from __future__ import annotations

import threading
from typing import Annotated

import typer

from tickstock_automation.errors import UsedWrongly


def metrics(
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Serve them on 127.0.0.1 until stopped; without it, print once."),
    ] = None,
) -> None:
    """Shows how the last runs ended, the queue and the findings, in Prometheus's form."""
    from prometheus_client import CollectorRegistry, generate_latest, start_http_server

    from tickstock_automation.ops.database_metrics import DatabaseCollector

    registry = CollectorRegistry()
    registry.register(DatabaseCollector())
    if port is None:
        print(generate_latest(registry).decode(), end="")
        return
    try:
        start_http_server(port, addr="127.0.0.1", registry=registry)
    except OSError as error:
        raise UsedWrongly(f"port {port} cannot be served ({error.strerror}): give another with --port") from None
    threading.Event().wait()
