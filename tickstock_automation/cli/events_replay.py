"""`tickstock events replay`: sends events again that were sent, by asking the relay to."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any

import typer
from rich.progress import Progress

from tickstock_automation.cli.moments import moment_or_id
from tickstock_automation.cli.output import print_json, stderr, stdout
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import NotFound, Stop, UsedWrongly
from tickstock_automation.events.catalogue import Channel
from tickstock_automation.events.replaying import Replay, ask_for, plan_replay, progress, withdraw

PATIENCE_S = 15.0  # without any progress of the relay's


def replay(
    since: Annotated[
        str, typer.Option(help="Behind an event's id, since a time (2026-11-23T09:30, UTC), or 10m, 2h, 1d ago.")
    ],
    until: Annotated[str | None, typer.Option(help="Up to a time; by default all that was sent.")] = None,
    channel: Annotated[list[str] | None, typer.Option(help="Channel or pattern; may be given more than once.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout; needs --yes.")] = False,
) -> None:
    """Sends events again from the outbox, under the same ids, after saying what it will do. Ctrl-C withdraws what is left."""
    if as_json and not yes:
        raise UsedWrongly("--json asks no questions: give --yes too")
    begin, end = moment_or_id(since), moment_or_id(until) if until else None
    if end is not None and not isinstance(end, datetime):
        raise UsedWrongly("--until takes a time")
    with transaction(Role.RELAY) as session:
        plan = plan_replay(session, begin, end, _channels(channel or ["tickstock.*"]))
    if not plan.events:
        raise NotFound("the outbox holds no sent event of these channels in that time (it keeps a week)")
    if not as_json:
        stdout.print(
            f"Sends {plan.events:,} events again, made {plan.first:%Y-%m-%d %H:%M:%S} to {plan.last:%Y-%m-%d %H:%M:%S} UTC:"
        )
        for name, count in sorted(plan.counts.items()):
            stdout.print(f"  {count:>8,}  {name}")
        stdout.print(
            "They go to the end of their streams under the same ids, live only while younger than a minute. Consumers that"
            " handled them hide them."
        )
    if not yes and not typer.confirm("Go on?"):
        raise typer.Exit(1)
    sent = _ask_and_wait(plan, quiet=as_json)
    if as_json:
        print_json({"sent": sent, "channels": plan.counts})
    else:
        stdout.print(f"{sent:,} events sent again.")


def _channels(patterns: list[str]) -> list[str]:
    found = [str(one) for one in Channel if any(fnmatchcase(one, pattern) for pattern in patterns)]
    if not found:
        raise UsedWrongly(f"no channel is named {', '.join(patterns)}: there are {', '.join(Channel)}")
    return found


def _ask_and_wait(plan: Replay, *, quiet: bool) -> int:
    with transaction(Role.RELAY) as session:
        number = ask_for(session, plan)
    try:
        with Progress(console=stderr, transient=True, disable=quiet) as shown:
            bar = shown.add_task("sending again", total=plan.events)
            return _wait(number, lambda sent: shown.update(bar, completed=sent))
    except KeyboardInterrupt:
        _withdraw(number)
        stderr.print("withdrawn; what was sent stays sent")
        raise


def _wait(number: int, show: Callable[[int], Any]) -> int:
    moved, last = time.monotonic(), -1
    while True:
        with transaction(Role.RELAY) as session:
            sent, through, done = progress(session, number)
        show(sent)
        if done:
            return sent
        if through != last:
            moved, last = time.monotonic(), through
        if time.monotonic() - moved > PATIENCE_S:
            _withdraw(number)
            raise Stop(
                f"no relay sent anything for {PATIENCE_S:.0f} s, so the rest is withdrawn ({sent} were sent):"
                " `tickstock doctor` says what is wrong"
            )
        time.sleep(0.1)


def _withdraw(number: int) -> None:
    with transaction(Role.RELAY) as session:
        withdraw(session, number)
