"""What `tickstock bench quality` found, in tables of eighty columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from tickstock_automation.bench.targets import QUALITY, Target
from tickstock_automation.cli.output import columns

MOST_ROWS = 200


def kinds_table(found: dict[str, Any]) -> Table:
    """Each kind of fault: how many were planted, found, called errors, and what the naive rule found."""
    numbers = ("planted", "found", "called", "worst half", "days", "naive")
    table = columns("fault", *numbers, numbers=numbers)
    before = ""
    for row in found["kinds"]:
        if row["class"] != before:
            before = row["class"]
            table.add_row(f"{before} faults", style="bold")
        whole = row["called"] is None or row["called"] == 1
        table.add_row(
            f"  {row['kind'].replace('_', ' ')}", f"{row['planted']:,}", _share(row["found"]), _share(row["called"]),
            _share(row["worst_called"]), _share(row["days_found"]) if row["block"] else "", _share(row["naive_found"]),
            style=None if whole else "yellow" if row["class"] == "subtle" else "bold red",
        )  # fmt: skip
    return table


def figures_table(found: dict[str, Any], targets: Sequence[Target]) -> Table:
    """The figures beside their targets and the naive rule's."""
    numbers = ("mean", "worst", "must", "aim", "naive")
    table = columns("over the halves", *numbers, "", numbers=numbers)
    for (key, _, _, _, unit, times), target in zip(QUALITY, targets, strict=True):
        worst, naive = found["figures"][key]["worst"], found["naive"][key]["mean"]
        table.add_row(
            f"{target.name}, {unit}", _number(target.measured), _number(worst, times), f"{target.must:g}",
            f"{target.aim:g}", _number(naive, times), _met(target),
        )  # fmt: skip
    return table


def tuned_table(found: dict[str, Any], targets: Sequence[Target]) -> Table:
    """The figures of the halves that had no part in the choosing: by the thresholds chosen, and by those that ship."""
    numbers = ("chosen", "worst", "ships", "own half", "must")
    table = columns("the other half", *numbers, "", numbers=numbers)
    for (key, _, _, _, unit, times), target in zip(QUALITY, targets, strict=True):
        table.add_row(
            f"{target.name}, {unit}", _number(target.measured), _number(found["chosen"][key]["worst"], times),
            _number(found["ships"][key]["mean"], times), _number(found["where_chosen"][key]["mean"], times),
            f"{target.must:g}", _met(target),
        )  # fmt: skip
    return table


def thresholds_table(found: dict[str, Any]) -> Table:
    """Each threshold: what ships, what the halves chose, and from where to where was tried."""
    table = columns("threshold", "ships", "tried from", "to", "chosen", numbers=("ships", "tried from", "to"))
    for row in found["thresholds"]:
        name, tried = row["threshold"].partition(".")[2], row["tried"]
        table.add_row(name, *(f"{value:.3g}" for value in (row["ships"], tried[0], tried[-1])), _listed(row["chosen"]))
    return table


def tuning_notes(found: dict[str, Any]) -> str:
    """What the figures stand on."""
    return (
        f"{found['symbols']:,} symbols, {found['bars']:,} bars from {found['source']}, prices {found['prices']},"
        f" seed {found['seed']}; {found['halves']} random halves, each planted {found['plantings']} times to choose, the other"
        f" half {found['plantings']} times, by other seeds, to report.\n"
        "Each search begins at values by chance. What it is: docs/benchmarks.md."
    )


def _listed(values: Sequence[float]) -> str:
    """The most frequent first."""
    counted = Counter(values).most_common()
    return ", ".join(f"{value:.3g}" if count == 1 else f"{value:.3g} x{count}" for value, count in counted)


def _met(target: Target) -> str:
    return "[green]aim met[/]" if target.meets_aim else "[green]met[/]" if target.meets_must else "[bold red]not met[/]"


def missed_table(found: dict[str, Any]) -> Table:
    """The faults that were not called errors."""
    table = columns("missed", "symbol", "from", "days", "form", "told", numbers=("days",), words=("form", "told"))
    for row in found["missed"][:MOST_ROWS]:
        table.add_row(
            row["kind"].replace("_", " "), row["symbol"], row["first"], str(row["days"]), row["form"],
            ", ".join(row["told"]) or "nothing",
        )  # fmt: skip
    return table


def alarms_table(found: dict[str, Any]) -> Table:
    """The good bars that were called wrong."""
    table = columns("false error", "date", "check", "times", "words", numbers=("times",), words=("words",))
    for row in found["false_errors"][:MOST_ROWS]:
        table.add_row(row["symbol"], row["date"], row["check"], str(row["times"]), row["words"])
    return table


def quality_notes(found: dict[str, Any]) -> str:
    """What the figures stand on."""
    controls, block = found["figures"]["controls_called"]["mean"], found["figures"]["block_days_found"]["mean"]
    naive = found["naive"]["controls_called"]["mean"]
    return (
        f"{found['symbols']:,} symbols, {found['bars']:,} bars from {found['source']}, prices {found['prices']},"
        f" seed {found['seed']}; {found['known_bad']:,} symbol-days known to be wrong are left out.\n"
        f"{found['halves']} random halves of the symbols, {found['plantings']} plantings, {found['faults']:,} faults,"
        f" {found['clean_days']:,} clean symbol-days over all plantings.\n"
        f"Real moves over 15% and real splits called errors: {_share(controls)}, by the naive rule {_share(naive)}."
        f" Of a block's days {_share(block)} have a finding."
    )


def _share(value: float | None) -> str:
    """A percentage; less than all never looks like all."""
    if value is None:
        return "-"
    return "100%" if value == 1 else f"{min(value, 0.999):.1%}"


def _number(value: float | None, times: float = 1) -> str:
    if value is None:
        return "-"
    number = value * times
    return f"{number:.4f}" if 0 < number < 0.1 else f"{number:,.2f}"
