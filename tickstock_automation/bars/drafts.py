"""A backfill before it is one: what it would cost, and then the order to do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tickstock_automation.bars.calls import SPLITS
from tickstock_automation.bars.corporate_actions import SPLITS_BACK_DAYS
from tickstock_automation.bars.holders import tenures_of
from tickstock_automation.bars.lacking import read_lacking
from tickstock_automation.bars.models import BackfillJob, BarCall
from tickstock_automation.bars.needs import OpenRequest, needs_of
from tickstock_automation.bars.planner import Call, GroupedCall, plan
from tickstock_automation.bars.wanted import Reason, closed_sessions, request_spans
from tickstock_automation.sessions import SessionCalendar

BYTES_PER_BAR = 173
"""A row with its part of the indexes: 157 measured by `bench load`, whose bars have no vwap and no trade count, and 16 for these."""

# From its listing on, as far as the vendor told it, to before its delisting.
_LISTED = text("""
SELECT id, greatest(:first, CASE WHEN details_on IS NOT NULL THEN coalesce(list_date, :first) ELSE :first END),
       least(:last, delist_date - 1)
  FROM symbols WHERE id = ANY (:ids) ORDER BY id""")


@dataclass(frozen=True)
class Draft:
    """What a backfill would ask for. A pair is one symbol on one session.

    spans: symbol id, first and last session; pairs: wanted; outside: before what the vendor's plan reaches back to;
    unlisted: before the listing or after the delisting; settled: stored, known to be empty, or unloaded, so not asked for;
    waiting: how many of the calls are planned already, for others.
    """

    symbols: int
    first: date
    last: date
    reread: bool
    spans: list[tuple[int, date, date]] = field(repr=False)
    calls: list[Call] = field(repr=False)
    pairs: int
    outside: int
    unlisted: int
    settled: int
    waiting: int

    @property
    def grouped(self) -> int:
        return sum(isinstance(call, GroupedCall) for call in self.calls)

    @property
    def bytes(self) -> int:
        """On disk, at most: where every pair has a bar that is not stored yet."""
        return self.pairs * BYTES_PER_BAR

    def reads_splits(self, as_of: date) -> bool:
        """Whether it takes a call for the splits of its years besides (of several pages where there are many)."""
        return bool(self.calls) and self.first < as_of - timedelta(days=SPLITS_BACK_DAYS)

    def minutes(self, calls_per_minute: int) -> float:
        """At the vendor plan's rate; 0 where there is no limit."""
        return round(len(self.calls) / calls_per_minute, 1) if calls_per_minute else 0.0


def draft(
    session: Session,
    symbol_ids: Sequence[int],
    first: date,
    last: date,
    earliest: date,
    calendar: SessionCalendar,
    *,
    reread: bool,
) -> Draft:
    """What bringing the bars of symbols from one day to another would take. `earliest`: what the vendor's plan reaches back to.

    `reread`: what is stored is read again and compared; otherwise only what lacks.
    """
    closed = closed_sessions(session, first, last)
    sessions = calendar.without(closed)
    begin = max(first, earliest)
    outside = len(sessions.between(first, min(last, earliest - timedelta(days=1)))) if earliest > first else 0
    listed = session.execute(_LISTED, {"ids": list(symbol_ids), "first": begin, "last": last}).all()
    spans = [(id_, since, until) for id_, since, until in listed if sessions.between(since, until)]
    all_pairs = len(sessions.between(begin, last)) * len(symbol_ids)
    asked = sum(len(sessions.between(since, until)) for _, since, until in spans)
    now = datetime.now(UTC)
    requests = [
        OpenRequest(at, id_, since, until, 0, reread, now, None, None) for at, (id_, since, until) in enumerate(spans)
    ]
    lacking = read_lacking(session, requests, sessions, closed)
    needs = needs_of(lacking, tenures_of(session, [span[0] for span in spans]), sessions)
    calls = plan(needs.wanted, sessions.between(begin, last))
    pairs = sum(one.pairs for one in lacking) - len(needs.nobodys)
    return Draft(
        symbols=len(symbol_ids), first=first, last=last, reread=reread, spans=spans, calls=calls, pairs=pairs,
        outside=outside * len(symbol_ids), unlisted=all_pairs - asked, settled=asked - pairs,
        waiting=_waiting(session, calls),
    )  # fmt: skip


def _waiting(session: Session, calls: Sequence[Call]) -> int:
    open_ones = select(BarCall.ticker, BarCall.first_session).where(
        BarCall.status.in_(("waiting", "running")), BarCall.endpoint != SPLITS
    )
    known = {ticker or first for ticker, first in session.execute(open_ones)}
    return sum((call.session if isinstance(call, GroupedCall) else call.ticker) in known for call in calls)


def order(session: Session, drafted: Draft, as_of: date, author: str, max_calls: int | None) -> int:
    """Makes the draft a job; gives its number. The next plan has it."""
    job = BackfillJob(
        reason=Reason.BACKFILL.value, as_of=as_of, first_session=drafted.first, last_session=drafted.last,
        symbols=drafted.symbols, author=author, max_calls=max_calls,
    )  # fmt: skip
    session.add(job)
    session.flush()
    request_spans(session, drafted.spans, reason=Reason.BACKFILL, job_id=job.id, reread=drafted.reread)
    return job.id
