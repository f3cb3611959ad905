"""The cheapest set of vendor calls for the bars that are wanted. Pure.

A grouped call covers one session for all symbols, a range call one symbol over all sessions. Covering every wanted
(symbol, session) pair with the fewest calls is a minimum vertex cover of a bipartite graph, which by König's theorem is
read off a maximum matching.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class GroupedCall:
    """The whole market's bars of one session."""

    session: date


@dataclass(frozen=True)
class RangeCall:
    """One symbol's bars from `first` to `last`."""

    symbol_id: int
    first: date
    last: date


Call = GroupedCall | RangeCall


def plan(pairs: Iterable[tuple[int, date]]) -> list[Call]:
    """The fewest calls that cover all (symbol id, session) pairs: grouped calls newest session first, then ranges."""
    wanted: dict[date, set[int]] = {}
    for symbol_id, session in pairs:
        wanted.setdefault(session, set()).add(symbol_id)
    sessions, symbols = _minimum_cover(wanted)
    left: dict[int, list[date]] = {}
    for session, ids in wanted.items():
        if session not in sessions:
            for symbol_id in ids:
                left.setdefault(symbol_id, []).append(session)
    assert left.keys() <= symbols
    grouped = [GroupedCall(session) for session in sorted(sessions, reverse=True)]
    ranges = [RangeCall(symbol_id, min(days), max(days)) for symbol_id, days in sorted(left.items())]
    return [*grouped, *ranges]


def _minimum_cover(wanted: dict[date, set[int]]) -> tuple[set[date], set[int]]:
    """Sessions and symbols that together touch every pair, as few as can be."""
    session_of = _maximum_matching(wanted)
    matched = set(session_of.values())
    # König: from unmatched sessions along alternating paths; the cover is the sessions not reached and symbols reached.
    reached = {session for session in wanted if session not in matched}
    symbols: set[int] = set()
    border = list(reached)
    while border:
        for symbol_id in wanted[border.pop()] - symbols:
            symbols.add(symbol_id)
            partner = session_of[symbol_id]  # else the matching could grow
            if partner not in reached:
                reached.add(partner)
                border.append(partner)
    return wanted.keys() - reached, symbols


def _maximum_matching(wanted: dict[date, set[int]]) -> dict[int, date]:
    """Symbol to session; augmenting paths by breadth-first search from each session in turn."""
    session_of: dict[int, date] = {}
    for start in wanted:
        came_from: dict[int, date] = {}
        border, end = [start], None
        while border and end is None:
            following: list[date] = []
            for session in border:
                for symbol_id in wanted[session] - came_from.keys():
                    came_from[symbol_id] = session
                    if symbol_id not in session_of:
                        end = symbol_id
                        break
                    following.append(session_of[symbol_id])
                if end is not None:
                    break
            border = following
        previous = {session: symbol_id for symbol_id, session in session_of.items()}
        while end is not None:
            session = came_from[end]
            session_of[end] = session
            end = previous.get(session) if session != start else None
    return session_of
