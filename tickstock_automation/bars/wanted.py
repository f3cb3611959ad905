"""Asking for bars: who wants which, and how urgently."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tickstock_automation.bars.models import BackfillJob


class Reason(StrEnum):
    """Why bars are wanted."""

    SUSPECT = "suspect"
    MISSING = "missing"
    NEW_LISTING = "new_listing"
    ASKED = "asked"
    BACKFILL = "backfill"


PRIORITIES = {Reason.SUSPECT: 100, Reason.MISSING: 90, Reason.NEW_LISTING: 80, Reason.ASKED: 70, Reason.BACKFILL: 50}
QUEUED = PRIORITIES[Reason.ASKED]
"""What a batch of the work list waits for has at least this priority."""

# Asked for again: what was noted as unloaded has another chance.
_TRY_AGAIN = text("""
UPDATE unloaded_bars u SET again = true
  FROM unnest(CAST(:symbols AS bigint[]), CAST(:firsts AS date[]), CAST(:lasts AS date[])) AS s (id, first, last)
 WHERE u.symbol_id = s.id AND u.session BETWEEN s.first AND s.last AND NOT u.again""")

# What a waiting request of the same reason covers is not asked for twice, except by a job that counts its own.
_REQUEST = text("""
INSERT INTO bar_requests (symbol_id, first_session, last_session, reason, priority, job_id, reread, asks_left, not_before)
SELECT s.id, s.first, s.last, :reason, :priority, :job, :reread, :asks, now() + make_interval(secs => :pause)
  FROM unnest(CAST(:symbols AS bigint[]), CAST(:firsts AS date[]), CAST(:lasts AS date[])) AS s (id, first, last)
 WHERE CAST(:job AS bigint) IS NOT NULL
    OR NOT EXISTS (SELECT 1 FROM bar_requests r WHERE r.symbol_id = s.id AND r.status = 'waiting' AND r.reason = :reason
                      AND r.first_session <= s.first AND r.last_session >= s.last)""")

_CLOSED = text("SELECT session FROM session_status WHERE closed AND session BETWEEN :first AND :last")


def earliest_session(as_of: date, history_years: float) -> date:
    """The first day that the vendor's plan gives bars of, as of a day; `history_years` 0: all."""
    return as_of - timedelta(days=round(history_years * 365.25)) if history_years else date.min


def request_bars(
    session: Session, symbol_ids: Sequence[int], first: date, last: date, *, reason: Reason, as_of: date
) -> int:
    """Asks for what lacks of symbols from one session to another; gives the number of requests.

    New listings of one session are one job, and so is what was queued up to one session.
    """
    if not symbol_ids or first > last:
        return 0
    job_id = None
    if reason in (Reason.NEW_LISTING, Reason.ASKED):
        job_id = _job_of(session, reason, as_of, first, last, len(symbol_ids))
    return request_spans(session, [(id_, first, last) for id_ in symbol_ids], reason=reason, job_id=job_id)


def request_spans(
    session: Session,
    spans: Sequence[tuple[int, date, date]],
    *,
    reason: Reason,
    job_id: int | None = None,
    reread: bool = False,
    asks: int = 0,
    pause_s: float = 0.0,
) -> int:
    """Asks for spans (symbol id, first and last session); gives the number of requests. The plan knows them once it is made anew.

    `reread`: also what is stored. An answer without the bar is not believed `asks` times; `pause_s`: before the first call.
    """
    if not spans:
        return 0
    ids, firsts, lasts = zip(*spans, strict=True)
    about = {"symbols": list(ids), "firsts": list(firsts), "lasts": list(lasts)}
    session.execute(_TRY_AGAIN, about)
    asked = session.execute(
        _REQUEST,
        {
            **about, "reason": reason.value, "job": job_id, "priority": PRIORITIES[reason], "reread": reread,
            "asks": asks, "pause": pause_s,
        },
    )  # fmt: skip
    return int(asked.rowcount)  # type: ignore[attr-defined]


def _job_of(session: Session, reason: Reason, as_of: date, first: date, last: date, symbols: int) -> int:
    """The job that was not begun yet of this reason and session, else a new one."""
    known = select(BackfillJob).where(
        BackfillJob.as_of == as_of, BackfillJob.reason == reason.value, BackfillJob.state == "planned"
    )
    job = session.scalars(known.with_for_update()).first()
    if job is None:
        job = BackfillJob(reason=reason.value, as_of=as_of, first_session=first, last_session=last, symbols=0)
        session.add(job)
    job.symbols += symbols
    job.first_session, job.last_session = min(job.first_session, first), max(job.last_session, last)
    session.flush()
    return job.id


def closed_sessions(session: Session, first: date, last: date) -> set[date]:
    """Sessions of the calendar on which the exchange did not trade after all."""
    return set(session.scalars(_CLOSED, {"first": first, "last": last}))
