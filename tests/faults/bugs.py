"""Bugs that the campaign can put into the system under test, to show that its checker would find them."""

from __future__ import annotations

from dataclasses import dataclass

EARLY_SENT = "early-sent"
PUBLISH_BEFORE_COMMIT = "publish-before-commit"
IDS_ABOVE_LAST = "ids-above-last"
NO_SYMBOL_LOCK = "no-symbol-lock"


@dataclass(frozen=True)
class Bug:
    """What is wrong, which property must find it, and the faults that bring it out (they come first)."""

    words: str
    breaks: str
    faults: tuple[str, ...] = ()


BUGS = {
    EARLY_SENT: Bug(
        "after an error the relay forces its own batch number on Redis: what was numbered counts as sent",
        "committed-reaches-stream",
        ("wipe-valkey", "kill-valkey", "refuse-redis"),
    ),
    PUBLISH_BEFORE_COMMIT: Bug(
        "the writer itself publishes before it commits: what is rolled back was told", "rolled-back-never-seen"
    ),
    IDS_ABOVE_LAST: Bug(
        "the relay asks for rows above the last one it sent: a late commit with a low number is missed",
        "committed-reaches-stream",
    ),
    NO_SYMBOL_LOCK: Bug(
        "events are added without their symbols' locks: seq does not follow the commits", "order-in-outbox"
    ),
}
WRITER_BUGS = (PUBLISH_BEFORE_COMMIT, NO_SYMBOL_LOCK)
RELAY_BUGS = (EARLY_SENT, IDS_ABOVE_LAST)
