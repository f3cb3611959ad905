"""`tickstock events status` and `reconcile`: what goes on, and whether the books balance."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from tickstock_automation.cli.broker import broker
from tickstock_automation.cli.output import AsJson, print_json, stdout
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.events import books, inspection
from tickstock_automation.events.books import SHOWN, ChannelBooks
from tickstock_automation.settings import settings

FINDINGS = 6


def status(as_json: AsJson = False) -> None:
    """Shows channels and rates, what waits, the durable consumers and how far behind they are, and what is set aside."""
    with transaction(Role.RELAY) as session:
        found = inspection.status(broker(), session)
    if as_json:
        print_json(asdict(found))
        return
    outbox = found.outbox
    alive = outbox.heartbeat_s is not None and outbox.heartbeat_s < 5
    stdout.print(f"relay      {outbox.relay if alive else '[bold red]none gives a sign of life[/]'}")
    age = f", the oldest for {outbox.oldest_s:.1f} s" if outbox.waiting else ""
    stdout.print(f"waiting    {outbox.waiting:,} events{age}")
    if outbox.set_aside:
        stdout.print(f"set aside  [yellow]{outbox.set_aside:,} that cannot be sent: tickstock events dead list[/]")
    table = _table("channel", "a minute", "an hour", "kept", "newest")
    for channel in found.channels:
        table.add_row(
            channel.channel.removeprefix("tickstock."), _dot(channel.last_minute), _dot(channel.last_hour), _dot(channel.entries),
            "·" if channel.newest_s is None else _ago(channel.newest_s),
        )  # fmt: skip
    stdout.print()
    stdout.print(table)
    stdout.print()
    if not found.groups:
        stdout.print("No durable consumer has read yet.", style="dim")
        return
    table = _table("consumer", "channels", "behind", "in hand", "set aside", "active")
    for group in found.groups:
        aside = f"[yellow]{group.set_aside:,}[/]" if group.set_aside else "·"
        table.add_row(
            group.name, str(group.channels), _dot(group.lag), _dot(group.in_hand), aside, "yes" if group.active else "[red]no[/]"
        )  # fmt: skip
    stdout.print(table)


def reconcile(
    session: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Only events of this session; by default all that the outbox keeps (a week)."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Holds the outbox against the streams, and the streams against what each durable consumer handled.

    At any time, also while events flow. Exit code 6 where an event is missing from its stream, or was never committed.
    """
    found = _books(session.date() if session else None)
    balanced = all(one.balanced for one in found)
    if as_json:
        print_json({"balanced": balanced, "channels": [asdict(one) for one in found]})
    else:
        _show(found, balanced)
    raise typer.Exit(0 if balanced else FINDINGS)


def _books(day: date | None) -> list[ChannelBooks]:
    """Redis's number, then the outbox, then the streams: what was sent by then is in each that is read later."""
    client = broker()
    with transaction(Role.RELAY) as session:
        held = inspection.batch_held(client, session)
    with transaction(Role.RELAY) as session:
        rows = inspection.committed(session, day)
    streams = inspection.streams(client)
    ids = {row.id for row in rows}
    strangers = {stream.channel: [id_ for id_ in stream.entries if id_ not in ids] for stream in streams}
    with transaction(Role.RELAY) as session:  # a new one: what was committed meanwhile is seen
        known = inspection.known_ids(session, [id_ for found in strangers.values() for id_ in found])
    kept_since = datetime.now(UTC) - timedelta(seconds=settings().outbox_keep_s)
    for stream in streams:
        unknown = [id_ for id_ in strangers[stream.channel] if id_ not in known]
        known |= inspection.older_than(client, stream, unknown, kept_since)
    return books.reconcile(rows, streams, held, known)


def _show(found: list[ChannelBooks], balanced: bool) -> None:
    rare = [name for name in ("waiting", "trimmed", "set_aside") if any(getattr(one, name) for one in found)]
    table = _table(
        "channel", "committed", "in stream", *(name.replace("_", " ") for name in rare), "missing", "invented"
    )
    for one in found:
        wrong = [f"[bold red]{len(ids)}[/]" if ids else "·" for ids in (one.missing, one.invented)]
        numbers = [_dot(getattr(one, name)) for name in ("committed", "in_stream", *rare)]
        table.add_row(one.channel.removeprefix("tickstock."), *numbers, *wrong)
    stdout.print(table)
    names = sorted({group.name for one in found for group in one.groups})
    if names:
        table = _table("consumer", "handled", "in hand", "not yet", "set aside")
        for name in names:
            own = [group for one in found for group in one.groups if group.name == name]
            table.add_row(
                name, *(_dot(sum(getattr(group, what) for group in own)) for what in ("handled", "in_hand", "not_yet", "set_aside"))
            )  # fmt: skip
        stdout.print()
        stdout.print(table)
    stdout.print()
    for one in found:
        for what, ids in (("missing from its stream", one.missing), ("never committed", one.invented)):
            for id_ in ids[:SHOWN]:
                stdout.print(f"[red]{what}[/]  {one.channel}  {id_}")
            if len(ids) > SHOWN:
                stdout.print(f"[red]and {len(ids) - SHOWN:,} more[/]")
    stdout.print("[green]The books balance.[/]" if balanced else "[bold red]The books do not balance.[/]")


def _table(first: str, *numbers: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column(first, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def _dot(number: int) -> str:
    return f"{number:,}" if number else "·"


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0, seconds):.0f} s"
