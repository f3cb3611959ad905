"""Backfills: what is wanted becomes requests, a claimed batch plans all that wait and makes the calls."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import structlog
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tickstock_automation.bars.ingest import store
from tickstock_automation.bars.jobs import advance_jobs, begin_jobs
from tickstock_automation.bars.models import BackfillJob
from tickstock_automation.bars.planner import Call, GroupedCall, plan
from tickstock_automation.bars.session_state import settle
from tickstock_automation.db import operational
from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import BadAnswer, LeaseLost, Stop, TryAgain
from tickstock_automation.events.catalogue import Service
from tickstock_automation.processing import queue
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings
from tickstock_automation.vendor.client import BarsAnswer, Vendor

RETRY_PAUSE_S = 30.0
AROUND_SHARE = 0.95  # of the bars of the sessions around: below it the vendor dropped some, they did not all rest
ALONE_SHARE = 0.75  # of the symbols asked for, where no session around it is stored
FEW = 2

log = structlog.get_logger("backfill")

_REQUEST = text("""
INSERT INTO bar_requests (symbol_id, session, reason, job_id)
SELECT s.id, d.day, :reason, :job
  FROM unnest(CAST(:symbols AS bigint[])) AS s (id) CROSS JOIN unnest(CAST(:sessions AS date[])) AS d (day)
 WHERE NOT EXISTS (SELECT 1 FROM historical_data h WHERE h.symbol_id = s.id AND h.date = d.day)
   AND NOT EXISTS (SELECT 1 FROM known_empty k WHERE k.symbol_id = s.id AND k.session = d.day)
    ON CONFLICT DO NOTHING""")

_CLAIM = text("""
UPDATE bar_requests SET status = 'running', claim_token = :token, lease_until = now() + make_interval(secs => :lease)
 WHERE id IN (SELECT id FROM bar_requests WHERE status = 'waiting' OR (status = 'running' AND lease_until < now())
               FOR UPDATE SKIP LOCKED)
RETURNING symbol_id, session""")

_RENEW = text("""
UPDATE bar_requests SET lease_until = now() + make_interval(secs => :lease) WHERE claim_token = :token AND status = 'running'""")

_RELEASE = text("""
UPDATE bar_requests SET status = 'waiting', claim_token = NULL, lease_until = NULL
 WHERE claim_token = :token AND status = 'running'""")

# Fenced: a request that another claim took since is not this batch's to settle.
_SETTLE = text("""
UPDATE bar_requests r
   SET status = CASE WHEN h.symbol_id IS NOT NULL THEN 'done' WHEN refused.symbol_id IS NOT NULL THEN 'failed'
                     WHEN :incomplete THEN 'failed' ELSE 'empty' END,
       error_message = CASE WHEN h.symbol_id IS NOT NULL THEN NULL
                            WHEN refused.symbol_id IS NOT NULL THEN 'refused: ' || refused.reason
                            WHEN :incomplete THEN 'the vendor''s answer lacks too many symbols to be believed' END,
       completed_at = now(), lease_until = NULL
  FROM bar_requests q
  LEFT JOIN historical_data h ON h.symbol_id = q.symbol_id AND h.date = q.session
       AND h.date BETWEEN :first AND :last
  LEFT JOIN unnest(CAST(:refused_ids AS bigint[]), CAST(:refused_days AS date[]), CAST(:refused_reasons AS text[]))
       AS refused (symbol_id, day, reason) ON refused.symbol_id = q.symbol_id AND refused.day = q.session
 WHERE r.id = q.id AND q.claim_token = :token AND q.status = 'running'
   AND q.symbol_id = ANY (:symbols) AND q.session = ANY (:days)
RETURNING r.symbol_id, r.session, r.status, r.job_id""")

_KNOWN_EMPTY = text("""
INSERT INTO known_empty (symbol_id, session, reason, load_id)
SELECT id, day, CASE WHEN CAST(:load AS bigint) IS NULL THEN 'another security had its ticker' ELSE 'no bar in the vendor''s answer' END,
       CAST(:load AS bigint)
  FROM unnest(CAST(:symbols AS bigint[]), CAST(:days AS date[])) AS e (id, day) ON CONFLICT DO NOTHING""")

_AROUND = text("SELECT date, count(*) FROM historical_data WHERE date BETWEEN :from AND :to GROUP BY date")

# After the last attempt of the symbol's own queue entry there is no next one.
_FAIL_REQUESTS = text("""
UPDATE bar_requests r SET status = 'failed', error_message = :error, completed_at = now(), lease_until = NULL
 WHERE r.status = 'waiting' AND r.symbol_id = ANY (:symbols)
RETURNING r.symbol_id, r.session, r.status, r.job_id""")

# What was queued only to bring bars is done when its symbol wants none any more, whichever batch brought them.
_COMPLETE = text("""
UPDATE equity_processing_queue q
   SET status = 'done', completed_at = now(), lease_until = NULL, error_message = NULL
 WHERE ((q.claim_token = :token AND q.status = 'running') OR (q.status = 'pending' AND q.reason IN ('new_listing', 'missing')))
   AND NOT EXISTS (SELECT 1 FROM bar_requests r WHERE r.symbol_id = q.symbol_id AND r.status IN ('waiting', 'running'))
RETURNING q.equity_type, q.symbol_id""")

# Which ticker each security had on each day. Before its first known ticker a security is taken to have had that one,
# unless another security is known to have had it then: bars of those days belong to that other one.
_HELD_ON = text("""
WITH asked AS (SELECT s.id, d.day FROM unnest(CAST(:ids AS bigint[])) AS s (id)
                CROSS JOIN unnest(CAST(:days AS date[])) AS d (day)),
     first AS (SELECT DISTINCT ON (symbol_id) symbol_id, ticker, valid_from FROM symbol_aliases
                WHERE symbol_id = ANY (:ids) ORDER BY symbol_id, valid_from NULLS FIRST)
SELECT a.ticker, q.id, q.day FROM asked q
  JOIN symbol_aliases a ON a.symbol_id = q.id AND (a.valid_from IS NULL OR a.valid_from <= q.day)
       AND (a.valid_to IS NULL OR a.valid_to > q.day)
 UNION
SELECT f.ticker, q.id, q.day FROM asked q JOIN first f ON f.symbol_id = q.id AND f.valid_from > q.day
 WHERE NOT EXISTS (SELECT 1 FROM symbol_aliases c WHERE c.ticker = f.ticker AND c.symbol_id <> q.id
                    AND (c.valid_from IS NULL OR c.valid_from <= q.day) AND (c.valid_to IS NULL OR c.valid_to > q.day))""")


@dataclass
class Outcome:
    """What a batch did."""

    bars: int = 0
    calls: int = 0
    processed: dict[str, int] = field(default_factory=dict)
    broken: str | None = None  # the last answer that could not be used
    renewed_at: float = field(default_factory=time.monotonic)

    def renew(self, session: Session, token: int, lease_s: int) -> None:
        """The requests' lease, now and then: there may be hundreds of thousands of them."""
        if time.monotonic() - self.renewed_at > lease_s / 3:
            session.execute(_RENEW, {"token": token, "lease": lease_s})
            self.renewed_at = time.monotonic()


def request_bars(
    session: Session, symbol_ids: Sequence[int], sessions: Sequence[date], *, reason: str, as_of: date
) -> int:
    """Asks for bars that are neither stored nor known to be empty, as one job for `new_listing`; says how many.

    One job serves all symbols asked for with the same reason on the same session.
    """
    if not symbol_ids or not sessions:
        return 0
    job = None
    if reason != "missing":
        job = session.scalars(
            select(BackfillJob).where(
                BackfillJob.as_of == as_of, BackfillJob.reason == reason, BackfillJob.state == "planned"
            )
        ).first()
        if job is None:
            job = BackfillJob(
                reason=reason, as_of=as_of, first_session=sessions[0], last_session=sessions[-1], symbols=0, pairs=0
            )
            session.add(job)
            session.flush()
    asked = session.execute(
        _REQUEST,
        {"symbols": list(symbol_ids), "sessions": list(sessions), "reason": reason, "job": job.id if job else None},
    ).rowcount  # type: ignore[attr-defined]
    if job is not None:
        job.symbols += len(symbol_ids)
        job.pairs += asked
        if not job.pairs:  # a job that wants nothing would never end
            session.delete(job)
        session.flush()
    return int(asked)


def process_batch(
    token: int, equity_type: str, as_of: date, vendor: Vendor, calendar: SessionCalendar, settings: Settings
) -> Outcome:
    """Brings the symbols of a claimed batch up to date, and with them all else that waits for bars.

    Waiting for the vendor gives the batch back untried; a broken answer or a refusal counts as an attempt.
    """
    started, outcome = time.monotonic(), Outcome()
    with transaction(Role.IPO_MONITOR) as session:
        queue.renew(session, token, settings.lease_s)
        _ask_for_what_lacks(session, token, as_of, calendar, settings)
        pairs = [(id_, day) for id_, day in session.execute(_CLAIM, {"token": token, "lease": settings.lease_s})]
        begin_jobs(session, token)
    wanted: dict[date, set[int]] = {}
    for id_, day in pairs:
        wanted.setdefault(day, set()).add(id_)
    try:
        if wanted:
            with transaction(Role.IPO_MONITOR) as session:
                span = {"first": min(wanted), "last": max(wanted)}
                session.execute(text("SELECT create_bar_partitions(:first, :last)"), span)
        for call in plan(pairs):
            _make_call(call, token, wanted, vendor, settings, outcome)
        with transaction(Role.IPO_MONITOR) as session:
            session.execute(_RELEASE, {"token": token})  # what a broken answer left, for the next attempt
            outcome.processed = _complete(session, token)
            failed = _put_back(session, token, outcome.broken, settings)
            _store_stats(session, equity_type, outcome.processed, failed, time.monotonic() - started)
            settle(session, wanted)
    except TryAgain as error:
        with transaction(Role.IPO_MONITOR) as session:
            session.execute(_RELEASE, {"token": token})
            queue.give_back(session, token, str(error), pause_s=error.after_s or RETRY_PAUSE_S)
        log.warning("batch waits", token=token, reason=str(error), after_s=error.after_s)
        return outcome
    except LeaseLost:
        raise
    except Stop as error:
        _give_up(token, error, settings)
        raise
    except Exception as error:  # a fault of ours: it counts as an attempt, and the next one may begin
        with transaction(Role.IPO_MONITOR) as session:
            session.execute(_RELEASE, {"token": token})
            queue.fail_batch(session, token, repr(error), pause_s=RETRY_PAUSE_S, most_attempts=settings.max_attempts)
        raise
    log.info("batch done", token=token, symbols=sum(outcome.processed.values()), bars=outcome.bars, calls=outcome.calls)
    return outcome


def _ask_for_what_lacks(
    session: ServiceSession, token: int, as_of: date, calendar: SessionCalendar, settings: Settings
) -> None:
    """A symbol queued by hand has no requests yet: up to date means the sessions that a new one would get."""
    ids = session.execute(
        text(
            "SELECT symbol_id FROM equity_processing_queue WHERE claim_token = :token AND status = 'running'"
            " AND reason NOT IN ('new_listing', 'missing')"
        ),
        {"token": token},
    ).scalars()
    days = calendar.between(as_of - timedelta(days=settings.backfill_days), as_of)
    request_bars(session, list(ids), days, reason="asked", as_of=as_of)


def _make_call(
    call: Call, token: int, wanted: dict[date, set[int]], vendor: Vendor, settings: Settings, outcome: Outcome
) -> None:
    """One planned call: asked for under the tickers that were its symbols' own on the days wanted."""
    with transaction(Role.IPO_MONITOR) as session:
        parts = _parts(session, call, wanted)
    for part in parts:
        answer = None
        if part.symbol_ids:
            outcome.calls += 1
            try:
                answer = _ask(part, vendor)
            except BadAnswer as error:
                _report_broken(part, error)
                outcome.broken = str(error)
                continue
        with transaction(Role.IPO_MONITOR) as session:
            queue.renew(session, token, settings.lease_s)
            outcome.renew(session, token, settings.lease_s)
            outcome.bars += _store_part(session, part, token, answer)


@dataclass(frozen=True)
class Part:
    """One vendor call as it is made: `ticker` None for a grouped one. No `symbol_ids`: nothing to ask, nobody's days."""

    ticker: str | None
    symbol_ids: dict[str, int]
    wanted_ids: list[int]
    days: list[date]


def _parts(session: ServiceSession, call: Call, wanted: dict[date, set[int]]) -> list[Part]:
    if isinstance(call, GroupedCall):
        ids = sorted(wanted[call.session])
        held = session.execute(_HELD_ON, {"ids": ids, "days": [call.session]})
        return [Part(None, {ticker: id_ for ticker, id_, _ in held}, ids, [call.session])]
    days = sorted(day for day in wanted if call.first <= day <= call.last and call.symbol_id in wanted[day])
    by_ticker: dict[str, list[date]] = {}
    for ticker, _, day in session.execute(_HELD_ON, {"ids": [call.symbol_id], "days": days}):
        by_ticker.setdefault(ticker, []).append(day)
    nobodys = sorted(set(days).difference(*by_ticker.values()))
    parts = [Part(ticker, {ticker: call.symbol_id}, [call.symbol_id], sorted(own)) for ticker, own in by_ticker.items()]
    return [*parts, *([Part(None, {}, [call.symbol_id], nobodys)] if nobodys else [])]


def _ask(part: Part, vendor: Vendor) -> BarsAnswer:
    if part.ticker is None:
        return vendor.grouped_bars(part.days[0])
    return vendor.range_bars(part.ticker, part.days[0], part.days[-1])


def _store_part(session: ServiceSession, part: Part, token: int, answer: BarsAnswer | None) -> int:
    """Stores what came and settles the requests; says how many bars were new or changed."""
    stored = store(session, answer, part.symbol_ids, part.days, f"batch:{token}") if answer else None
    refused = [one for one in stored.refused if one.ticker in part.symbol_ids and one.session] if stored else []
    parameters: dict[str, Any] = {
        "token": token, "symbols": part.wanted_ids, "days": part.days, "first": part.days[0], "last": part.days[-1],
        "incomplete": bool(answer and part.ticker is None and _incomplete(session, part.wanted_ids, part.days[0])),
        "refused_ids": [part.symbol_ids[one.ticker] for one in refused if one.ticker],
        "refused_days": [one.session for one in refused], "refused_reasons": [one.reason for one in refused],
    }  # fmt: skip
    settled = session.execute(_SETTLE, parameters).all()
    empty = [(row[0], row[1]) for row in settled if row[2] == "empty"]
    if empty:
        ids, days = zip(*empty, strict=True)
        load_id = stored.load_id if stored else None
        session.execute(_KNOWN_EMPTY, {"symbols": list(ids), "days": list(days), "load": load_id})
    advance_jobs(session, settled, calls=1 if answer else 0)
    return stored.inserted + stored.updated if stored else 0


def _report_broken(part: Part, error: BadAnswer) -> None:
    """Nothing of it is stored; its bars are asked for again with the symbols' next attempt."""
    log.warning("vendor's answer refused", reason=str(error))
    with transaction(Role.IPO_MONITOR) as session:
        operational.report(
            session, check="vendor_answer", severity="high", day=part.days[-1], reported_by=Service.IPO_MONITOR,
            message=str(error),
        )  # fmt: skip


def _put_back(session: ServiceSession, token: int, broken: str | None, settings: Settings) -> int:
    """What of the batch is not done goes back; says how many symbols failed for good."""
    if broken is None:  # another batch is bringing their bars: looked at again shortly
        queue.give_back(session, token, "another batch is loading its bars", pause_s=1.0)
        return 0
    failed = queue.fail_batch(session, token, broken, pause_s=RETRY_PAUSE_S, most_attempts=settings.max_attempts)
    if failed:
        settled = session.execute(_FAIL_REQUESTS, {"error": broken, "symbols": failed}).all()
        advance_jobs(session, settled, calls=0)
    return len(failed)


def _incomplete(session: ServiceSession, symbols: Collection[int], day: date) -> bool:
    """Whether a grouped answer lacks so much that what lacks must not be called empty for good.

    Held against the fullest of the sessions around it; where none is stored, against the symbols asked for.
    """
    rows = session.execute(
        _AROUND, {"day": day, "from": day - timedelta(days=10), "to": day + timedelta(days=10)}
    ).all()
    present = sum(number for found, number in rows if found == day)
    around = max((number for found, number in rows if found != day), default=0)
    usual, share = (around, AROUND_SHARE) if around else (len(symbols), ALONE_SHARE)
    return bool(usual - present > FEW and present < share * usual)


def _complete(session: ServiceSession, token: int) -> dict[str, int]:
    """Finishes what wants no bar any more; says how many symbols of each type that was."""
    return dict(Counter(row[0] for row in session.execute(_COMPLETE, {"token": token})))


def _store_stats(
    session: ServiceSession, equity_type: str, processed: dict[str, int], failed: int, seconds: float
) -> None:
    for name in {equity_type, *processed}:
        session.execute(
            text("SELECT update_processing_stats(:type, :processed, :failed, :seconds)"),
            {
                "type": name, "processed": processed.get(name, 0), "failed": failed if name == equity_type else 0,
                "seconds": seconds,
            },
        )  # fmt: skip


def _give_up(token: int, error: Stop, settings: Settings) -> None:
    """The vendor refuses us: everything goes back, a person is told, and the attempt counts."""
    with transaction(Role.IPO_MONITOR) as session:
        session.execute(_RELEASE, {"token": token})
        queue.fail_batch(session, token, str(error), pause_s=3600, most_attempts=settings.max_attempts)
        operational.report(
            session,
            check="vendor_refused",
            severity="critical",
            day=None,
            reported_by=Service.IPO_MONITOR,
            message=str(error),
        )
