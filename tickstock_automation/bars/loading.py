"""Making one planned call: what it brings is stored, and what it does not bring is settled, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl
import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.bars import calls, jobs
from tickstock_automation.bars.calls import Claimed
from tickstock_automation.bars.closures import BEFORE_HISTORY, EmptyDay, close_session, judge, witnesses
from tickstock_automation.bars.corporate_actions import refresh_splits
from tickstock_automation.bars.ingest import store
from tickstock_automation.bars.parse import Asked
from tickstock_automation.bars.planning import make_plan
from tickstock_automation.bars.session_state import settle
from tickstock_automation.bars.settling import Absent, by_job, outcomes, settle_pairs
from tickstock_automation.bars.wanted_now import wanted_now
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings
from tickstock_automation.vendor.client import BarsAnswer, Vendor

AROUND_DAYS = 10
AROUND_SHARE = 0.95  # of the rows of the answers around: below it the vendor dropped some, they did not all rest
ALONE_SHARE = 0.75  # of the symbols asked for, where no session around it was read
FEW = 2
NO_BAR = "no bar in the vendor's answer"
THIN = "the vendor's answer lacks too many symbols to be believed"

log = structlog.get_logger("backfill")

_AROUND = text("SELECT max(rows) FROM loads WHERE session BETWEEN :from AND :to AND session <> :day")
_STORED_AROUND = text("SELECT date, count(*) FROM historical_data WHERE date BETWEEN :from AND :to GROUP BY date")
_UNSETTLED = text("""
SELECT session FROM session_status WHERE session BETWEEN :first AND :last AND state <> 'ready' ORDER BY session""")
_FIRST_WANTED = text("SELECT min(first_session) FROM bar_requests WHERE status = 'waiting'")


@dataclass(frozen=True)
class Made:
    """What a call brought: bars that were new or changed."""

    bars: int


def make(call: Claimed, vendor: Vendor, calendar: SessionCalendar, settings: Settings) -> Made:
    """Asks the vendor, then stores and settles in one transaction that holds the call.

    Raises what the vendor raises, before anything is stored, and LeaseLost where the call is another worker's by now.
    """
    if call.endpoint == calls.SPLITS:
        return _make_splits(call, vendor, settings)
    answer = _ask(call, vendor)
    empty = None
    if call.grouped and not answer.rows:
        empty = _why_empty(call.first, vendor)
        log.info("no bar at all", session=str(call.first), why=empty.value)
    with transaction(Role.IPO_MONITOR) as session:
        calls.hold(session, call, settings.lease_s)
        found = _store(session, call, answer, empty, calendar, settings)
        settle(session, session.scalars(_UNSETTLED, {"first": call.first, "last": call.last}).all())
    return found


def _make_splits(call: Claimed, vendor: Vendor, settings: Settings) -> Made:
    """A backfill's bars reach further back than the splits that each end-of-day load reads."""
    splits = vendor.splits(call.first, call.last)
    with transaction(Role.IPO_MONITOR) as session:
        calls.hold(session, call, settings.lease_s)
        refresh_splits(session, splits, call.first, call.last)
        calls.finish(session, call, None)
    return Made(0)


def _ask(call: Claimed, vendor: Vendor) -> BarsAnswer:
    if call.grouped:
        return vendor.grouped_bars(call.first)
    assert call.ticker is not None
    return vendor.range_bars(call.ticker, call.first, call.last)


def _why_empty(day: date, vendor: Vendor) -> EmptyDay:
    with transaction(Role.IPO_MONITOR) as session:
        asked = witnesses(session, day, wanted_now(session, [day])["ticker"].to_list())
        first = session.scalar(_FIRST_WANTED)
    return judge(day, first or day, asked, vendor)


def _store(
    session: Session,
    call: Claimed,
    answer: BarsAnswer,
    empty: EmptyDay | None,
    calendar: SessionCalendar,
    settings: Settings,
) -> Made:
    days = calendar.between(call.first, call.last)
    if empty is EmptyDay.BEFORE_HISTORY:  # and so are all sessions before
        days = calendar.between(session.scalar(_FIRST_WANTED) or call.first, call.last)
    pairs = wanted_now(session, days, call.ticker)
    again = pairs.filter("stored")
    stored = store(
        session, answer, Asked(call.ticker, call.first, call.last, frozenset(days)), pairs,
        job=_served(pairs), reason=min(again["reason"], default=""), fresh=again.is_empty(),
    )  # fmt: skip
    if empty is EmptyDay.CLOSED:
        close_session(session, call.first)
        pairs = pairs.clear()
    thin = call.grouped and _thin(session, call.first, len(answer.rows), pairs.height)
    found = outcomes(pairs, stored, _absent(empty, thin=thin), call.first if call.grouped else None)
    settle_pairs(session, found, stored.load_id, settings.missing_pauses_s)
    calls.finish(session, call, stored.load_id)
    jobs.advance(session, by_job(found), calls=1)
    if empty is EmptyDay.BEFORE_HISTORY:
        make_plan(session, calendar)  # without the calls for older sessions
    return Made(stored.inserted + stored.updated)


def _absent(empty: EmptyDay | None, *, thin: bool) -> Absent:
    """What becomes of a pair that the answer does not have, and why."""
    if empty is EmptyDay.BEFORE_HISTORY:
        return Absent("empty", BEFORE_HISTORY)
    if empty is not None:
        return Absent("failed", empty.value)
    return Absent("failed", THIN) if thin else Absent("empty", NO_BAR)


def give_up(session: Session, call: Claimed, calendar: SessionCalendar, error: str) -> None:
    """A call that failed for good: its pairs are unloaded, and the jobs know."""
    if call.endpoint == calls.SPLITS:
        calls.give_up(session, call, error)
        return
    pairs = wanted_now(session, calendar.between(call.first, call.last), call.ticker)
    outcome = pl.when("stored").then(pl.lit("bars")).otherwise(pl.lit("failed")).alias("outcome")
    found = pairs.with_columns(outcome, pl.lit(error).alias("why"))
    settle_pairs(session, found, None, ())
    calls.give_up(session, call, error)
    jobs.advance(session, by_job(found), calls=0)
    settle(session, session.scalars(_UNSETTLED, {"first": call.first, "last": call.last}).all())
    log.error("vendor call given up", call=str(call), error=error)


def _served(pairs: pl.DataFrame) -> str:
    """What a call was made for, in words: its jobs, else the reasons."""
    job_ids = sorted({int(one) for jobs in pairs["jobs"].drop_nulls().unique() for one in jobs.split(" ")})
    return " ".join(f"backfill:{id_}" for id_ in job_ids) or " ".join(sorted(pairs["reason"].unique())) or "nobody"


def _thin(session: Session, day: date, rows: int, wanted: int) -> bool:
    """Whether a grouped answer lacks so much that what lacks must not be called empty for good.

    Held against the fullest of the answers around it; where none was read, what is stored of the day against what is stored
    of the days around; where nothing is, the answer against the symbols asked for.
    """
    around = timedelta(days=AROUND_DAYS)
    span = {"day": day, "from": day - around, "to": day + around}
    usual, present, share = session.scalar(_AROUND, span), rows, AROUND_SHARE
    if not usual:
        stored = {row[0]: row[1] for row in session.execute(_STORED_AROUND, span)}
        present = stored.pop(day, 0)
        usual = max(stored.values(), default=0)
    if not usual:
        usual, present, share = wanted, rows, ALONE_SHARE
    return bool(usual - present > FEW and present < share * usual)
