"""A backfill job's life: begun, a step further, ended; each with its event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, text
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


def begin_jobs(session: Session, token: int) -> None:
    """Begins the jobs whose requests this batch has claimed."""
    jobs = session.scalars(
        select(BackfillJob).where(
            BackfillJob.state == "planned",
            BackfillJob.id.in_(
                text("SELECT job_id FROM bar_requests WHERE claim_token = :token").bindparams(token=token)
            ),
        )
    ).all()
    events = []
    for job in jobs:
        job.state = "running"
        job.started_at = session.execute(text("SELECT now()")).scalar_one()
        events.append(
            Pending(
                BackfillStarted(
                    job_id=job.id, reason=job.reason, symbols=job.symbols, bars_wanted=job.pairs,
                    first_session=job.first_session, last_session=job.last_session,
                )
            )
        )  # fmt: skip
    add_events(session, Service.IPO_MONITOR, events)


def advance_jobs(session: Session, settled: Sequence[Any], *, calls: int) -> None:
    """Brings jobs' figures up to date with (symbol, session, status, job) rows; an event at each step, and at the end."""
    by_job: dict[int, Counter[str]] = {}
    for _, _, status, job_id in settled:
        if job_id is not None:
            by_job.setdefault(job_id, Counter())[status] += 1
    events: list[Pending] = []
    for job_id, became in sorted(by_job.items()):
        job = session.get_one(BackfillJob, job_id, with_for_update=True)
        job.bars += became["done"]
        job.empty += became["empty"]
        job.failed += became["failed"]
        job.vendor_calls += calls
        before, job.percent = job.percent, 100 * (job.bars + job.empty + job.failed) // max(job.pairs, 1)
        if job.percent // PROGRESS_STEP > before // PROGRESS_STEP:
            events.append(Pending(BackfillProgress(job_id=job_id, percent=job.percent, bars=job.bars)))
        if job.bars + job.empty + job.failed == job.pairs:
            job.state = "failed" if job.failed else "done"
            job.finished_at = session.execute(text("SELECT clock_timestamp()")).scalar_one()
            completed = BackfillCompleted(
                job_id=job_id, outcome="failed" if job.failed else "done", symbols=job.symbols, bars=job.bars,
                empty=job.empty, failed=job.failed, vendor_calls=job.vendor_calls,
                awaiting_first_bar=list(session.scalars(_BARLESS, {"job": job_id})),
            )  # fmt: skip
            events.append(Pending(completed))
    session.flush()
    add_events(session, Service.IPO_MONITOR, events)
