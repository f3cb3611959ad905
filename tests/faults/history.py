"""What a run left behind, as plain values: all that the checker knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tests.faults.records import Seen


class Row(NamedTuple):
    """A committed row of the outbox; its fields mean what those of `Seen` do."""

    id: str
    seq: int
    channel: str
    symbol: str
    token: str
    digest: str
    version: int = 0


@dataclass
class History:
    """One run, read after everything was healed and had time to drain."""

    outbox: list[Row] = field(default_factory=list)
    """By seq."""
    ledger: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Token to symbol and version, as committed by the writers' transactions."""
    acknowledged: set[str] = field(default_factory=set)
    """Tokens whose commit a writer saw succeed."""
    rolled_back: set[str] = field(default_factory=set)
    """Tokens of transactions that were to be rolled back."""
    streams: dict[str, list[Seen]] = field(default_factory=dict)
    """Channel to its stream's entries, in order."""
    live: list[Seen] = field(default_factory=list)
    """What a subscriber saw."""
    plain: list[Seen] = field(default_factory=list)
    """What the durable consumer's siblings handled, merged in time order."""
    exact: list[Seen] = field(default_factory=list)
    """The transactional consumer's effects, in the order of their rows."""
    exact_count: int = 0
    """Its counter, raised by one in each of those transactions."""
    deaths: list[str] = field(default_factory=list)
    """Processes that ended though no fault killed them."""
    undrained: str = ""
    """What was still on its way when the time to drain was over, and why; empty where all arrived."""
