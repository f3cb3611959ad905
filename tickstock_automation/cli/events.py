"""`tickstock events`: what goes over the channels."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from tickstock_automation.cli import events_books, events_dead, events_replay
from tickstock_automation.cli.moments import moment_or_id
from tickstock_automation.cli.output import SEVERITIES, stderr, stdout
from tickstock_automation.errors import NotFound, UsedWrongly
from tickstock_automation.events.catalogue import Event
from tickstock_automation.events.consumer import Gap, follow, subscribe
from tickstock_automation.events.consumer.entries import ALL_CHANNELS
from tickstock_automation.local.witness import LISTENING
from tickstock_automation.settings import settings

app = typer.Typer(help="What goes over the channels.", no_args_is_help=True)
app.command()(events_replay.replay)
app.command()(events_books.status)
app.command()(events_books.reconcile)
app.add_typer(events_dead.app, name="dead")

COLOURS = {"symbols": "green", "backfill": "blue", "maintenance": "magenta", "quality": "yellow"}
QUIET = ("symbol", "evidence", "severity", "worst")  # said apart, or too long for a line; --json has them


@app.command()
def tail(
    channel: Annotated[list[str] | None, typer.Option(help="Channel or pattern; may be given more than once.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="First what the streams hold: behind an event's id, since a time (2026-11-23T09:30), or 10m, 2h, 1d ago."
        ),
    ] = None,
    symbol: Annotated[
        list[str] | None, typer.Option(help="Only events about this ticker; may be given more than once.")
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="With --since: end with what is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line: channel and event.")] = False,
) -> None:
    """Shows events as they come, until it is stopped; with --since, those that the streams hold before them."""
    if stop and since is None:
        raise UsedWrongly("--stop ends with what the streams hold, so it needs --since")
    wanted = {one.upper() for one in symbol or ()}
    for name, event in _events(channel or list(ALL_CHANNELS), since, live=not stop):
        if wanted and (event.symbol or "").upper() not in wanted:
            continue
        if as_json:
            # one write a line: a reader may be waiting for it
            sys.stdout.write(json.dumps({"channel": name, "event": event.model_dump(mode="json")}) + "\n")
            sys.stdout.flush()
        else:
            show(name, event, with_day=since is not None)


@app.command()
def schema(as_json: Annotated[bool, typer.Option("--json", help="As JSON instead of YAML.")] = False) -> None:
    """Prints the contract of all channels and messages: an AsyncAPI 3 document."""
    from tickstock_automation.events.asyncapi import asyncapi_document, asyncapi_yaml

    print(json.dumps(asyncapi_document(), indent=2) if as_json else asyncapi_yaml(), end="")


def _events(patterns: list[str], since: str | None, *, live: bool) -> Iterator[tuple[str, Event]]:
    def lost(error: Exception) -> None:
        stderr.print(f"connection lost, trying again: {error}", markup=False)

    def gap(found: Gap) -> None:
        stderr.print(f"{found.missed} events of {found.channel} have left its stream", markup=False)

    if since is None:
        yield from subscribe(
            settings().redis_url,
            patterns,
            on_ready=lambda: print(f"{LISTENING} {', '.join(patterns)}", file=sys.stderr, flush=True),
            on_lost=lost,
            on_garbage=lambda message: stderr.print(f"not an event: {message[:120]!r}", markup=False),
        )
        return
    try:
        yield from follow(
            settings().redis_url, patterns, since=moment_or_id(since), live=live, on_gap=gap, on_trouble=lost
        )
    except ValueError as error:
        raise UsedWrongly(str(error)) from None
    except LookupError as error:
        raise NotFound(str(error)) from None


def show(channel: str, event: Event, *, with_day: bool) -> None:
    """An event in one line; on a terminal what does not fit goes on below its own words."""
    colour = next((value for key, value in COLOURS.items() if key in channel), "white")
    moment = f"{event.timestamp:%m-%d %H:%M:%S}" if with_day else f"{event.timestamp:%H:%M:%S.%f}"[:12]
    parts = [
        Text(moment, "dim"),
        Text(f"{event.event_type:<21}", colour),
        Text(f"{event.symbol or '':<6}", "bold"),
        _words(event),
    ]
    if stdout.is_terminal:
        row = Table.grid(padding=(0, 2, 0, 0))
        for _ in parts[:-1]:
            row.add_column(no_wrap=True)
        row.add_column(overflow="fold")
        row.add_row(*parts)
        stdout.print(row)
    else:
        stdout.print(Text("  ").join(parts), soft_wrap=True)


def _words(event: Event) -> Text:
    evidence = event.data.get("evidence")
    words = evidence.get("words") if isinstance(evidence, dict) else None
    severity = str(event.data.get("severity") or "")
    if words:
        state = event.data.get("state")
        said = f"{words}" + (f" ({state})" if state != "open" else "")
        return Text.assemble((f"{severity}: " if severity else "", SEVERITIES.get(severity, "")), said)
    return Text(
        "  ".join(
            f"{key}={_value(value)}"
            for key, value in event.data.items()
            if key not in QUIET and value not in (None, [], {})
        )
    )


def _value(value: Any) -> str:
    """Changes as from and to; lists and maps without JSON's signs."""
    if isinstance(value, dict):
        if value.keys() == {"old", "new"}:
            return f"{_value(value['old'])} → {_value(value['new'])}"
        return ", ".join(f"{key} {_value(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(_value(one) for one in value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return "none" if value is None else str(value)
