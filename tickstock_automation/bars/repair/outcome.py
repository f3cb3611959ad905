"""What a decided repair makes of a symbol's day. Pure: from the request and the day as it stands to the day as it is to be.

A day is a bar with all its columns, or `{"absent": {"known_empty": row or null, "unloaded": row or null}}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tickstock_automation.bars.repair.life import BY_HAND, Action, State

Day = dict[str, Any]
NEEDED = ("open", "high", "low", "close", "volume")
NOTHING: Day = {"absent": {"known_empty": None, "unloaded": None}}


@dataclass(frozen=True)
class Decided:
    """A request that is accepted or refused. `new`: the other endpoint's bar, or what a person wants changed.

    `undoes`, `undoes_old`, `undoes_new`: action, before and after of the repair that it undoes.
    """

    id: int
    symbol_id: int
    session: str
    action: Action
    state: State
    reason: str
    mark: bool = False
    old: Day | None = None
    new: Day | None = None
    undoes: Action | None = None
    undoes_old: Day | None = None
    undoes_new: Day | None = None


@dataclass(frozen=True)
class Change:
    """The state that a request ends in; the day is written where `old` and `new` differ."""

    state: State
    old: Day
    new: Day
    error: str | None = None

    @property
    def writes(self) -> bool:
        return self.old != self.new


def has_bar(day: Day) -> bool:
    """Whether the day has a bar."""
    return "absent" not in day


def outcome(one: Decided, now: Day, *, at: str, load_id: int | None) -> Change:
    """What `one` makes of the day as it is `now`. `at`: this moment; `load_id`: of what a person's word brings."""
    if one.action is Action.UNDO:
        return _undone(one, now, at, load_id)
    if one.action is Action.REFETCH:
        return _refetched(one, now, at)
    if one.action is Action.MARK:
        if not has_bar(now):
            return _failed(now, "there is no bar to mark")
        marked = now | (one.new or {})
        return Change(State.APPLIED, now, marked) if marked != now else _failed(now, "it is so already")
    if one.action is Action.DELETE:
        if not has_bar(now):
            return _failed(now, "there is no bar to delete")
        return Change(State.APPLIED, now, _empty(one, "deleted by hand", at, load_id))
    return _fixed(one, now, at, load_id)


def _undone(one: Decided, now: Day, at: str, load_id: int | None) -> Change:
    """The day as it was, unless it changed since: then something newer would be lost.

    A bar whose reload is undone is not asked for again: it would come again.
    """
    if one.undoes_old is None or now != one.undoes_new:
        return _failed(now, "the bar was changed since, so the values before the repair are not put over it")
    if one.undoes is Action.RELOAD:
        return Change(State.APPLIED, now, _empty(one, "reload undone by hand", at, load_id))
    return Change(State.APPLIED, now, one.undoes_old)


def _empty(one: Decided, why: str, at: str, load_id: int | None) -> Day:
    row = {
        "symbol_id": one.symbol_id, "session": one.session, "reason": f"{why}: {one.reason}", "load_id": load_id,
        "found_at": at,
    }  # fmt: skip
    return {"absent": {"known_empty": row, "unloaded": None}}


def _refetched(one: Decided, now: Day, at: str) -> Change:
    if one.old is None or now != one.old:
        return Change(State.SUPERSEDED, now, now, "the bar was changed while its repair was on the way")
    if one.state is State.ACCEPTED and one.new is not None:
        return Change(State.APPLIED, now, one.new | {"loaded_at": at})
    if one.mark and has_bar(now):
        return Change(State.MARKED, now, now | {"suspect": True})
    return Change(State.KEPT, now, now)


def _fixed(one: Decided, now: Day, at: str, load_id: int | None) -> Change:
    wanted = one.new or {}
    lacking = [name for name in NEEDED if name not in wanted]
    if not has_bar(now) and lacking:
        return _failed(now, f"there is no bar: give {', '.join(lacking)} too")
    fresh = {"symbol_id": one.symbol_id, "date": one.session, "vwap": None, "trade_count": None}
    base = now if has_bar(now) else fresh
    by_hand = {"source": BY_HAND, "load_id": load_id, "loaded_at": at, "flag": None, "suspect": False}
    return Change(State.APPLIED, now, base | wanted | by_hand)


def _failed(now: Day, why: str) -> Change:
    return Change(State.FAILED, now, now, why)
