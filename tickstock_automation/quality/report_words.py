"""A day's figures in words, the same on the page and on the terminal. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tickstock_automation.quality.figures import Against
from tickstock_automation.quality.findings import SEVERITIES
from tickstock_automation.quality.plots import percent
from tickstock_automation.quality.report_values import MISSING, Repair, Report

ABOUT = {
    "findings": "New findings",
    "completeness": "Completeness",
    "lagging": "Symbols behind",
    "repaired": "Bars repaired",
    "open": "Open alerts",
}

CHANGED_BY = {"repair": "a repair", "by hand": "a person", "undo": "a repair undone"}
"""By the reason of a change that no alert stands for."""


def value_words(name: str, value: float) -> str:
    """A figure of COMPARED as it is read."""
    return percent(value) if name == "completeness" else f"{value:,.0f}"


def change_words(name: str, one: Against) -> str:
    """How it stands to the summary before: an arrow and by how much."""
    if one.change is None:
        return "the first"
    if abs(one.change) < 1e-9:
        return "as yesterday"
    size = f"{100 * abs(one.change):.2f} points" if name == "completeness" else f"{abs(one.change):,.0f}"
    return f"{'▲' if one.change > 0 else '▼'} {size} since yesterday"


def mean_words(name: str, one: Against) -> str:
    """The mean of the summaries before."""
    if one.mean_30 is None:
        return ""
    return f"30-day mean {percent(one.mean_30) if name == 'completeness' else f'{one.mean_30:,.1f}'}"


def in_a_sentence(report: Report) -> str:
    """What the day comes to."""
    figures = report.figures
    found = int(figures.get("findings", 0))
    counted = report.days[-1].by_severity if report.days else {}
    worst = ", ".join(f"{counted[one]:,} {one}" for one in reversed(SEVERITIES) if counted.get(one))
    said = f"{found:,} new {_findings(found)}{f' ({worst})' if worst else ''} in {figures.get('checked', 0):,} symbols."
    if figures.get("bars_expected") is not None:
        said += f" {figures['bars_present']:,} of {figures['bars_expected']:,} bars were there"
        lagging, never = figures.get("lagging", 0), figures.get("without_bars", 0)
        if lagging:
            said += f", {lagging:,} {'symbols lag' if lagging != 1 else 'symbol lags'} behind"
            said += f" ({never:,} without any bar)" if never else ""
        said += "."
    repaired, corrected = figures.get("repaired", 0), figures.get("corrected", 0)
    if repaired or corrected:
        said += f" {repaired:,} repaired, {corrected:,} changed by the vendor since the summary before."
    return said


def repair_words(one: Repair) -> str:
    """What a bar was and is."""
    was_missing = one.old == {} or (one.old is None and one.check == MISSING)
    if not one.new:
        return f"{_in_short(one.old)} → no bar" if one.old else "no bar"
    if was_missing:
        return f"no bar → {_in_short(one.new)}"
    if one.old is None:
        return f"as it was: {_in_short(one.new)}"
    said = [f"{name} {amount(old)} → {amount(new)}" for name, (old, new) in one.changes().items()]
    if bool(one.old.get("suspect")) != bool(one.new.get("suspect")):
        said.append("marked as suspect" if one.new.get("suspect") else "no more marked as suspect")
    return ", ".join(said) or "as it was"


def found_by(one: Repair) -> str:
    """What had found a bar wrong, or whose change it is."""
    return one.check or CHANGED_BY.get(one.reason, "the vendor's own correction")


def _in_short(bar: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {amount(bar.get(name))}" for name in ("close", "volume"))


def amount(value: Any) -> str:
    """A price or a volume as it stands in a bar."""
    return "nothing" if value is None else f"{value:,.10g}" if isinstance(value, int | float) else str(value)


def _findings(number: int) -> str:
    return "finding" if number == 1 else "findings"
