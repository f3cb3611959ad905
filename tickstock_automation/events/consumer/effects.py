"""What the durable consumer and the follower ask of the world: they decide, a driver (blocking or asyncio) does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from tickstock_automation.events.consumer.entries import Entry

FOLDER = files("tickstock_automation.events.consumer") / "lua"
SCRIPTS = {name: (FOLDER / f"{name}.lua").read_text() for name in ("fetch", "settle", "set_aside", "lease", "follow")}


@dataclass(frozen=True)
class Run:
    """Run a script; its reply comes back."""

    script: str
    keys: Sequence[str]
    arguments: Sequence[str | int]


@dataclass(frozen=True)
class Command:
    """Run a command; its reply comes back."""

    arguments: Sequence[str | int]


@dataclass(frozen=True)
class AwaitNews:
    """Wait until one of these streams has an entry behind the given one, or the time is over."""

    behind: dict[str, str]
    seconds: float


@dataclass(frozen=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True)
class Handle:
    """Let the handlers have these entries, all in one transaction where there is a store.

    Comes back: None, or what a handler raised.
    """

    entries: Sequence[Entry]


@dataclass(frozen=True)
class Give:
    """Hand an entry to the one who iterates (a follower's)."""

    entry: Entry


Effect = Run | Command | AwaitNews | Pause | Handle | Give
