"""Making one planned call: what it brings is stored, and what it does not bring is settled, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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
from tickstock_automation.bars.ingest import Stored, store
from tickstock_automation.bars.parse import WANTED, Asked
from tickstock_automation.bars.planning import make_plan
from tickstock_automation.bars.session_state import settle
from tickstock_automation.bars.tenure import held_on
from tickstock_automation.bars.wanted import Pair, tenures_of, wanted_now
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
_FIRST_WANTED = text("SELECT min(first_session) FROM bar_requests WHERE status = 'waiting'")

_KNOWN_EMPTY = text("""
INSERT INTO known_empty (symbol_id, session, reason, load_id)
SELECT id, day, :reason, :load FROM unnest(CAST(:symbols AS bigint[]), CAST(:days AS date[])) AS e (id, day)
    ON CONFLICT DO NOTHING""")

_UNLOADED = text("""
INSERT INTO unloaded_bars AS u (symbol_id, session, outcome, reason, load_id)
SELECT id, day, :outcome, why, :load
  FROM unnest(CAST(:symbols AS bigint[]), CAST(:days AS date[]), CAST(:reasons AS text[])) AS e (id, day, why)
    ON CONFLICT (symbol_id, session) DO UPDATE
   SET outcome = EXCLUDED.outcome, reason = EXCLUDED.reason, load_id = EXCLUDED.load_id, times = u.times + 1,
       again = false, recorded_at = now()""")

_ASK_AGAIN = text("""
UPDATE bar_requests SET asks_left = asks_left - 1, planned = false,
       not_before = now() + make_interval(secs => (CAST(:pauses AS float8[]))[greatest(1, cardinality(CAST(:pauses AS float8[])) + 1 - asks_left)])
 WHERE status = 'waiting' AND asks_left > 0 AND symbol_id = ANY (:symbols) AND first_session <= :day AND last_session >= :day""")


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
        if call.grouped:
            settle(session, [call.first])
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
        tickers = _tickers(session, wanted_now(session, [day]))
        asked = witnesses(session, day, set(tickers.values()))
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
    tickers = _tickers(session, pairs)
    # In a range, a day on which the symbol had another ticker is not this call's.
    pairs = [one for one in pairs if (one.symbol_id, one.day) in tickers]
    if not call.grouped:
        pairs = [one for one in pairs if tickers[one.symbol_id, one.day] == call.ticker]
    stored = store(
        session, answer, Asked(call.ticker, call.first, call.last, frozenset(days)), _frame(pairs, tickers),
        job=_served(pairs), reason=min((one.reason for one in pairs if one.reread), default=""),
        fresh=not any(one.reread for one in pairs),
    )  # fmt: skip
    if empty is EmptyDay.CLOSED:
        close_session(session, call.first)
        became: dict[int, Counter[str]] = {job: Counter(empty=0) for one in pairs for job in one.jobs}
    else:
        thin = call.grouped and _thin(session, call.first, len(answer.rows), len(pairs))
        became = settle_pairs(session, pairs, stored, _judgement(empty, thin=thin), settings)
    calls.finish(session, call, stored.load_id)
    jobs.advance(session, became, calls=1)
    if empty is EmptyDay.BEFORE_HISTORY:
        make_plan(session, calendar)  # without the calls for older sessions
    return Made(stored.inserted + stored.updated)


def _judgement(empty: EmptyDay | None, *, thin: bool) -> tuple[str, str]:
    """What becomes of a pair that the answer does not have, and why."""
    if empty is EmptyDay.BEFORE_HISTORY:
        return "empty", BEFORE_HISTORY
    if empty is not None:
        return "failed", empty.value
    return ("failed", THIN) if thin else ("empty", NO_BAR)


def settle_pairs(
    session: Session, pairs: Sequence[Pair], stored: Stored, absent: tuple[str, str], settings: Settings
) -> dict[int, Counter[str]]:
    """Notes what became of each pair: stored, refused, known to be empty, failed, or asked for again later.

    `absent`: outcome and reason of what is not in the answer. Gives the counts by job.
    """
    have = set(zip(stored.bars["symbol_id"], stored.bars["date"], strict=True))
    refused = {(one.symbol_id, one.session or one_day(pairs)): one.reason for one in stored.refused if one.symbol_id}
    became: dict[int, Counter[str]] = {}
    lists: dict[str, list[tuple[int, date, str]]] = {"empty": [], "refused": [], "failed": [], "later": []}
    for one in pairs:
        key = (one.symbol_id, one.day)
        outcome = "bars"
        if key not in have:
            reason = refused.get(key)
            outcome = "refused" if reason else "later" if one.asks_left else absent[0]
            # a bar that is stored and only read again is neither empty nor failed
            if not one.reread:
                lists[outcome].append((*key, reason or absent[1]))
        counted = "failed" if outcome == "refused" else outcome
        for job in one.jobs:
            became.setdefault(job, Counter())[counted] += 1
    _note(session, lists, stored.load_id, settings)
    return became


def one_day(pairs: Sequence[Pair]) -> date:
    """The day that an answer's rows without a readable date are about: of a grouped call the only one."""
    return pairs[0].day if pairs else date.min


def _note(
    session: Session, lists: dict[str, list[tuple[int, date, str]]], load_id: int | None, settings: Settings
) -> None:
    if lists["empty"]:
        ids, days, reasons = zip(*lists["empty"], strict=True)
        values = {"symbols": list(ids), "days": list(days), "reason": reasons[0], "load": load_id}
        session.execute(_KNOWN_EMPTY, values)
    for outcome in ("refused", "failed"):
        if lists[outcome]:
            note_unloaded(session, outcome, lists[outcome], load_id)
    by_day: dict[date, list[int]] = {}
    for id_, day, _ in lists["later"]:
        by_day.setdefault(day, []).append(id_)
    for day, own in by_day.items():
        session.execute(_ASK_AGAIN, {"symbols": own, "day": day, "pauses": list(settings.missing_pauses_s)})


def note_unloaded(session: Session, outcome: str, rows: Sequence[tuple[int, date, str]], load_id: int | None) -> None:
    """Notes pairs as unloaded: (symbol id, session, reason)."""
    ids, days, reasons = zip(*rows, strict=True)
    values = {"symbols": list(ids), "days": list(days), "reasons": list(reasons), "load": load_id, "outcome": outcome}
    session.execute(_UNLOADED, values)


def give_up(session: Session, call: Claimed, calendar: SessionCalendar, error: str, settings: Settings) -> None:
    """A call that failed for good: its pairs are unloaded, and the jobs know."""
    if call.endpoint == calls.SPLITS:
        calls.give_up(session, call, error)
        return
    days = calendar.between(call.first, call.last)
    pairs = wanted_now(session, days, call.ticker)
    tickers = _tickers(session, pairs)
    if not call.grouped:
        pairs = [one for one in pairs if tickers.get((one.symbol_id, one.day)) == call.ticker]
    became: dict[int, Counter[str]] = {}
    for one in pairs:
        for job in one.jobs:
            became.setdefault(job, Counter())["failed"] += 1
    rows = [(one.symbol_id, one.day, error) for one in pairs if not one.reread]
    if rows:
        note_unloaded(session, "failed", rows, None)
    calls.give_up(session, call, error)
    jobs.advance(session, became, calls=0)
    if call.grouped:
        settle(session, [call.first])
    log.error("vendor call given up", call=str(call), error=error)


def _tickers(session: Session, pairs: Sequence[Pair]) -> dict[tuple[int, date], str]:
    """The ticker that each pair's symbol had on its day, of those that had one."""
    own = tenures_of(session, sorted({one.symbol_id for one in pairs}))
    return {
        (one.symbol_id, one.day): ticker
        for one in pairs
        if (ticker := held_on(own.get(one.symbol_id, ()), one.day)) is not None
    }


def _frame(pairs: Sequence[Pair], tickers: dict[tuple[int, date], str]) -> pl.DataFrame:
    rows = [(tickers[one.symbol_id, one.day], one.day, one.symbol_id) for one in pairs]
    return pl.DataFrame(rows, schema=WANTED, orient="row")


def _served(pairs: Sequence[Pair]) -> str:
    """What a call was made for, in words: its jobs, else the reasons."""
    job_ids = sorted({job for one in pairs for job in one.jobs})
    return " ".join(f"backfill:{id_}" for id_ in job_ids) or " ".join(sorted({one.reason for one in pairs})) or "nobody"


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
