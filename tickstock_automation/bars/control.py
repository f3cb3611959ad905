"""A person's word on backfill jobs: looked at, paused, resumed, cancelled. Calls that others want too are made all the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from tickstock_automation.bars import jobs
from tickstock_automation.bars.models import BackfillJob, BarRequest
from tickstock_automation.bars.planning import make_plan
from tickstock_automation.errors import NotFound, UsedWrongly
from tickstock_automation.events.catalogue import Service
from tickstock_automation.events.outbox import add_events
from tickstock_automation.sessions import SessionCalendar

ENDED = ("done", "failed", "cancelled")

_TRY_FAILED = text("""
UPDATE unloaded_bars u SET again = true FROM bar_requests r
 WHERE r.job_id = :job AND u.symbol_id = r.symbol_id AND u.session BETWEEN r.first_session AND r.last_session""")

_NEXT = text("""
SELECT min(due_at), max(error_message) FROM bar_calls WHERE status = 'waiting' AND due_at > now()
   AND NOT EXISTS (SELECT 1 FROM bar_calls c WHERE c.status = 'running' OR (c.status = 'waiting' AND c.due_at <= now()))""")


@dataclass(frozen=True)
class JobStatus:
    """A job as it stands. `eta_s`: seconds until its calls are made, at the plan's rate or the job's own so far."""

    id: int
    reason: str
    state: str
    why: str | None
    author: str | None
    symbols: int
    first: date
    last: date
    pairs: int
    bars: int
    empty: int
    failed: int
    percent: int
    vendor_calls: int
    calls_left: int
    max_calls: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    eta_s: float | None

    @property
    def ended(self) -> bool:
        return self.state in ENDED


def job_status(session: Session, job_id: int, calls_per_minute: int) -> JobStatus:
    """One job; NotFound where there is none of this number."""
    job = _job(session, job_id)
    now = session.execute(select(func.clock_timestamp())).scalar_one()
    return _status(job, now, calls_per_minute)


def newest_jobs(session: Session, most: int, calls_per_minute: int) -> list[JobStatus]:
    """The last jobs, the newest first."""
    wanted = select(BackfillJob).order_by(BackfillJob.id.desc()).limit(most)
    now = session.execute(select(func.clock_timestamp())).scalar_one()
    return [_status(job, now, calls_per_minute) for job in session.scalars(wanted)]


def _status(job: BackfillJob, now: datetime, calls_per_minute: int) -> JobStatus:
    return JobStatus(
        id=job.id, reason=job.reason, state=job.state, why=job.why, author=job.author, symbols=job.symbols,
        first=job.first_session, last=job.last_session, pairs=job.pairs, bars=job.bars, empty=job.empty,
        failed=job.failed, percent=job.percent, vendor_calls=job.vendor_calls, calls_left=job.calls_left,
        max_calls=job.max_calls, created_at=job.created_at, started_at=job.started_at, finished_at=job.finished_at,
        eta_s=_eta(job, now, calls_per_minute),
    )  # fmt: skip


def _eta(job: BackfillJob, now: datetime, calls_per_minute: int) -> float | None:
    if job.state != "running" or job.started_at is None:
        return None
    by_plan = 60.0 / calls_per_minute if calls_per_minute else 0.0
    so_far = (now - job.started_at).total_seconds() / job.vendor_calls if job.vendor_calls else by_plan
    return float(round(job.calls_left * max(by_plan, so_far), 1))


def waits_until(session: Session) -> tuple[datetime, str | None] | None:
    """When the next call is due and what the last try said, where nothing can be done before."""
    due, said = session.execute(_NEXT).one()
    return None if due is None else (due, said)


def pause(session: Session, calendar: SessionCalendar, job_id: int, author: str) -> None:
    """No call is made for the job any more until it is resumed; one that is being made is stored."""
    job = _open_job(session, job_id)
    if job.state == "paused":
        return
    job.state, job.why = "paused", f"paused by {author}"
    _unplan(session, job_id)
    make_plan(session, calendar)


def resume(session: Session, calendar: SessionCalendar, job_id: int, max_calls: int | None) -> None:
    """Goes on where it stopped. A failed job tries what failed once more; `max_calls` more may be spent (None: no limit)."""
    job = _job(session, job_id, with_for_update=True)
    if job.state not in ("paused", "failed"):
        raise UsedWrongly(f"backfill job {job_id} is {job.state}: only a paused or failed one can be resumed")
    if job.state == "failed":
        session.execute(_TRY_FAILED, {"job": job_id})
        again = update(BarRequest).values(status="waiting", completed_at=None)
        session.execute(again.where(BarRequest.job_id == job_id, BarRequest.status == "done"))
        job.failed, job.finished_at = 0, None
    job.state, job.why = "planned" if job.started_at is None else "running", None
    job.max_calls = None if max_calls is None else job.vendor_calls + max_calls
    _unplan(session, job_id)
    make_plan(session, calendar)


def cancel(session: Session, calendar: SessionCalendar, job_id: int, author: str) -> None:
    """Ends a job; the bars it brought stay."""
    job = _open_job(session, job_id)
    job.state, job.why, job.calls_left = "cancelled", f"cancelled by {author}", 0
    over = update(BarRequest).values(status="cancelled", completed_at=func.now())
    session.execute(over.where(BarRequest.job_id == job_id, BarRequest.status == "waiting"))
    add_events(session, Service.IPO_MONITOR, [jobs.completed(session, job)])
    make_plan(session, calendar)


def _job(session: Session, job_id: int, *, with_for_update: bool = False) -> BackfillJob:
    job = session.get(BackfillJob, job_id, with_for_update=with_for_update)
    if job is None:
        raise NotFound(f"there is no backfill job {job_id}: `tickstock backfill status` lists them")
    return job


def _open_job(session: Session, job_id: int) -> BackfillJob:
    job = _job(session, job_id, with_for_update=True)
    if job.state in ENDED:
        raise UsedWrongly(f"backfill job {job_id} has ended: {job.state}")
    return job


def _unplan(session: Session, job_id: int) -> None:
    waiting = update(BarRequest).values(planned=False)
    session.execute(waiting.where(BarRequest.job_id == job_id, BarRequest.status == "waiting"))
