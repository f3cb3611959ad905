"""Which corporate actions to add and which to withdraw, from those known and those the vendor lists now. Pure.

Vendors list a split twice, a day early, or not at all, and mend it later: what they list no more was wrong. But an answer
that lacks a large part of what is known is itself wrong, and is believed only when a later session's answer lacks the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

FEW = 5  # so many may vanish from any answer ...
SHARE = 0.1  # ... and past that no more than this part of the known ones
EDGE = timedelta(
    days=7
)  # one that is dated early falls out of an interval it has just begun, and never comes back into it


@dataclass(frozen=True)
class Action:
    """A split, or cash in US dollars a share, of one security."""

    symbol_id: int
    ex_date: date
    split_from: float = 1.0
    split_to: float = 1.0
    cash_amount: float = 0.0

    @property
    def what(self) -> tuple[int, float, float]:
        """What it does to whom, whenever: 2 for 4 is 1 for 2."""
        return self.symbol_id, self.split_to / self.split_from, self.cash_amount

    @property
    def key(self) -> tuple[date, tuple[int, float, float]]:
        """Two with the same key are one action listed twice."""
        return self.ex_date, self.what


@dataclass(frozen=True)
class Known:
    """A stored action. `absent_since`: the session whose answer first lacked it and was not believed."""

    id: int
    action: Action
    absent_since: date | None = None


@dataclass(frozen=True)
class Change:
    """What to do. `doubted` are known ones that the answer lacks and that are kept; `present` are those it has."""

    added: tuple[Action, ...]
    withdrawn: tuple[Known, ...]
    doubted: tuple[Known, ...]
    present: tuple[Known, ...]


def compare(known: Sequence[Known], listed: Iterable[Action], first: date, last: date) -> Change:
    """`known` and `listed` have ex-dates from `first` to `last`, the session of the answer."""
    wanted = {one.key: one for one in listed}
    present = {one.action.key: one for one in reversed(known) if one.action.key in wanted}
    twice = [one for one in known if one.action.key in present and present[one.action.key] is not one]
    lacking = [one for one in known if one.action.key not in wanted]
    judged = [one for one in lacking if one.action.ex_date >= first + EDGE]
    gone = judged
    if len(judged) > max(FEW, SHARE * len(known)):
        gone = [one for one in judged if wanted and one.absent_since is not None and one.absent_since < last]
    leaving = {one.id for one in gone}
    doubted = [one for one in judged if one.id not in leaving]
    kept = {one.action.what for one in lacking if one.id not in leaving}
    # What is kept and listed on another day too would count twice.
    new = (one for key, one in wanted.items() if key not in present and one.what not in kept)
    return Change(tuple(new), (*gone, *twice), tuple(doubted), tuple(present.values()))
