"""What a person sees of alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from tickstock_automation.cli.bar_plot import plot
from tickstock_automation.cli.output import SEVERITIES, columns, facts, stdout
from tickstock_automation.quality.explaining import Explained, View
from tickstock_automation.quality.inspection import Row, Whole

STATES = {
    "open": "bold", "remediating": "cyan", "resolved": "green", "confirmed": "green", "given_up": "magenta",
}  # fmt: skip
SHORT = {"market_event": "market", "data_error": "error", "undetermined": "?"}
SHOWN = 64
TOLD = ("words", "measure", "symbols", "symbol_ids", "first", "repair")
"""Of the evidence what is shown elsewhere."""


def show_alerts(rows: Sequence[Row], count: int) -> None:
    """A line each."""
    if not rows:
        stdout.print("No alert is like that.")
        return
    table = columns("alert", "symbol", "session", "check", "", "verdict", "state", "seen", numbers=("alert",))
    for row in rows:
        table.add_row(
            str(row["id"]), _symbol(row), str(row["session"] or "·"), row["check"], _severity(row["severity"]),
            SHORT[row["verdict"]], Text(row["state"].replace("_", " "), STATES[row["state"]]),
            Text("✓" if row["acknowledged_at"] else "", "dim"),
        )  # fmt: skip
    stdout.print(table)
    if count > len(rows):
        stdout.print(f"{len(rows):,} of {count:,}; --limit shows more", style="dim")


def show_alert(found: Whole) -> None:
    """One alert: what it is about, the bars around it, evidence, history."""
    row = found.alert
    stdout.print(
        Text.assemble(
            ("alert ", "dim"), (str(row["id"]), "bold"), "  ", _symbol(row), f"  {row['session'] or ''}  ",
            (row["check"], "bold"), "  ", _severity(row["severity"]), "  ",
            (row["state"].replace("_", " "), STATES[row["state"]]),
        )
    )  # fmt: skip
    stdout.print(Padding(Text(row["evidence"].get("words", "")), (0, 0, 0, 2)))
    stdout.print()
    if found.bars:
        _print_plot(found.bars, row["session"])
    rows = _facts(row)
    if found.repairs:
        rows["repairs"] = Group(*map(_repair, found.repairs))
    if found.steps:
        rows["history"] = Group(*map(_step, found.steps))
    stdout.print(facts(rows))


MEASURES = {
    "move": "close to close", "market_move": "the market's", "gap": "gap before the open", "body": "open to close",
    "high_wick": "high beyond both", "low_wick": "low beyond both", "next_gap": "gap after the close", "volume": "volume",
    "restlessness": "the market's moves",
}  # fmt: skip


def show_day(found: Explained) -> None:
    """Every check's view of a symbol's day."""
    stdout.print(Text.assemble((found.symbol, "bold"), f"  {found.session}"))
    if found.bar is not None:
        words = "  ".join(f"{name} {_number(value)}" for name, value in found.bar.items())
        stdout.print(Text(f"  {words}"))
    else:
        stdout.print(Text(f"  no bar: {found.absence}", "yellow"))
    stdout.print()
    if found.bars:
        _print_plot(found.bars, found.session)
    if found.measures:
        stdout.print(facts({MEASURES[name]: _measure(name, value) for name, value in found.measures.items()}))
        stdout.print()
    table = columns("check", "", "verdict", "what it says", words=("what it says",))
    for one in found.views:
        table.add_row(*_view(one))
    stdout.print(table)
    stdout.print()
    if found.alerts:
        show_alerts(found.alerts, len(found.alerts))
    else:
        stdout.print("No alert stands for this day.", style="dim")


def _print_plot(bars: Sequence[Row], marked: Any) -> None:
    for line in plot(bars, marked):
        stdout.print(line)
    stdout.print()


def _facts(row: Row) -> dict[str, RenderableType]:
    evidence = row["evidence"]
    rows: dict[str, RenderableType] = {"verdict": row["verdict"].replace("_", " ")}
    for name in ("observed", "expected"):
        if row[name] is not None:
            rows[name] = _number(row[name])
    if row["threshold"] is not None:
        measure = evidence.get("measure")
        rows["threshold"] = f"{_number(row['threshold'])}{f', {measure}' if measure else ''}"
    rows["to be done"] = row["remediation"].replace("_", " ")
    if symbols := evidence.get("symbols"):
        more = f", and {len(symbols) - SHOWN:,} more: --json lists them" if len(symbols) > SHOWN else ""
        rows["symbols"] = Text(", ".join(map(str, symbols[:SHOWN])) + more)
    for name, value in evidence.items():
        if name not in TOLD:
            rows[name.replace("_", " ")] = Text(_value(value))
    if row["acknowledged_at"]:
        rows["seen"] = f"by {row['acknowledged_by']}, {_moment(row['acknowledged_at'])}"
    return rows


def _measure(name: str, value: float | None) -> str:
    if value is None:
        return "·"
    return f"{value:+.2%}" if name in ("move", "market_move") else f"{value:,.2f} times the usual"


def _view(one: View) -> tuple[RenderableType, ...]:
    if one.finding is None:
        return Text(one.check, "dim"), "", "", Text("nothing found", "dim")
    finding = one.finding
    held = (
        f" (held against {_number(finding.threshold)}, {finding.evidence.get('measure', '')})"
        if finding.threshold
        else ""
    )
    return (
        one.check,
        _severity(finding.severity),
        SHORT[finding.verdict],
        Text(f"{finding.evidence['words']}{held}{'; explained by what stands beside it' if one.alone else ''}"),
    )


def _step(one: Mapping[str, Any]) -> Text:
    return Text.assemble(
        (f"{_moment(one['taken_at'])}  ", "dim"), (one["state"].replace("_", " "), STATES[one["state"]]),
        f"  {one['author']}: {one['words']}",
    )  # fmt: skip


def _repair(one: Mapping[str, Any]) -> Text:
    error = f": {one['error_message']}" if one["error_message"] else ""
    return Text.assemble((f"{_moment(one['created_at'])}  ", "dim"), f"{one['action']}  {one['state']}{error}")


def _symbol(row: Row) -> Text:
    """An alert without a symbol is about the market, or about what a part of the system reported."""
    return Text(row["symbol"] or ("system" if "reported_by" in row["evidence"] else "market"), "bold")


def _severity(severity: str) -> Text:
    return Text(severity, SEVERITIES[severity])


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_value(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return _number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _number(value: float | None) -> str:
    return "·" if value is None else f"{value:,.0f}" if abs(value) >= 1e5 or value == int(value) else f"{value:,.6g}"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
