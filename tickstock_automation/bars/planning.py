"""The plan of calls: made anew over all that waits whenever something new is wanted, or nothing is left of the old one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.orm import Session

from tickstock_automation.bars import jobs
from tickstock_automation.bars.calls import GROUPED, RANGE, SPLITS
from tickstock_automation.bars.corporate_actions import SPLITS_BACK_DAYS
from tickstock_automation.bars.holders import tenures_of
from tickstock_automation.bars.lacking import read_lacking
from tickstock_automation.bars.models import BackfillJob, BarCall, BarRequest
from tickstock_automation.bars.needs import (
    Lacking,
    Needs,
    OpenRequest,
    needs_of,
    serving,
    within_limits,
    without,
)
from tickstock_automation.bars.partitions import ensure_partitions
from tickstock_automation.bars.planner import Call, GroupedCall, plan
from tickstock_automation.bars.tenure import Tenure
from tickstock_automation.bars.wanted import closed_sessions
from tickstock_automation.sessions import SessionCalendar

PLAN_LOCK = 0x7155
MOST_AT_ONCE = 5_000

log = structlog.get_logger("plan")

_LOCK = text("SELECT pg_advisory_xact_lock(:lock)")
_LOCK_SHARED = text("SELECT pg_advisory_xact_lock_shared(:lock)")

# A request of a job that a person paused waits for that person.
_WHETHER = text("""
SELECT EXISTS (SELECT 1 FROM bar_requests r LEFT JOIN backfill_jobs j ON j.id = r.job_id
                WHERE r.status = 'waiting' AND NOT r.planned AND r.not_before <= now() AND j.state IS DISTINCT FROM 'paused')
    OR (NOT EXISTS (SELECT 1 FROM bar_calls WHERE status IN ('waiting', 'running'))
        AND EXISTS (SELECT 1 FROM bar_requests r LEFT JOIN backfill_jobs j ON j.id = r.job_id
                     WHERE r.status = 'waiting' AND r.not_before <= now() AND j.state IS DISTINCT FROM 'paused'))""")

_OPEN = text("""
SELECT r.id, r.symbol_id, r.first_session, r.last_session, r.priority, r.reread, r.created_at, r.job_id, j.state
  FROM bar_requests r LEFT JOIN backfill_jobs j ON j.id = r.job_id
 WHERE r.status = 'waiting' AND r.not_before <= now() AND j.state IS DISTINCT FROM 'paused'""")

# What a job brings from before the splits that an end-of-day load reads is not to stand unadjusted: one call for all of them.
_SPLITS = text("""
INSERT INTO bar_calls (endpoint, first_session, last_session, priority)
SELECT 'splits', j.first_session, greatest(j.as_of, j.last_session), (SELECT max(priority) FROM bar_requests WHERE job_id = j.id)
  FROM backfill_jobs j
 WHERE j.id = ANY (:jobs) AND j.pairs > 0 AND j.first_session < j.as_of - CAST(:days AS integer)
   AND NOT EXISTS (SELECT 1 FROM bar_calls c WHERE c.endpoint = 'splits' AND c.status IN ('waiting', 'running')
                      AND c.first_session <= j.first_session AND c.last_session >= greatest(j.as_of, j.last_session))""")

_SPAN = text("SELECT min(first_session), max(last_session) FROM bar_requests WHERE status = 'waiting'")

_NOBODYS = text("""
INSERT INTO known_empty (symbol_id, session, reason)
SELECT id, day, 'another security had its ticker' FROM unnest(CAST(:symbols AS bigint[]), CAST(:days AS date[])) AS n (id, day)
    ON CONFLICT DO NOTHING""")


@dataclass(frozen=True)
class Running:
    """A call in a worker's hands; without a `ticker`, a grouped one of the one session."""

    id: int
    ticker: str | None
    first: date
    last: date


def plan_if_needed(session: Session, calendar: SessionCalendar) -> bool:
    """Makes the plan anew where something unplanned is wanted, or the old plan is used up; says whether it did."""
    if not session.scalar(_WHETHER):
        return False
    session.execute(_LOCK, {"lock": PLAN_LOCK})
    if not session.scalar(_WHETHER):  # another worker has done it meanwhile
        return False
    make_plan(session, calendar)
    return True


def await_plan(session: Session) -> None:
    """Waits for a plan that another worker is making, and keeps the next one off until this transaction ends."""
    session.execute(_LOCK_SHARED, {"lock": PLAN_LOCK})


def make_plan(session: Session, calendar: SessionCalendar) -> None:
    """Settles what wants nothing any more, and replaces the calls that wait by the fewest that cover the rest."""
    session.execute(_LOCK, {"lock": PLAN_LOCK})
    first, last = session.execute(_SPAN).one()
    if first is not None:
        closed = closed_sessions(session, first, last)
        sessions = calendar.without(closed)
        jobs.limit_calls(session)
        running = _running(session)  # before what lacks: a call that ends in between still covers its bars
        requests = [OpenRequest(*row) for row in session.execute(_OPEN)]
        lacking = read_lacking(session, requests, sessions, closed)
        _close(session, requests, lacking)
        _begin(session, requests, lacking)
        tickers = tenures_of(session, sorted({one.request.symbol_id for one in lacking}))
        needs = needs_of(lacking, tickers, sessions)
        _note_nobodys(session, needs.nobodys)
        _replace_calls(session, needs, running, sessions, first, last)
    jobs.end(session)


def _close(session: Session, requests: Sequence[OpenRequest], lacking: Sequence[Lacking]) -> None:
    open_ids = {one.request.id for one in lacking}
    over = [one.id for one in requests if one.id not in open_ids]
    now = text("clock_timestamp()")
    session.execute(update(BarRequest).values(status="done", completed_at=now).where(BarRequest.id.in_(over)))
    session.execute(update(BarRequest).values(planned=True).where(BarRequest.id.in_(open_ids), ~BarRequest.planned))


def _begin(session: Session, requests: Sequence[OpenRequest], lacking: Sequence[Lacking]) -> None:
    """The jobs that are planned for the first time."""
    pairs = {one.job_id: 0 for one in requests if one.job_id is not None and one.job_state == "planned"}
    for one in lacking:
        if one.request.job_id in pairs:
            pairs[one.request.job_id] += one.pairs
    jobs.begin(session, pairs)
    session.execute(_SPLITS, {"jobs": list(pairs), "days": SPLITS_BACK_DAYS})


def _note_nobodys(session: Session, nobodys: Sequence[tuple[int, date]]) -> None:
    """On these days a symbol had no ticker, or another security had it: there is nothing to ask for."""
    for start in range(0, len(nobodys), MOST_AT_ONCE):
        ids, days = zip(*nobodys[start : start + MOST_AT_ONCE], strict=True)
        session.execute(_NOBODYS, {"symbols": list(ids), "days": list(days)})


def _running(session: Session) -> list[Running]:
    """The calls that somebody is making: none begins while a plan is made, but any may end."""
    columns = (BarCall.id, BarCall.ticker, BarCall.first_session, BarCall.last_session)
    rows = session.execute(select(*columns).where(BarCall.status == "running", BarCall.endpoint != SPLITS))
    return [Running(*row) for row in rows]


def _replace_calls(
    session: Session, needs: Needs, running: Sequence[Running], sessions: SessionCalendar, first: date, last: date
) -> None:
    """The calls that wait become those of the new plan; one that stays keeps its attempts and its pause, and one that was
    put back meanwhile stays."""
    waits = (BarCall.status == "waiting", BarCall.endpoint != SPLITS, BarCall.id.not_in([one.id for one in running]))
    rows = session.scalars(select(BarCall).where(*waits))
    waiting = {(row.ticker, row.ticker or row.first_session): row for row in rows}
    sessions = sessions.without({one.first for one in running if one.ticker is None})
    reads = [Tenure(one.ticker, one.first, one.last) for one in running if one.ticker is not None]
    calls = plan(without(needs.wanted, reads), sessions.between(first, last))
    serves = {job: serving(calls, wants, sessions) for job, wants in needs.by_job.items()}
    calls = within_limits(calls, serves, _budgets(session, serves.keys() - {None}))
    new = []
    for values in map(_values, calls):
        known = waiting.pop((values["ticker"], values["ticker"] or values["first_session"]), None)
        if known is None:
            new.append(values)
            continue
        for name in ("first_session", "last_session", "priority"):
            setattr(known, name, values[name])
    session.flush()
    session.execute(delete(BarCall).where(BarCall.id.in_([row.id for row in waiting.values()])))
    if new:
        ensure_partitions(session, min(one["first_session"] for one in new), max(one["last_session"] for one in new))
        session.execute(insert(BarCall), new)
    for job, own in serves.items():  # also those past what it may spend: it is paused before them
        session.execute(update(BackfillJob).values(calls_left=len(own)).where(BackfillJob.id == job))
    if new or waiting:
        log.info("calls planned", calls=len(calls), new=len(new), given_up=len(waiting), running=len(running))


def _values(call: Call) -> dict[str, Any]:
    """A call as its row has it."""
    if isinstance(call, GroupedCall):
        found = {"endpoint": GROUPED, "ticker": None, "first_session": call.session, "last_session": call.session}
    else:
        found = {"endpoint": RANGE, "ticker": call.ticker, "first_session": call.first, "last_session": call.last}
    return found | {"priority": call.priority}


def _budgets(session: Session, job_ids: set[int | None]) -> dict[int, int]:
    """How many calls the jobs may still spend that may not spend all."""
    left = select(BackfillJob.id, BackfillJob.max_calls - BackfillJob.vendor_calls)
    limited = left.where(BackfillJob.id.in_(job_ids), BackfillJob.max_calls.is_not(None))
    return {id_: int(budget or 0) for id_, budget in session.execute(limited)}
