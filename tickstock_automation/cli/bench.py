"""`tickstock bench`: how fast it is, measured on this machine, beside the user's own servers and data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from tickstock_automation.bench.targets import Target, event_targets, load_targets, quality_targets, queue_targets
from tickstock_automation.cli.bench_quality_view import (
    alarms_table,
    figures_table,
    kinds_table,
    missed_table,
    quality_notes,
    thresholds_table,
    tuned_table,
    tuning_notes,
)
from tickstock_automation.cli.output import AsJson, print_json, stderr, stdout
from tickstock_automation.errors import UsedWrongly

app = typer.Typer(help="How fast it is on this machine; it needs nothing and touches nothing.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """How fast it is on this machine; it needs nothing and touches nothing."""


@app.command()
def events(
    as_json: AsJson = False,
    seconds: Annotated[float, typer.Option(min=1, help="Length of the delivery phase; the others go with it.")] = 60.0,
    rate: Annotated[float, typer.Option(min=1, help="Events a second of the delivery phase.")] = 400.0,
    check: Annotated[bool, typer.Option("--check", help="Exit code 1 where a figure that must be met is not.")] = False,
) -> None:
    """Commit to delivery beside a bare publish, the rate that can be sustained, a burst."""
    from tickstock_automation.bench.events import bench_events

    with stderr.status("") as status:

        def say(line: str) -> None:
            _say(line)
            status.update(line)

        found = bench_events(seconds, rate, say)
    targets = event_targets(found)
    if as_json:
        print_json(found)
    else:
        stdout.print(_latencies(found))
        stdout.print(_targets(targets))
        stdout.print(_footnotes(found), markup=False, style="dim")
    if check and not all(target.meets_must for target in targets):
        raise typer.Exit(1)


@app.command()
def notify(
    as_json: AsJson = False,
    seconds: Annotated[float, typer.Option(min=1, help="Length of each of the four measurements.")] = 10.0,
) -> None:
    """What NOTIFY costs 16 writers at once."""
    from tickstock_automation.bench.notify import bench_notify

    found = bench_notify(seconds, _say)
    if as_json:
        print_json(found)
        return
    table = Table("relay", "commits/s with NOTIFY", "without", box=None, pad_edge=False, padding=(0, 2))
    for name, words in (("relay", "runs"), ("no_relay", "does not run")):
        row = found[name]
        table.add_row(words, f"{row['with_notify_per_s']:,}", f"{row['without_notify_per_s']:,}")
    stdout.print(table)


@app.command()
def load(
    as_json: AsJson = False,
    symbols: Annotated[int, typer.Option(min=100, help="How many securities are listed.")] = 10_000,
    sessions: Annotated[int, typer.Option(min=5, max=250, help="How many sessions of bars.")] = 90,
) -> None:
    """A market's bars from the vendor's server to committed, checked bars with their events out, beside the pure COPY."""
    from tickstock_automation.bench.load import bench_load

    found = bench_load(symbols, sessions, _say)
    if as_json:
        print_json(found)
        return
    stdout.print(_targets(load_targets(found)))
    stdout.print(
        f"{found['rows']:,} bars committed in {found['seconds']['committed']} s, checked and told after"
        f" {found['seconds']['checked_and_told']} s; {found['calls']:,} vendor calls, the fewest there can be are"
        f" {found['calls_minimum']:,}.\nThe pure COPY of the same rows: {found['copy_rows_per_s']:,} rows/s;"
        f" the load is at {found['ratio_to_copy']:.0%} of it. Largest worker process: {found['peak_rss_mb']} MB.",
        style="dim", markup=False,
    )  # fmt: skip


@app.command()
def queue(
    as_json: AsJson = False,
    symbols: Annotated[int, typer.Option(min=100, help="How many securities, of all types.")] = 4_000,
    sessions: Annotated[int, typer.Option(min=1, max=250, help="How many sessions of bars each lacks.")] = 20,
    limited: Annotated[float, typer.Option(min=6, help="Seconds at the default limits.")] = 60.0,
) -> None:
    """Symbols of all types through queue and workers, the SQL functions meanwhile, the default pace, a worker's memory."""
    from tickstock_automation.bench.queue import bench_queue

    found = bench_queue(symbols, sessions, limited, _say)
    if as_json:
        print_json(found)
        return
    stdout.print(_targets(queue_targets(found)))
    pace, memory = found["limited"], found["rss_mb"]
    stdout.print(
        f"At the default limits {pace['symbols_per_s']} symbols/s, of {pace['theoretical']} that they allow.\n"
        f"Largest worker process after {' and '.join(f'{int(mark):,}' for mark in memory)} tasks:"
        f" {' and '.join(map(str, memory.values()))} MB. {found['db_calls']:,} calls of the SQL functions were timed;"
        f" {found['vendor_calls']:,} vendor calls brought {found['sessions']} sessions.",
        style="dim", markup=False,
    )  # fmt: skip


@app.command()
def scan(
    as_json: AsJson = False,
    symbols: Annotated[int, typer.Option(min=100, help="How many securities are listed.")] = 10_000,
) -> None:
    """A first scan of a market, and scans that find nothing changed, without the vendor's time."""
    from tickstock_automation.bench.scan import bench_scan

    found = bench_scan(symbols, _say)
    if as_json:
        print_json(found)
        return
    table = Table("", "measured", "must", box=None, pad_edge=False, padding=(0, 2))
    table.add_row(f"first scan of {symbols:,}, all events included", f"{found['bootstrap_s']:.1f} s", "15 s of 10,000")
    table.add_row("nothing changed", f"{found['unchanged_s']:.2f} s", "1 s of 10,000")
    stdout.print(table)


@app.command()
def quality(
    as_json: AsJson = False,
    data: Annotated[
        Path | None,
        typer.Option(help="A folder of real bars: bars.csv[.gz], splits.csv, known_bad.csv; without, bars are made."),
    ] = None,
    known_bad: Annotated[
        Path | None, typer.Option(help="What is wrong in the folder's bars from the start: symbol,first,last.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed plants the same faults.")] = 1,
    halves: Annotated[int, typer.Option(min=1, max=50, help="How many random halves of the symbols.")] = 5,
    traded: Annotated[bool, typer.Option("--traded", help="Prices as traded, not split-adjusted.")] = False,
    show: Annotated[
        bool, typer.Option("--show", help="List what was missed and what was falsely called an error.")
    ] = False,
    tune: Annotated[
        bool,
        typer.Option("--tune", help="Choose the thresholds on each half and report on the other (ten minutes)."),
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit code 1 where a figure that must be met is not.")] = False,
) -> None:
    """Faults planted into good bars: how many the checks find and call errors, and how often they cry wolf, beside a naive rule."""
    from tickstock_automation.bench.planting.kinds import Prices
    from tickstock_automation.bench.quality import bench_quality
    from tickstock_automation.bench.quality_bars import folder_source, made_source
    from tickstock_automation.bench.tuning import tune_quality
    from tickstock_automation.replay.folder import FolderError

    try:
        source = made_source(seed) if data is None else folder_source(data.expanduser(), known_bad)
    except FolderError as error:
        raise UsedWrongly(str(error)) from None
    prices: Prices = "traded" if traded else "adjusted"
    if tune:
        found = tune_quality(source, seed, halves, _say, prices=prices)
        targets = quality_targets(found["chosen"])
    else:
        found = bench_quality(source, seed, halves, _say, prices=prices)
        targets = quality_targets(found["figures"])
    if as_json:
        print_json(found)
    elif tune:
        for table in (tuned_table(found, targets), thresholds_table(found)):
            stdout.print(table, "")
        if show:
            stdout.print(alarms_table(found), "")
        stdout.print(tuning_notes(found), markup=False, style="dim")
    else:
        for table in (kinds_table(found), figures_table(found, targets)):
            stdout.print(table, "")
        if show:
            stdout.print(missed_table(found), "", alarms_table(found), "")
        stdout.print(quality_notes(found), markup=False, style="dim")
    if check and not all(target.meets_must for target in targets):
        raise typer.Exit(1)


@app.command()
def sweep(
    as_json: AsJson = False,
    symbols: Annotated[int, typer.Option(min=100, help="How many securities.")] = 10_000,
    sessions: Annotated[int, typer.Option(min=70, max=1000, help="How many sessions of bars each has.")] = 120,
) -> None:
    """Quality sweeps of a whole market in the database by real workers, findings stored and told."""
    from tickstock_automation.bench.sweep import bench_sweep, sweep_targets

    found = bench_sweep(symbols, sessions, _say)
    if as_json:
        print_json(found)
        return
    stdout.print(_targets(sweep_targets(found)))
    stdout.print(
        f"{found['rows']:,} bars; {found['first_alerts']:,} alerts opened by the first sweep, {found['alerts']:,} in all.\n"
        + "\n".join(f"{name}: shards {shards}" for name, shards in found["shards"].items())
        + f"\nWhat all loads touched at once: {found['touched_s']:.1f} s. Largest worker process: {found['peak_rss_mb']} MB.",
        style="dim", markup=False,
    )  # fmt: skip


def _say(line: str) -> None:
    stderr.print(f"  {line}", style="dim", markup=False)


def _latencies(found: dict[str, Any]) -> Table:
    names = ("mean_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms")
    table = Table("ms", *(name.removesuffix("_ms") for name in names), box=None, pad_edge=False, padding=(0, 2))
    rows = {
        "commit to delivery": found["delivery"],
        "  from when each was due": found["delivery"]["from_due"],
        "  from the commit's return": found["delivery"]["after_commit"],
        "bare publish": found["bare"],
        "at the sustained rate": found["sustained"],
        "to a durable consumer": found["consumer"],
    }
    for words, row in rows.items():
        table.add_row(words, *(_number(row[name]) for name in names))
    return table


def _targets(targets: list[Target]) -> Table:
    table = Table("", "measured", "must", "aim", "", box=None, pad_edge=False, padding=(0, 2))
    for one in targets:
        word = "[green]aim met[/]" if one.meets_aim else "[green]met[/]" if one.meets_must else "[bold red]not met[/]"
        table.add_row(one.name, f"{_number(one.measured)} {one.unit}", f"{one.must:,}", f"{one.aim:,}", word)
    return table


def _footnotes(found: dict[str, Any]) -> str:
    machine = found["machine"]
    return (
        f"{found['delivery']['held_up_ratio']:.1%} of the transactions began late, the one before them not done:"
        " the second row has that wait in it.\n"
        f"p99 is {found['ratio_p99']} times a bare publish's (met as well within 10 times).\n"
        f"A burst of {found['burst']['committed']:,} drained at {found['burst_per_s']:,} events/s;"
        f" with the relay running {found['burst_live_per_s']:,} events/s from first insert to last delivery.\n"
        f"The durable consumer drained {found['consumer_per_s']:,} events/s, acknowledging each;"
        f" {found['consumer']['transactional_per_s']:,} in transactions.\n"
        f"{machine['cpus']} processors, {machine['filesystem']}, Python {machine['python']},"
        f" PostgreSQL {machine['postgres']}, Valkey {machine['valkey']}."
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value >= 1000 else f"{value:,.2f}"
