"""`tickstock events replay`: sends events again that were sent, by asking the relay to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any

import typer
from rich.progress import Progress
from sqlalchemy import text

from tickstock_automation.cli.moments import moment_or_id
from tickstock_automation.cli.output import print_json, stderr, stdout
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import NotFound, Stop, UsedWrongly
from tickstock_automation.events.catalogue import Channel
from tickstock_automation.events.relay import LOOK, NOTICE

PATIENCE_S = 15.0  # without any progress of the relay's


@dataclass(frozen=True)
class Plan:
    """What would be sent again: seq numbers behind `after` up to `until`, on channels; first and last made when."""

    after: int
    until: int
    channels: list[str]
    counts: dict[str, int]
    first: datetime | None
    last: datetime | None

    @property
    def events(self) -> int:
        return sum(self.counts.values())


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
    plan = _plan(since, until, channel or ["tickstock.*"])
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


def _plan(since: str, until: str | None, patterns: list[str]) -> Plan:
    channels = [str(one) for one in Channel if any(fnmatchcase(one, pattern) for pattern in patterns)]
    if not channels:
        raise UsedWrongly(f"no channel is named {', '.join(patterns)}: there are {', '.join(Channel)}")
    begin = moment_or_id(since)
    end = moment_or_id(until) if until else None
    if end is not None and not isinstance(end, datetime):
        raise UsedWrongly("--until takes a time")
    with transaction(Role.RELAY) as session:
        if isinstance(begin, datetime):
            where, value = "created_at >= :begin", begin
        else:
            seq = session.execute(text("SELECT seq FROM outbox WHERE id = :id"), {"id": begin}).scalar()
            if seq is None:
                raise NotFound(f"no event {begin} is in the outbox (any more)")
            where, value = "seq > :begin", seq
        rows = session.execute(
            text(
                "SELECT channel, count(*), min(seq), max(seq), min(created_at), max(created_at) FROM outbox"  # noqa: S608
                f" WHERE {where} AND (CAST(:end AS timestamptz) IS NULL OR created_at <= :end) AND batch IS NOT NULL"
                " AND set_aside IS NULL AND channel = ANY(:channels) GROUP BY channel"
            ),
            {"begin": value, "end": end, "channels": channels},
        ).all()
    if not rows:
        return Plan(0, 0, channels, {}, None, None)
    return Plan(
        min(row[2] for row in rows) - 1, max(row[3] for row in rows), channels, {row[0]: row[1] for row in rows},
        min(row[4] for row in rows), max(row[5] for row in rows),
    )  # fmt: skip


def _ask_and_wait(plan: Plan, *, quiet: bool) -> int:
    with transaction(Role.RELAY) as session:
        number = session.execute(
            text(
                "INSERT INTO outbox_replays (channels, sent_through, until_seq) VALUES (:channels, :after, :until) RETURNING id"
            ),
            {"channels": plan.channels, "after": plan.after, "until": plan.until},
        ).scalar_one()
        session.execute(text("SELECT pg_notify(:channel, :look)"), {"channel": NOTICE, "look": LOOK})
    try:
        with Progress(console=stderr, transient=True, disable=quiet) as progress:
            bar = progress.add_task("sending again", total=plan.events)
            return _wait(number, lambda sent: progress.update(bar, completed=sent))
    except KeyboardInterrupt:
        _withdraw(number)
        stderr.print("withdrawn; what was sent stays sent")
        raise


def _wait(number: int, show: Callable[[int], Any]) -> int:
    moved, last = time.monotonic(), -1
    while True:
        with transaction(Role.RELAY) as session:
            sent, done = session.execute(
                text("SELECT sent, done_at IS NOT NULL FROM outbox_replays WHERE id = :id"), {"id": number}
            ).one()
        show(sent)
        if done:
            return int(sent)
        if sent != last:
            moved, last = time.monotonic(), sent
        if time.monotonic() - moved > PATIENCE_S:
            _withdraw(number)
            raise Stop(
                f"no relay sent anything for {PATIENCE_S:.0f} s, so the rest is withdrawn ({sent} were sent):"
                " `tickstock doctor` says what is wrong"
            )
        time.sleep(0.1)


def _withdraw(number: int) -> None:
    with transaction(Role.RELAY) as session:
        session.execute(
            text("UPDATE outbox_replays SET done_at = clock_timestamp() WHERE id = :id AND done_at IS NULL"),
            {"id": number},
        )
