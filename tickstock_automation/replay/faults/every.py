"""All faults by name, and the table of them in the docs."""

from __future__ import annotations

from pathlib import Path

from tickstock_automation.replay.faults.bars import BAR_FAULTS
from tickstock_automation.replay.faults.fault import ANY, Fault
from tickstock_automation.replay.faults.listing import LISTING_FAULTS
from tickstock_automation.replay.faults.shape import SHAPE_FAULTS
from tickstock_automation.replay.faults.transport import TRANSPORT_FAULTS

FAULTS: dict[str, Fault] = {
    fault.name: fault for fault in (*LISTING_FAULTS, *BAR_FAULTS, *SHAPE_FAULTS, *TRANSPORT_FAULTS)
}
HEAD = "| fault | what comes | of which answers | on | where seen |\n| --- | --- | --- | --- | --- |\n"
BEGIN, END = "<!-- faults: made by `make contract` -->\n", "<!-- end of faults -->\n"


def answers_of(fault: Fault) -> str:
    """Which answers it changes."""
    return "any" if fault.answers == ANY else ", ".join(sorted(fault.answers))


def acts_on(fault: Fault) -> str:
    """On how many requests it acts."""
    if fault.requests is not None:
        return f"the day's first {fault.requests} requests"
    return "the day and later ones" if fault.lasting else "the day"


def faults_table() -> str:
    """The faults in Markdown."""
    return HEAD + "".join(
        f"| `{one.name}` | {one.what} | {answers_of(one)} | {acts_on(one)} | {one.source} |\n"
        for one in FAULTS.values()
    )


def write_table(page: Path) -> None:
    """Puts the table into its place in a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    page.write_text(before + BEGIN + faults_table() + END + rest.partition(END)[2], encoding="utf-8")
