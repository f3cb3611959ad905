"""`tickstock quality check FILE`: a file of bars, checked with no database and no server."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from tickstock_automation.cli.output import SEVERITIES, columns, stderr, stdout

MOST = 40
WEEKEND = 4  # days from one session to the next at most, but for rare closures
FOUND = 6
VERDICTS = ("data_error", "undetermined", "market_event")


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV (plain or .gz) or Parquet: symbol, date, open, high, low, close, volume.")],
    splits: Annotated[Path | None, typer.Option("--splits", metavar="FILE", help="Known splits: ticker, execution_date, split_from, split_to.")] = None,
    prices: Annotated[Literal["adjusted", "traded"], typer.Option(help="Whether the prices are adjusted for splits, or as traded.")] = "adjusted",
    calendar: Annotated[str, typer.Option(metavar="CODE", help="An exchange's calendar (XNYS, XLON, ...), or none.")] = "XNYS",
    gate: Annotated[bool, typer.Option("--gate", help="Exit code 6 where anything is found.")] = False,
    most: Annotated[int, typer.Option(min=0, help="Rows shown, the worst first; 0 is all.")] = MOST,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout for each finding; so it is too wherever stdout is no terminal.")] = False,
) -> None:  # fmt: skip
    """Checks a file of bars: what is wrong, what is merely wild, what is missing. It needs nothing else running.

    A file without a symbol column is one symbol's, named as the file is. Dates may have a time, columns any case.
    """
    from tickstock_automation.quality.file_check import check_file

    report = check_file(file, splits, calendar, prices)
    to_a_person = sys.stdout.isatty() and not as_json
    if not to_a_person:
        _write_lines(report.findings)
    span = f", {report.first} to {report.last}" if report.first else ""
    if not as_json:
        console = stdout if to_a_person else stderr
        console.print(
            f"{report.symbols:,} symbols, {report.rows:,} rows{span}: {len(report.findings):,} found", style="dim"
        )
    if to_a_person:
        if not report.findings:
            stdout.print("Nothing found.", style="green")
        else:
            stdout.print(_counts(report.findings))
            stdout.print()
            stdout.print(_worst(report.findings, most))
            if most and len(report.findings) > most:
                stderr.print(f"the {most} worst rows; --most 0 shows all, --json gives each day's finding", style="dim")
    if gate and report.findings:
        raise typer.Exit(FOUND)


def _write_lines(findings: list[Any]) -> None:
    """Until the reader leaves: what it has not read it does not want."""
    try:
        for one in findings:
            sys.stdout.write(json.dumps(_line(one), allow_nan=False) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _line(finding: Any) -> dict[str, Any]:
    """What a program reads of a finding; the threshold stands in the evidence."""
    dated = finding.check != "unreadable_row" or finding.date.year > 1
    return {
        "symbol": finding.symbol or None, "date": finding.date.isoformat() if dated else None, "check": finding.check,
        "channel": str(finding.channel), "severity": finding.severity, "verdict": finding.verdict,
        "observed": finding.observed, "expected": finding.expected, "remediation": finding.remediation,
        "evidence": {**finding.evidence, "threshold": finding.threshold},
    }  # fmt: skip


def _counts(findings: list[Any]) -> Table:
    counted = Counter((one.check, one.verdict) for one in findings)
    names = ("errors", "undetermined", "market events")
    table = columns("check", *names, numbers=names)
    for name in sorted({one.check for one in findings}):
        table.add_row(name, *(f"{counted[name, verdict]:,}" if counted[name, verdict] else "·" for verdict in VERDICTS))
    totals = Counter(one.verdict for one in findings)
    table.add_row("all", *(f"{totals[verdict]:,}" for verdict in VERDICTS), style="bold")
    return table


def _worst(findings: list[Any], most: int) -> Table:
    """The worst first; a check's findings about days of one symbol that follow one another are one row."""
    ranks = {name: place for place, name in enumerate(SEVERITIES)}
    runs: list[list[Any]] = []
    for one in sorted(findings, key=lambda one: (one.symbol, one.check, one.verdict, one.date)):
        if runs and _goes_on(runs[-1][-1], one):
            runs[-1].append(one)
        else:
            runs.append([one])
    runs.sort(key=lambda run: (VERDICTS.index(run[0].verdict), -ranks[run[0].severity], run[0].symbol, run[0].date))
    table = columns("symbol", "from", "days", "check", "what", numbers=("days",), words=("what",))
    for run in runs[: most or None]:
        first = run[0]
        table.add_row(
            first.symbol or "?", first.date.isoformat() if first.date.year > 1 else "?", str(len(run)),
            Text(first.check, SEVERITIES[first.severity]), Text(str(first.evidence["words"])),
        )  # fmt: skip
    return table


def _goes_on(before: Any, one: Any) -> bool:
    return (
        (before.symbol, before.check, before.verdict) == (one.symbol, one.check, one.verdict)
        and (one.date - before.date).days <= WEEKEND
    )  # fmt: skip
