"""What a person sees of a session's summary, in eighty columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tickstock_automation.cli.output import SEVERITIES, columns, facts, stdout
from tickstock_automation.quality.report_values import AgeLine, CheckLine, Repair, Report, SymbolLine, WorstFinding
from tickstock_automation.quality.report_words import (
    ABOUT,
    change_words,
    found_by,
    in_a_sentence,
    mean_words,
    repair_words,
    value_words,
)

TICKS = "▁▂▃▄▅▆▇█"
SPARK, LONG_SPARK = 20, 60
REPAIRS = 5
SYMBOLS = 5
WORST_FIRST = tuple(reversed(SEVERITIES))
STATES = {"ready": "green", "pending": "yellow", "degraded": "yellow", "missing": "red"}


def show(report: Report) -> None:
    """The figures, the checks, the worst, and in short the rest."""
    state = Text(f"  {report.state}", STATES.get(report.state, "")) if report.state else Text()
    stdout.print(Text.assemble((f"Data quality of {report.session}", "bold"), state))
    stdout.print(in_a_sentence(report))
    stdout.print()
    stdout.print(_figures(report))
    stdout.print(Text.assemble(("findings  ", "dim"), _spark([one.findings for one in report.days[-LONG_SPARK:]])))
    if report.checks:
        stdout.print()
        stdout.print(_checks(report.checks))
    if report.worst:
        stdout.print()
        stdout.print(_worst(report.worst))
    rest: dict[str, RenderableType] = {}
    if report.ages:
        rest["open, found"] = _ages(report.ages)
    if report.repairs:
        rest["repaired"] = _repairs(report.repairs, report.repairs_in_all)
    if report.symbols:
        rest["most findings"] = _symbols(report.symbols)
    if rest:
        stdout.print()
        stdout.print(facts(rest, indent=0))


def _figures(report: Report) -> Table:
    table = columns("", "today", "", "", numbers=("today",))
    for name, words in ABOUT.items():
        if (one := report.compared.get(name)) is not None:
            table.add_row(
                Text(words),
                Text(value_words(name, one.today), "bold"),
                change_words(name, one),
                Text(mean_words(name, one), "dim"),
            )
    return table  # fmt: skip


def _checks(checks: Sequence[CheckLine]) -> Table:
    table = columns("check", "new", "mean", "open", f"last {SPARK}", "by severity", numbers=("new", "mean", "open"))
    for one in checks:
        mean = "·" if one.today.mean_30 is None else f"{one.today.mean_30:,.1f}"
        table.add_row(
            Text(one.check), _number(one.today.today), mean, _number(one.open), _spark(one.findings[-SPARK:]), _severities(one.by_severity)
        )  # fmt: skip
    return table


def _worst(worst: Sequence[WorstFinding]) -> Table:
    table = columns("worst", "symbol", "session", "what", words=("what",))
    for one in worst:
        words = Text.assemble(
            one.check,
            (f": {one.words}", "dim"),
            (f", and {one.alike:,} more" if one.alike else "", "dim"),
            ("" if one.state == "open" else f" ({one.state})", "cyan"),
        )
        table.add_row(
            Text(one.severity, SEVERITIES.get(one.severity, "")),
            Text(one.symbol or "·", "bold"),
            str(one.session or "·"),
            words,
        )
    return table  # fmt: skip


def _ages(ages: Sequence[AgeLine]) -> Text:
    parts = [Text.assemble(f"{one.age}: ", _severities(one.by_severity)) for one in ages]
    return Text("\n").join(parts)


def _repairs(repairs: Sequence[Repair], in_all: int) -> Text:
    lines = []
    for one in repairs[:REPAIRS]:
        lines.append(
            Text.assemble(
                (f"{one.symbol} {one.session} ", "bold"),
                repair_words(one),
                (f"  by {found_by(one)}", "dim"),
            )
        )
    if in_all > REPAIRS:
        lines.append(Text(f"and {in_all - REPAIRS:,} more", "dim"))
    return Text("\n").join(lines)


def _symbols(symbols: Sequence[SymbolLine]) -> Text:
    return Text(", ".join(f"{one.symbol} {one.findings:,}" for one in symbols[:SYMBOLS]) + "  (30 summaries)")


def _severities(counted: Mapping[str, int]) -> Text:
    parts = [Text(f"{counted[one]:,} {one}", SEVERITIES[one]) for one in WORST_FIRST if counted.get(one)]
    return Text(", ").join(parts)


def _spark(values: Sequence[float]) -> str:
    """One character a session; a dot for none."""
    most = max([*values, 1])
    return "".join(TICKS[min(len(TICKS) - 1, int(len(TICKS) * value / most))] if value else "·" for value in values)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value else "·"
