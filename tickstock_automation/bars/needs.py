"""What requests come to: which sessions lack of each, under which ticker, for which job, and which calls serve it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from tickstock_automation.bars.planner import Call, GroupedCall, Wanted
from tickstock_automation.bars.tenure import DAY, Tenure, held_between
from tickstock_automation.sessions import SessionCalendar

Span = tuple[date, date]


@dataclass(frozen=True)
class OpenRequest:
    """A waiting request as the plan reads it."""

    id: int
    symbol_id: int
    first: date
    last: date
    priority: int
    reread: bool
    created_at: datetime
    job_id: int | None
    job_state: str | None


@dataclass(frozen=True)
class Lacking:
    """What lacks of a request: spans of sessions none of which is settled, oldest first, and their number of sessions."""

    request: OpenRequest
    spans: tuple[Span, ...]
    pairs: int


@dataclass
class Needs:
    """`wanted`: tickers' spans, and the same by job (None: of no job); `nobodys`: (symbol, day) without any ticker."""

    wanted: list[Wanted] = field(default_factory=list)
    by_job: dict[int | None, list[Wanted]] = field(default_factory=dict)
    nobodys: list[tuple[int, date]] = field(default_factory=list)


def lacking_of(request: OpenRequest, own: Sequence[date], settled: AbstractSet[date] = frozenset()) -> Lacking:
    """What lacks of a request for the sessions `own`."""
    spans: list[Span] = []
    previous_open = False
    for day in own:
        if day in settled:
            previous_open = False
        elif previous_open:
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
            previous_open = True
    return Lacking(request, tuple(spans), sum(day not in settled for day in own))


def needs_of(lacking: Iterable[Lacking], tickers: Mapping[int, Sequence[Tenure]], sessions: SessionCalendar) -> Needs:
    """Spans of symbols as spans of the tickers they had."""
    needs = Needs()
    for one in lacking:
        own = tickers.get(one.request.symbol_id, ())
        for first, last in one.spans:
            parts, nobodys = held_between(own, first, last)
            wants = [Wanted(part.ticker, part.first, part.last, one.request.priority) for part in parts]
            needs.wanted += wants
            needs.by_job.setdefault(one.request.job_id, []).extend(wants)
            needs.nobodys += [(one.request.symbol_id, day) for span in nobodys for day in sessions.between(*span)]
    return needs


def without(wanted: Iterable[Wanted], being_read: Iterable[Tenure]) -> list[Wanted]:
    """What no range call that is being made will bring."""
    reads: dict[str, list[Tenure]] = {}
    for read in being_read:
        reads.setdefault(read.ticker, []).append(read)
    left: list[Wanted] = []
    for one in wanted:
        parts = [one]
        for read in reads.get(one.ticker, ()):
            parts = [part for whole in parts for part in _cut_out(whole, read)]
        left += parts
    return left


def _cut_out(one: Wanted, read: Tenure) -> list[Wanted]:
    if one.last < read.first or one.first > read.last:
        return [one]
    before = [replace(one, last=read.first - DAY)] if one.first < read.first else []
    return [*before, *([replace(one, first=read.last + DAY)] if one.last > read.last else [])]


def serving(calls: Iterable[Call], wants: Iterable[Wanted], sessions: SessionCalendar) -> set[Call]:
    """Which of the calls bring something of what is wanted."""
    wants = list(wants)
    tickers = {one.ticker for one in wants}
    days = {day for span in {(one.first, one.last) for one in wants} for day in sessions.between(*span)}
    return {
        call for call in calls if (call.session in days if isinstance(call, GroupedCall) else call.ticker in tickers)
    }


def within_limits(
    calls: Sequence[Call], serves: Mapping[int | None, set[Call]], budgets: Mapping[int, int]
) -> list[Call]:
    """Without the calls past what a job may still spend (`budgets`, by job), unless another wants them too."""
    kept: set[Call] = set()
    for job, own in serves.items():
        if job is not None and job in budgets:
            kept.update([call for call in calls if call in own][: max(0, budgets[job])])
        else:
            kept |= own
    return [call for call in calls if call in kept]
