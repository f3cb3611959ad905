"""Why there is no bar of a security and a day. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a bar that is not there."""

    NO_SESSION = "no_session"  # the exchange was closed
    NOT_CLOSED = "not_closed"  # the session is not over
    KNOWN_EMPTY = "known_empty"  # asked for, and known not to exist
    WAITING = "waiting"  # asked for, and not there yet
    NOT_LISTED = "not_listed"  # before its listing, or after it
    FAILED = "failed"  # asked for, refused or never brought
    OUTSIDE = "outside"  # the table has no room for that year: nothing of it was ever loaded
    NEVER_ASKED = "never_asked"


@dataclass(frozen=True)
class Absence:
    """Why a bar is not there, for a program and for a person."""

    outcome: Outcome
    words: str


@dataclass(frozen=True)
class Call:
    """A vendor call that is planned or being made; `error`: what its last attempt met."""

    status: str
    due_at: datetime
    error: str | None = None


@dataclass(frozen=True)
class Facts:
    """What is known of a bar that is not there.

    `beside`: the sessions before and after a day that is none itself; `empty`: why it is known to be empty; `waiting`: whether
    a request waits for it; `call`: the one that will bring it; `unloaded`: why it could not be had; `partition`: whether the
    table has one for the day.
    """

    day: date
    beside: tuple[date, date] | None = None
    closed: bool = True
    list_date: date | None = None
    delist_date: date | None = None
    empty: str | None = None
    waiting: bool = False
    call: Call | None = None
    unloaded: str | None = None
    partition: bool = True


def explain(facts: Facts) -> Absence:
    """The first reason that holds; what was found out by asking goes before what is known of the listing."""
    day = facts.day
    if facts.beside is not None:
        before, after = facts.beside
        return Absence(Outcome.NO_SESSION, f"{day} is no session: those beside it are {before} and {after}")
    if not facts.closed:
        return Absence(Outcome.NOT_CLOSED, f"session {day} has not closed yet")
    if facts.empty is not None:
        return Absence(Outcome.KNOWN_EMPTY, f"known not to exist: {facts.empty}")
    if facts.waiting:
        return Absence(Outcome.WAITING, f"asked for, {_doing(facts.call)}")
    if facts.list_date is not None and day < facts.list_date:
        return Absence(Outcome.NOT_LISTED, f"not listed yet: it was on {facts.list_date}")
    if facts.delist_date is not None and day >= facts.delist_date:
        return Absence(Outcome.NOT_LISTED, f"not listed any more: it was until before {facts.delist_date}")
    if facts.unloaded is not None:
        return Absence(Outcome.FAILED, f"asked for and not loaded, {facts.unloaded}")
    if not facts.partition:
        return Absence(
            Outcome.OUTSIDE, f"no bar of {day.year} was ever loaded: the table has no partition for that year"
        )
    return Absence(Outcome.NEVER_ASKED, "nobody asked for it: `tickstock backfill` loads what lacks")


def _doing(call: Call | None) -> str:
    if call is None:
        return "and no call is planned yet"
    if call.status == "running":
        return "a worker is at it"
    again = f"; before, {call.error}" if call.error else ""
    return f"the vendor is called for it from {call.due_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC on{again}"
