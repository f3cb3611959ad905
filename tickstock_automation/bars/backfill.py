"""Bringing symbols up to date: a claimed batch of the work list asks for what its symbols lack, and is done when they have it."""

from __future__ import annotations

import time
from collections import Counter
from datetime import date, timedelta

import structlog
from sqlalchemy import text

from tickstock_automation.bars.calling import Outcome, make_calls
from tickstock_automation.bars.calls import REFUSED_PAUSE_S
from tickstock_automation.bars.wanted import QUEUED, Reason, earliest_session, request_bars
from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import LeaseLost, Stop, TryAgain
from tickstock_automation.processing import queue
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings
from tickstock_automation.vendor.client import Vendor

RETRY_PAUSE_S = 30.0
LOOK_AGAIN_S = 0.2

log = structlog.get_logger("backfill")

# Of all batches at once, so that one grouped call serves them: what was queued and not asked for since. And of this batch
# what could not be had before, where a person lets it be tried again.
_ASKED = text("""
SELECT symbol_id FROM equity_processing_queue q
 WHERE status IN ('pending', 'running') AND reason NOT IN ('new_listing', 'missing')
   AND NOT EXISTS (SELECT 1 FROM bar_requests r WHERE r.symbol_id = q.symbol_id AND r.created_at >= q.created_at
                      AND r.reason = 'asked')
 UNION
SELECT symbol_id FROM equity_processing_queue q
 WHERE status = 'running' AND claim_token = :token AND attempts = 1
   AND EXISTS (SELECT 1 FROM unloaded_bars u WHERE u.symbol_id = q.symbol_id AND u.session >= :first AND NOT u.again)""")

# Symbols that want no bar any more: of this batch, and what was queued only to bring bars, whichever batch brought them. It
# failed where a bar could not be had since it was queued: a person sees why, and may have it tried again.
_READY = text("""
SELECT q.id, q.symbol_id, q.equity_type, q.status = 'running' AS own,
       (SELECT reason FROM unloaded_bars u WHERE u.symbol_id = q.symbol_id AND u.outcome = 'failed' AND u.recorded_at >= q.created_at
         ORDER BY session DESC LIMIT 1) AS error
  FROM equity_processing_queue q
 WHERE ((q.claim_token = :token AND q.status = 'running') OR (q.status = 'pending' AND q.reason IN ('new_listing', 'missing')))
   AND NOT EXISTS (SELECT 1 FROM bar_requests r WHERE r.symbol_id = q.symbol_id AND r.status = 'waiting' AND r.priority >= :queued)
   FOR UPDATE OF q SKIP LOCKED""")

_ALSO_READY = text("""
UPDATE equity_processing_queue q
   SET status = CASE WHEN e.error IS NULL THEN 'done' ELSE 'failed' END, error_message = e.error, completed_at = clock_timestamp()
  FROM unnest(CAST(:ids AS bigint[]), CAST(:errors AS text[])) AS e (id, error) WHERE q.id = e.id""")

# Until when a batch waits whose bars could not all be had now: for the next call, or for another look after a pause.
_LATER = text("""
SELECT extract(epoch FROM due - now())::float8 AS seconds, why FROM (
       SELECT due_at AS due, error_message AS why FROM bar_calls WHERE status = 'waiting' AND priority >= :queued
       UNION ALL
       SELECT r.not_before, 'its bars are asked for again after a pause' FROM bar_requests r JOIN equity_processing_queue q
           ON q.symbol_id = r.symbol_id AND q.claim_token = :token AND q.status = 'running'
        WHERE r.status = 'waiting' AND r.not_before > now()) w
 ORDER BY due LIMIT 1""")


def process_batch(
    token: int, equity_type: str, as_of: date, vendor: Vendor, calendar: SessionCalendar, settings: Settings
) -> Outcome:
    """Brings the symbols of a claimed batch up to date, and with them all that waits for bars as urgently.

    Waiting for the vendor, or for a call that another worker makes, gives the batch back untried.
    """
    started = time.monotonic()
    try:
        with transaction(Role.IPO_MONITOR) as session:
            queue.renew(session, token, settings.lease_s)
            _ask_for_what_lacks(session, token, as_of, calendar, settings)
    except LeaseLost as stale:  # its message came late, and another has done it or will
        log.info("batch is another's", token=token, reason=str(stale))
        return Outcome()

    def alive() -> None:
        with transaction(Role.IPO_MONITOR) as session:
            queue.renew(session, token, settings.lease_s)

    try:
        outcome = make_calls(vendor, calendar, settings, least_priority=QUEUED, alive=alive)
        with transaction(Role.IPO_MONITOR) as session:
            done = _complete(session, token, equity_type, time.monotonic() - started)
            why, pause_s = _what_it_waits_for(session, token, outcome)
            queue.give_back(session, token, why, pause_s=pause_s)
    except (LeaseLost, TryAgain):
        raise
    except Stop as error:  # the vendor refuses us: no fault of these symbols
        with transaction(Role.IPO_MONITOR) as session:
            queue.give_back(session, token, str(error), pause_s=REFUSED_PAUSE_S)
        raise
    except Exception as error:  # a fault of ours: it counts as an attempt, and the next one may begin
        with transaction(Role.IPO_MONITOR) as session:
            queue.fail_batch(session, token, repr(error), pause_s=RETRY_PAUSE_S, most_attempts=settings.max_attempts)
        raise
    log.info("batch worked", token=token, symbols=done, bars=outcome.bars, calls=outcome.calls, waits=outcome.waits)
    return outcome


def _what_it_waits_for(session: ServiceSession, token: int, outcome: Outcome) -> tuple[str, float]:
    """Why what is left of the batch is not done, and for how many seconds it need not be looked at."""
    if outcome.waits is not None:
        return str(outcome.waits), outcome.waits.after_s or RETRY_PAUSE_S
    later = session.execute(_LATER, {"token": token, "queued": QUEUED}).first()
    if later is None:
        return "another worker is loading its bars", LOOK_AGAIN_S
    return later.why or "its bars are still to be asked for", max(later.seconds, LOOK_AGAIN_S)


def _ask_for_what_lacks(
    session: ServiceSession, token: int, as_of: date, calendar: SessionCalendar, settings: Settings
) -> None:
    """A symbol that was queued has no requests yet: up to date means the sessions that a new one would get."""
    first = max(as_of - timedelta(days=settings.backfill_days), earliest_session(as_of, settings.polygon_history_years))
    ids = list(session.scalars(_ASKED, {"token": token, "first": first}))
    request_bars(session, ids, calendar.on_or_after(first), as_of, reason=Reason.ASKED, as_of=as_of)


def _complete(session: ServiceSession, token: int, equity_type: str, seconds: float) -> int:
    """Finishes what wants no bar any more, with its statistics by type; says how many symbols are done."""
    ready = session.execute(_READY, {"token": token, "queued": QUEUED}).all()
    own = {row.symbol_id: row.error for row in ready if row.own}
    if own:
        queue.finish(session, token, list(own), errors={id_: error for id_, error in own.items() if error is not None})
    others = [row for row in ready if not row.own]
    about = {"ids": [row.id for row in others], "errors": [row.error for row in others]}
    session.execute(_ALSO_READY, about)
    failed = Counter(row.equity_type for row in ready if row.error is not None)
    processed = Counter(row.equity_type for row in ready if row.error is None)
    for name in {equity_type, *processed, *failed}:
        session.execute(
            text("SELECT update_processing_stats(:type, :processed, :failed, :seconds)"),
            {"type": name, "processed": processed[name], "failed": failed[name], "seconds": seconds},
        )
    return processed.total()
