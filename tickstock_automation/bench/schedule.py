"""An open loop: when each transaction is due is fixed by the clock, however long the ones before it took."""

from __future__ import annotations

from dataclasses import dataclass

NS = 1_000_000_000


@dataclass(frozen=True)
class Schedule:
    """Due times from `first_ns` on, `rate` a second; a rate of 0 means at once, one after the other."""

    first_ns: int
    rate: float

    def due_ns(self, number: int) -> int | None:
        """When transaction `number` (from 0) is due; None: as soon as the one before it is done."""
        return self.first_ns + round(number * NS / self.rate) if self.rate else None


def counts_from(due_ns: int | None, came_ns: int, began_ns: int) -> int:
    """From when a transaction's time counts.

    `came_ns`: when the writer was free for it; `began_ns`: when the transaction began, any wait for its due time over.
    It counts from its beginning, but from its due time where the one before it held the writer up: a stall shows in all
    that had to wait for it.
    """
    return due_ns if due_ns is not None and came_ns > due_ns else began_ns
