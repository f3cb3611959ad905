"""What the commands share when they speak: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout; progress goes to stderr.")]
SEVERITIES = {"low": "dim", "medium": "yellow", "high": "red", "critical": "bold red"}  # and their colours
stdout = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)


def complain(message: str) -> None:
    """An error, on stderr."""
    stderr.print(Text.assemble(("error: ", "bold red"), message))


def warn(message: str) -> None:
    """What a person should know though nothing failed, on stderr."""
    stderr.print(Text.assemble(("warning: ", "bold yellow"), message))


def print_json(value: Any) -> None:
    """One JSON object on stdout and nothing else."""
    print(json.dumps(value, default=str))


def facts(rows: Mapping[str, RenderableType], indent: int = 2) -> Table:
    """Names and values, aligned."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(" " * indent + name, value)
    return table


def columns(*names: str, numbers: tuple[str, ...] = (), words: tuple[str, ...] = ()) -> Table:
    """A table without lines. `numbers` stand to the right; `words` go on below themselves where they do not fit."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(
            name,
            justify="right" if name in numbers else "left",
            no_wrap=name not in words,
            overflow="fold" if name in words else "ellipsis",
        )
    return table
