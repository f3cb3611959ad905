"""A backfill job's life: begun, a step further, ended; each with its event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from tickstock_automation.bars.models import BackfillJob
from tickstock_automation.events.catalogue import BackfillCompleted, BackfillProgress, BackfillStarted, Service
from tickstock_automation.events.outbox import Pending, add_events

PROGRESS_STEP = 10  # per cent between two progress events

# Listed, and without any bar yet: an IPO of today. Each end-of-day load asks for it, so nothing has failed.
_BARLESS = text("""
SELECT s.ticker FROM symbols s
 WHERE s.active AND s.id IN (SELECT symbol_id FROM bar_requests WHERE job_id = :job)
   AND NOT EXISTS (SELECT 1 FROM historical_data h WHERE h.symbol_id = s.id)
 ORDER BY s.ticker LIMIT 500""")

_OVER = text("""
SELECT j.id FROM backfill_jobs j
 WHERE j.state = 'running' AND NOT EXISTS (SELECT 1 FROM bar_requests r WHERE r.job_id = j.id AND r.status = 'waiting')
 ORDER BY j.id""")


def begin(session: Session, pairs: Mapping[int, int]) -> None:
    """Begins jobs (id to wanted pairs) that the plan holds for the first time."""
    events = []
    for job_id, wanted in sorted(pairs.items()):
        job = session.get_one(BackfillJob, job_id, with_for_update=True)
        job.state, job.pairs = "running", wanted
        job.started_at = session.execute(select(func.clock_timestamp())).scalar_one()
        events.append(
            Pending(
                BackfillStarted(
                    job_id=job.id, reason=job.reason, symbols=job.symbols, bars_wanted=wanted,
                    first_session=job.first_session, last_session=job.last_session,
                )
            )
        )  # fmt: skip
    session.flush()
    add_events(session, Service.IPO_MONITOR, events)


def advance(session: Session, settled: Mapping[int, Counter[str]], *, calls: int) -> None:
    """Adds what became of pairs (job to bars, empty, failed) to the jobs' figures, with an event at each step."""
    events: list[Pending] = []
    for job_id, became in sorted(settled.items()):
        job = session.get_one(BackfillJob, job_id, with_for_update=True)
        job.bars += became["bars"]
        job.empty += became["empty"]
        job.failed += became["failed"]
        job.vendor_calls += calls
        job.calls_left = max(0, job.calls_left - calls)
        before = job.percent
        job.percent = min(100, 100 * (job.bars + job.empty + job.failed) // max(job.pairs, 1))
        if job.state == "running" and job.percent // PROGRESS_STEP > before // PROGRESS_STEP:
            events.append(Pending(BackfillProgress(job_id=job_id, percent=job.percent, bars=job.bars)))
    session.flush()
    add_events(session, Service.IPO_MONITOR, events)


def end(session: Session) -> None:
    """Ends the running jobs that want nothing any more. What another load brought meanwhile counts as theirs."""
    events = []
    for job_id in session.scalars(_OVER).all():
        job = session.get_one(BackfillJob, job_id, with_for_update=True)
        if job.state != "running":  # ended by another worker while this one waited for the row
            continue
        job.bars = max(0, job.pairs - job.empty - job.failed)
        job.percent, job.calls_left = 100, 0
        job.state = "failed" if job.failed else "done"
        events.append(completed(session, job))
    session.flush()
    add_events(session, Service.IPO_MONITOR, events)


def completed(session: Session, job: BackfillJob) -> Pending:
    """Closes a job whose state is set, and gives its event."""
    job.finished_at = session.execute(select(func.clock_timestamp())).scalar_one()
    assert job.state in ("done", "failed", "cancelled")
    return Pending(
        BackfillCompleted(
            job_id=job.id, outcome=job.state, symbols=job.symbols, bars=job.bars, empty=job.empty, failed=job.failed,
            vendor_calls=job.vendor_calls, awaiting_first_bar=list(session.scalars(_BARLESS, {"job": job.id})),
        )
    )  # fmt: skip


def limit_calls(session: Session) -> None:
    """Pauses the jobs that have spent the calls they may."""
    spent = select(BackfillJob).where(
        BackfillJob.state == "running", BackfillJob.max_calls.is_not(None), BackfillJob.vendor_calls >= BackfillJob.max_calls
    )  # fmt: skip
    for job in session.scalars(spent.with_for_update()):
        job.state, job.why = "paused", f"its {job.max_calls} calls are spent"
    session.flush()
