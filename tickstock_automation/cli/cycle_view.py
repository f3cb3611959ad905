"""What a person sees of a cycle: a live view while it runs, a table at the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from tickstock_automation.local.cycle import Cycle

COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "bright_red", "bright_cyan", "bright_magenta")
ROWS = 12
NAMED = 6


class CycleView:
    """`live`: a view that renews itself, on a terminal that shows nothing else; else a line for each thing that happens."""

    def __init__(self, console: Console, *, live: bool) -> None:
        self.console = console
        self.live = live and console.is_terminal
        self.live_lines = True
        self._started = time.monotonic()
        self._step = "starting"
        self._cycles: list[Cycle] = []
        self._now: Cycle | None = None
        self._colours: dict[str, str] = {}
        self._live: Live | None = None

    def __enter__(self) -> CycleView:
        if self.live:
            self._live = Live(get_renderable=self._render, console=self.console, refresh_per_second=10, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def say(self, step: str) -> None:
        """A step of the start or the end."""
        self._step = step
        if self._live is None:
            self.console.print(f"[dim]{self._clock()}[/] {step}")

    def progress(self, cycle: Cycle, step: str) -> None:
        """A step of a session's cycle; an empty one when the session is done."""
        self._step, self._now = step, cycle
        if not step:
            self._cycles.append(cycle)
            self._now = None
            if self._live is None:
                self.console.print(f"[dim]{self._clock()}[/] {_sentence(cycle)}")
                for problem in cycle.problems:
                    self.console.print(Text(f"         {problem}", "red"))

    def part_line(self, name: str, line: str) -> None:
        """A line that a part wrote."""
        if not self.live_lines or not line.strip():
            return
        colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
        self.console.print(
            Text.assemble((f"{name[:28]:>28} ", colour), ("│ ", "dim"), Text.from_ansi(line)), soft_wrap=True
        )

    def summary(self, result: dict[str, Any]) -> RenderableType:
        """The table at the end."""
        table = _table()
        for cycle in self._cycles:
            table.add_row(*_row(cycle))
        committed = sum(one["committed"] for one in result["events"].values())
        received = sum(one["received"] for one in result["events"].values())
        calls = sum(cycle.vendor_calls for cycle in self._cycles)
        colour = "green" if committed == received else "bold red"
        foot = Text.assemble(
            f"{len(self._cycles)} session{'s' * (len(self._cycles) != 1)}, {calls:,} vendor calls, ",
            (f"{received:,} of {committed:,} events received", colour), f", {result['seconds']:.1f} s",
        )  # fmt: skip
        return Group(table, *_names(self._cycles), foot)

    def _render(self) -> RenderableType:
        spinner = Spinner("dots", Text.assemble((f" {self._clock()}  ", "dim"), self._words()))
        if not self._cycles:
            return spinner
        table = _table()
        for cycle in self._cycles[-ROWS:]:
            table.add_row(*_row(cycle))
        return Group(table, spinner)

    def _words(self) -> str:
        return f"{self._now.session}: {self._step}" if self._now is not None else self._step

    def _clock(self) -> str:
        return f"{time.monotonic() - self._started:6.1f} s"


# heading, colour where it is not zero, and the number
COLUMNS: tuple[tuple[str, str, Callable[[Cycle], int]], ...] = (
    ("listed", "default", lambda cycle: cycle.scan["listed"]),
    ("new", "green", lambda cycle: len(cycle.scan["new"])),
    ("changed", "cyan", lambda cycle: len(cycle.scan["changed"])),
    ("archived", "yellow", lambda cycle: len(cycle.scan["archived"])),
    ("backfill", "default", lambda cycle: cycle.backfill["bars"]),
    ("bars", "default", lambda cycle: cycle.bars["loaded"] + cycle.bars["updated"]),
    ("refused", "red", lambda cycle: cycle.bars["refused"]),
    ("found", "red", lambda cycle: cycle.quality["findings"]),
    ("calls", "default", lambda cycle: cycle.vendor_calls),
)


def _table() -> Table:
    """As narrow as eighty columns."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("session", no_wrap=True)
    for heading, _, _ in COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("seconds", justify="right", no_wrap=True)
    return table


def _row(cycle: Cycle) -> list[Text]:
    cells = [Text(cycle.session)]
    for _, colour, number_of in COLUMNS:
        number = number_of(cycle)
        cells.append(Text(f"{number:,}", colour) if number else Text("·", "dim"))
    return [*cells, Text(f"{cycle.seconds:.1f}", "dim")]


def _names(cycles: list[Cycle]) -> list[Text]:
    """Who came, changed and went, after the first session, which has them all."""
    lines = []
    for cycle in cycles:
        for word, colour in (("new", "green"), ("changed", "cyan"), ("archived", "yellow")):
            names = cycle.scan[word]
            if names and len(names) <= 2 * NAMED:
                lines.append(Text.assemble((f"{cycle.session}  ", "dim"), (f"{word:<9}", colour), ", ".join(names)))
        lines += [
            Text.assemble((f"{cycle.session}  ", "dim"), ("problem  ", "bold red"), problem)
            for problem in cycle.problems
        ]
        if cycle.quality["by_check"]:
            found = ", ".join(f"{check} {number}" for check, number in cycle.quality["by_check"].items())
            lines.append(Text.assemble((f"{cycle.session}  ", "dim"), ("found    ", "red"), found))
        if cycle.repairs["asked"]:
            done = "{asked} asked for, {repaired} repaired, {marked} marked as suspect".format(**cycle.repairs)
            lines.append(Text.assemble((f"{cycle.session}  ", "dim"), ("repairs  ", "green"), done))
    return [Text(""), *lines, Text("")] if lines else [Text("")]


def _sentence(cycle: Cycle) -> str:
    return (
        f"{cycle.session}: {len(cycle.scan['new'])} new, {len(cycle.scan['changed'])} changed,"
        f" {len(cycle.scan['archived'])} archived, {cycle.backfill['bars']:,} bars backfilled,"
        f" {cycle.bars['loaded']:,} loaded, {cycle.quality['findings']} findings,"
        f" {cycle.vendor_calls} vendor calls, {cycle.seconds:.1f} s"
    )
