"""Why there is no bar of a security and a day. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
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
class Facts:
    """What is known of a bar that is not there.

    `beside`: the sessions before and after a day that is none itself; `empty`: why it is known to be empty; `request`: status of the newest
    request for it, `error` what that one says; `partition`: whether the table has one for the day.
    """

    day: date
    beside: tuple[date, date] | None = None
    closed: bool = True
    list_date: date | None = None
    delist_date: date | None = None
    empty: str | None = None
    request: str | None = None
    error: str | None = None
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
    if facts.request in ("waiting", "running"):
        doing = "a worker is at it" if facts.request == "running" else "no worker has taken it yet"
        return Absence(Outcome.WAITING, f"asked for, {doing}")
    if facts.list_date is not None and day < facts.list_date:
        return Absence(Outcome.NOT_LISTED, f"not listed yet: it was on {facts.list_date}")
    if facts.delist_date is not None and day >= facts.delist_date:
        return Absence(Outcome.NOT_LISTED, f"not listed any more: it was until before {facts.delist_date}")
    if facts.request == "failed":
        return Absence(Outcome.FAILED, f"asked for and not loaded: {facts.error or 'nobody said why'}")
    if not facts.partition:
        return Absence(
            Outcome.OUTSIDE, f"no bar of {day.year} was ever loaded: the table has no partition for that year"
        )
    return Absence(Outcome.NEVER_ASKED, "nobody asked for it: `tickstock backfill` loads what lacks")
