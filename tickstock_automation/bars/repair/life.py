"""What a repair can be, and the states it goes through. Pure."""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What is to be done about a symbol's session."""

    REFETCH = "refetch"  # ask the endpoint that the bar did not come by
    RELOAD = "reload"  # ask for a bar that lacks, by a bar request
    LOOK_UP_SPLIT = "look_up_split"
    CHECK_LISTING = "check_listing"  # is it delisted, or called otherwise by now?
    FIX = "fix"  # a person's values
    DELETE = "delete"  # a person's word that there is no bar
    MARK = "mark"  # a person's word that a bar is suspect, or is not
    UNDO = "undo"


class State(StrEnum):
    """Where a repair stands; docs/repairs.md shows who moves it."""

    WAITING = "waiting"
    RUNNING = "running"  # a worker asks the vendor, for as long as its lease
    ANSWERED = "answered"  # to be judged by quality
    ACCEPTED = "accepted"  # to be applied by the bars service
    REFUSED = "refused"  # the answer is no better: the bar is marked, or left as it is
    APPLIED = "applied"
    MARKED = "marked"
    KEPT = "kept"  # refused, and there was nothing to mark
    DONE = "done"  # asked and answered; no bar was to be changed
    FAILED = "failed"
    SUPERSEDED = "superseded"  # the bar was another by the time it was to be changed
    UNDONE = "undone"


OPEN = frozenset({State.WAITING, State.RUNNING, State.ANSWERED, State.ACCEPTED, State.REFUSED})
CHANGED = frozenset({State.APPLIED, State.MARKED})
"""What can be undone."""
BY_HAND = "by hand"
"""The source of a bar that a person set."""
