"""The cheapest set of vendor calls for the bars that are wanted. Pure.

A grouped call covers one session for all tickers, a range call one ticker over all sessions. Covering every wanted
(ticker, session) pair with the fewest calls is a minimum vertex cover of a bipartite graph, which by König's theorem is
read off a maximum matching. The graph is made small first: a vertex with more neighbours than the other side could ever
need calls is in every minimum cover (Buss), so the sessions that a whole market wants never become single pairs.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from tickstock_automation.bars.matching import minimum_cover


@dataclass(frozen=True)
class Wanted:
    """Bars of one ticker of every session from `first` to `last`. What has a higher `priority` is asked for first."""

    ticker: str
    first: date
    last: date
    priority: int = 0


@dataclass(frozen=True)
class GroupedCall:
    """The whole market's bars of one session."""

    session: date
    priority: int = 0


@dataclass(frozen=True)
class RangeCall:
    """One ticker's bars from `first` to `last`."""

    ticker: str
    first: date
    last: date
    priority: int = 0


Call = GroupedCall | RangeCall


@dataclass(frozen=True)
class Run:
    """Wanted, by the positions of its sessions."""

    ticker: str
    begin: int
    end: int
    priority: int


def plan(wanted: Iterable[Wanted], sessions: Sequence[date]) -> list[Call]:
    """The fewest calls that cover every wanted (ticker, session), in the order in which they should be made.

    `sessions`: all of the exchange's that matter, rising. Highest priority first, grouped before ranges, newest first.
    """
    runs = [run for one in wanted if (run := _run(one, sessions)).begin < run.end]
    grouped, left = _forced(runs, len(sessions))
    chosen, tickers = minimum_cover(left)
    grouped |= chosen
    spans: dict[str, list[int]] = {}
    for at in left.keys() - chosen:
        for ticker in left[at]:
            spans.setdefault(ticker, []).append(at)
    assert spans.keys() <= tickers
    by_session = _priorities(runs, len(sessions))
    by_ticker = _ticker_priorities(runs, grouped, len(sessions))
    calls: list[Call] = [GroupedCall(sessions[at], by_session[at]) for at in grouped]
    calls += [
        RangeCall(ticker, sessions[min(days)], sessions[max(days)], by_ticker[ticker]) for ticker, days in spans.items()
    ]
    return sorted(calls, key=_order)


def _run(one: Wanted, sessions: Sequence[date]) -> Run:
    return Run(one.ticker, bisect_left(sessions, one.first), bisect_right(sessions, one.last), one.priority)


def _order(call: Call) -> tuple[int, bool, int, str]:
    if isinstance(call, GroupedCall):
        return (-call.priority, False, -call.session.toordinal(), "")
    return (-call.priority, True, -call.last.toordinal(), call.ticker)


def _forced(runs: Sequence[Run], sessions: int) -> tuple[set[int], dict[int, set[str]]]:
    """Sessions that are in every minimum cover, and what is wanted of the others, session to tickers.

    A session that more tickers want than there are sessions at all costs less as one grouped call than as ranges.
    """
    wanting = _counts(_merged(runs), sessions)
    involved = [at for at in range(sessions) if wanting[at]]
    forced = {at for at in involved if wanting[at] > len(involved)}
    others = [at for at in involved if at not in forced]
    left: dict[int, set[str]] = {}
    for run in runs:
        for at in others[bisect_left(others, run.begin) : bisect_left(others, run.end)]:
            left.setdefault(at, set()).add(run.ticker)
    return forced, left


def _merged(runs: Iterable[Run]) -> list[Run]:
    """The same pairs without one that stands in two runs of a ticker."""
    merged: list[Run] = []
    for run in sorted(runs, key=lambda run: (run.ticker, run.begin)):
        last = merged[-1] if merged else None
        if last is not None and last.ticker == run.ticker and run.begin <= last.end:
            merged[-1] = Run(last.ticker, last.begin, max(last.end, run.end), 0)
        else:
            merged.append(run)
    return merged


def _counts(runs: Iterable[Run], sessions: int) -> list[int]:
    """How many runs hold each session."""
    steps: Counter[int] = Counter()
    for run in runs:
        steps[run.begin] += 1
        steps[run.end] -= 1
    return list(accumulate(steps[at] for at in range(sessions)))


def _priorities(runs: Sequence[Run], sessions: int) -> list[int]:
    """The highest priority with which each session is wanted."""
    found = [0] * sessions
    for priority in sorted({run.priority for run in runs}):
        counts = _counts((run for run in runs if run.priority == priority), sessions)
        found = [priority if counts[at] else found[at] for at in range(sessions)]
    return found


def _ticker_priorities(runs: Sequence[Run], grouped: set[int], sessions: int) -> dict[str, int]:
    """The highest priority with which each ticker is wanted on sessions that no grouped call brings."""
    others = [at for at in range(sessions) if at not in grouped]
    found: dict[str, int] = {}
    for run in runs:
        if bisect_left(others, run.begin) < bisect_left(others, run.end):
            found[run.ticker] = max(run.priority, found.get(run.ticker, run.priority))
    return found
