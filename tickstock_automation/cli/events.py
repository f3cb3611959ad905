"""`tickstock events`: what goes over the channels."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.text import Text

from tickstock_automation.cli.output import stderr, stdout
from tickstock_automation.events.catalogue import Event
from tickstock_automation.events.consumer import subscribe
from tickstock_automation.events.consumer.entries import ALL_CHANNELS
from tickstock_automation.local.witness import LISTENING
from tickstock_automation.settings import settings

app = typer.Typer(help="What goes over the channels.", no_args_is_help=True)
COLOURS = {"symbols": "green", "backfill": "blue", "maintenance": "magenta", "quality": "yellow"}


@app.callback()
def _group() -> None:
    """Keeps `tail` a subcommand."""


@app.command()
def tail(
    channel: Annotated[list[str] | None, typer.Option(help="Channel or pattern; may be given more than once.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line: channel and event.")] = False,
) -> None:
    """Shows events live, until it is stopped."""
    patterns = channel or list(ALL_CHANNELS)
    events = subscribe(
        settings().redis_url,
        patterns,
        on_ready=lambda: print(f"{LISTENING} {', '.join(patterns)}", file=sys.stderr, flush=True),
        on_lost=lambda error: stderr.print(f"connection lost, trying again: {error}", markup=False),
        on_garbage=lambda message: stderr.print(f"not an event: {message[:120]!r}", markup=False),
    )
    for name, event in events:
        if as_json:
            # one write a line: a reader may be waiting for it
            sys.stdout.write(json.dumps({"channel": name, "event": event.model_dump(mode="json")}) + "\n")
            sys.stdout.flush()
        else:
            stdout.print(_line(name, event))


def _line(channel: str, event: Event) -> Text:
    colour = next((value for key, value in COLOURS.items() if key in channel), "white")
    said = {
        key: value
        for key, value in event.data.items()
        if key not in ("symbol", "evidence") and value not in (None, [], {})
    }
    words = event.data.get("evidence", {}).get("words")
    return Text.assemble(
        (f"{event.timestamp:%H:%M:%S.%f}"[:12] + "  ", "dim"),
        (f"{event.event_type:<22}", colour),
        (f"{event.symbol or '':<8}", "bold"),
        words or _short(said),
    )


def _short(data: dict[str, Any]) -> str:
    return "  ".join(f"{key}={value}" for key, value in data.items())
