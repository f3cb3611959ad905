"""How backfills look on a terminal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from tickstock_automation.bars.control import JobStatus, job_status, waits_until
from tickstock_automation.bars.drafts import Draft
from tickstock_automation.bars.planner import GroupedCall
from tickstock_automation.cli.output import columns, facts, stderr
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.settings import Settings

LOOK_S = 0.3
SEND_S = 2.0
COLOURS = {
    "done": "green",
    "running": "cyan",
    "planned": "cyan",
    "paused": "yellow",
    "failed": "red",
    "cancelled": "dim",
}


def draft_figures(drafted: Draft, calls_per_minute: int, max_calls: int | None, as_of: date) -> dict[str, Any]:
    """A draft in the form that `--json` prints; `calls` are those for bars."""
    calls = len(drafted.calls)
    return {
        "symbols": drafted.symbols, "first": drafted.first, "last": drafted.last, "bars_wanted": drafted.pairs,
        "calls": calls, "grouped_calls": drafted.grouped, "range_calls": calls - drafted.grouped,
        "calls_now": min(calls, max_calls or calls), "planned_already": drafted.waiting, "splits_calls": int(drafted.reads_splits(as_of)),
        "minutes": drafted.minutes(calls_per_minute), "disk_bytes": drafted.bytes,
        "outside_history": drafted.outside, "not_listed": drafted.unlisted, "known": drafted.settled,
    }  # fmt: skip


def draft_table(drafted: Draft, told: dict[str, Any], earliest: date) -> RenderableType:
    """A plan for a person: what it brings, what it costs, what is left out and why."""
    days = [call.session for call in drafted.calls if isinstance(call, GroupedCall)]
    rows = {
        "symbols": f"{drafted.symbols:,}, from {drafted.first} to {drafted.last}",
        "bars wanted": f"{drafted.pairs:,}, at most {size(drafted.bytes)} on disk",
        "vendor calls": f"[bold]{told['calls']:,}[/]"
        + (f", {told['calls_now']:,} now (--max-calls)" if told["calls_now"] != told["calls"] else "")
        + (f", of which {drafted.waiting:,} are planned already" if drafted.waiting else ""),
        "  whole market": f"{len(days):,}"
        + (f", one for each session from {min(days)} to {max(days)}" if days else ""),
        "  one ticker": f"{told['range_calls']:,}",
        **({"besides": "one for the splits of these years"} if told["splits_calls"] else {}),
        "time": duration(told["minutes"] * 60) + " at the plan's rate" if told["minutes"] else "no call limit is set",
    }
    for key, words in (
        ("outside_history", f"before {earliest}, to which the vendor's plan reaches back (POLYGON_HISTORY_YEARS)"),
        ("not_listed", "not listed yet, or delisted"),
        ("known", "stored, or known not to exist" if not drafted.reread else "another security had the ticker"),
    ):
        if told[key]:
            rows[f"left out: {told[key]:,}"] = words
    if not drafted.calls:
        return Group(facts(rows), "[green]Nothing to ask for.[/]")
    return facts(rows)


def jobs_table(found: Sequence[JobStatus]) -> Table:
    """Jobs, the newest first."""
    table = columns(
        "job", "reason", "state", "%", "bars", "empty", "failed", "calls", "left", "",
        numbers=("job", "%", "bars", "empty", "failed", "calls", "left"), words=("",),
    )  # fmt: skip
    for one in found:
        table.add_row(
            str(one.id), one.reason, state(one), str(one.percent), f"{one.bars:,}", f"{one.empty:,}", f"{one.failed:,}",
            f"{one.vendor_calls:,}", "" if one.ended else f"{one.calls_left:,}", one.why or _when(one),
        )  # fmt: skip
    return table


def one_job(one: JobStatus) -> Table:
    """One job in full."""
    rows: dict[str, RenderableType] = {
        "job": f"{one.id}, {one.reason}" + (f", by {one.author}" if one.author else ""),
        "state": state(one) + (f"  {one.why}" if one.why else "") + f"  {one.percent}%",
        "symbols": f"{one.symbols:,}, from {one.first} to {one.last}",
        "bars": f"{one.bars:,} of {one.pairs:,} wanted; {one.empty:,} known not to exist, {one.failed:,} failed",
        "vendor calls": f"{one.vendor_calls:,} made" + ("" if one.ended else f", {one.calls_left:,} left")
        + (f", {one.max_calls:,} at most" if one.max_calls else ""),
    }  # fmt: skip
    if one.started_at and one.finished_at:
        rows["took"] = duration((one.finished_at - one.started_at).total_seconds())
    elif one.eta_s is not None:
        rows["done in"] = duration(one.eta_s)
    if one.state == "paused":
        rows["next"] = f"tickstock backfill resume {one.id} goes on; cancel {one.id} ends it, its bars stay"
    if one.state == "failed":
        rows["next"] = (
            f"tickstock backfill resume {one.id} tries what failed again; tickstock bars why SYMBOL DATE says why"
        )
    return facts(rows)


def _when(one: JobStatus) -> str:
    if one.eta_s:
        return f"{duration(one.eta_s)} to go"
    return f"ended {one.finished_at.astimezone(UTC):%Y-%m-%d %H:%M}" if one.finished_at else ""


def state(one: JobStatus) -> str:
    """Its state in its colour."""
    return f"[{COLOURS[one.state]}]{one.state}[/]"


def follow(job_id: int, settings: Settings) -> JobStatus:
    """A progress bar until the job ends or is paused; what happens meanwhile is the workers' doing."""
    from tickstock_automation.celery import make_app

    app, sent = make_app(settings), 0.0
    bar = Progress(
        TextColumn(f"backfill {job_id}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[words]}"), console=stderr, transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task("", total=100, words="")
        while True:
            with transaction(Role.APP) as session:
                told = job_status(session, job_id, settings.polygon_calls_per_minute)
                waits = waits_until(session)
            bar.update(task, completed=told.percent, words=_progress(told, waits))
            if told.ended or told.state == "paused":
                return told
            if time.monotonic() - sent > SEND_S and waits is None:  # as beat does, where one runs
                app.send_task("bars.make_calls", queue="priority.50", expires=SEND_S)
                sent = time.monotonic()
            time.sleep(LOOK_S)


def _progress(told: JobStatus, waits: tuple[datetime, str | None] | None) -> str:
    words = f"{told.bars:,} bars  {told.vendor_calls:,} calls, {told.calls_left:,} left"
    if waits is not None:
        pause = max(0.0, (waits[0] - datetime.now(UTC)).total_seconds())
        return f"{words}  waits {duration(pause)}" + (f": {waits[1]}" if waits[1] else "")
    return f"{words}  {duration(told.eta_s)} to go" if told.eta_s else words


def duration(seconds: float | None) -> str:
    """A length of time in the two units that matter."""
    whole = round(seconds or 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(count: float) -> str:
    """Bytes in the largest unit that leaves a figure over one."""
    for unit in ("bytes", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
