"""End of day: one grouped call for the session's bars of every active symbol, and what it says of completeness."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import structlog
from sqlalchemy import func, select, text

from tickstock_automation.bars.backfill import request_bars
from tickstock_automation.bars.corporate_actions import refresh_splits
from tickstock_automation.bars.ingest import Stored, store
from tickstock_automation.bars.models import EodRun, SessionStatus
from tickstock_automation.bars.partitions import ensure_partitions
from tickstock_automation.bars.session_state import settle
from tickstock_automation.db import operational
from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.db.runs import DONE, FAILED, claim_run, finish_run, release_run
from tickstock_automation.db.vendor_differences import Difference, Kind, note
from tickstock_automation.errors import BadAnswer, LeaseLost, Stop, TickstockError
from tickstock_automation.events.catalogue import MaintenanceCompleted, MaintenanceStarted, Service
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.processing.queue import queue_symbols
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings
from tickstock_automation.vendor.client import BarsAnswer, Vendor, is_ticker

TASK: Literal["end_of_day"] = "end_of_day"
SPLITS_BACK_DAYS = 200  # the longest window that a sweep adjusts, and late corrections of the vendor's
MOST_CORRECTED = 500
MOST_MISSED = 30

log = structlog.get_logger("eod")

# Not those whose ticker is listed as another company's by now: its bars are not theirs.
_EXPECTED = text("""
SELECT ticker, id FROM symbols s
 WHERE active AND (bootstrap OR first_seen <= :day)
   AND NOT EXISTS (SELECT 1 FROM vendor_differences d WHERE d.kind = 'ticker_held' AND d.ticker = s.ticker
                    AND d.session BETWEEN s.absent_since AND :day)""")

_LACKING = text("""
SELECT s.id, s.ticker, s.equity_type FROM symbols s
 WHERE s.active AND (s.bootstrap OR s.first_seen <= :day) AND s.absent_since IS NULL
   AND NOT EXISTS (SELECT 1 FROM historical_data h WHERE h.symbol_id = s.id AND h.date = :day)
 ORDER BY s.equity_type, s.id""")


@dataclass(frozen=True)
class EodReport:
    """What an end-of-day load did. `loaded` and `updated` are bars, `refused` rows."""

    loaded: int
    updated: int
    refused: int
    missing: int
    state: str


def missed_sessions(calendar: SessionCalendar, now: datetime) -> list[date]:
    """Closed sessions after the last one that was loaded, oldest first, thirty at most; the last closed where none was."""
    with transaction(Role.IPO_MONITOR) as session:
        last = session.scalar(select(func.max(EodRun.session)).where(EodRun.outcome == DONE))
    newest = calendar.last_closed(now)
    missed = calendar.between(calendar.after(last), newest)[-MOST_MISSED:] if last and last < newest else []
    return missed or [newest]


def load_session(day: date, vendor: Vendor, settings: Settings) -> EodReport | None:
    """The end-of-day load of session `day`; None where it is done, or being done by another worker."""
    with transaction(Role.IPO_MONITOR) as session:
        claim = claim_run(session, EodRun, day, settings.lease_s)
        if claim is None:
            return None
        token, first = claim
        if first:
            add_events(session, Service.IPO_MONITOR, [Pending(MaintenanceStarted(task=TASK, session=day))])
    before = vendor.calls
    try:
        return _load(day, token, vendor, settings)
    except LeaseLost:
        raise
    except (BadAnswer, Stop) as error:
        _fail(day, token, vendor.calls - before, error)
        raise
    except Exception:  # whatever it is, the next try may take the run at once
        with transaction(Role.IPO_MONITOR) as session:
            release_run(session, EodRun, day, token, vendor.calls - before)
        raise


def _load(day: date, token: int, vendor: Vendor, settings: Settings) -> EodReport:
    before = vendor.calls
    with transaction(Role.IPO_MONITOR) as session:
        ensure_partitions(session, day)
    with transaction(Role.IPO_MONITOR) as session:
        expected: dict[str, int] = dict(session.execute(_EXPECTED, {"day": day}).all())
    splits_from = day - timedelta(days=SPLITS_BACK_DAYS)
    splits = vendor.splits(splits_from, day)
    answer = vendor.grouped_bars(day)
    if expected and not answer.rows:
        raise BadAnswer(f"the vendor has no bars at all of {day}")
    with transaction(Role.IPO_MONITOR) as session:
        refresh_splits(session, splits, splits_from, day)
        stored = store(session, answer, expected, [day], f"eod:{day}")
        lacking = _queue_missing(session, day, settings)
        _note_differences(session, day, answer, expected, lacking)
        settle(session, [day], known_only=False)
        status = session.get_one(SessionStatus, day)
        report = EodReport(stored.inserted, stored.updated, len(stored.refused), len(lacking), status.state)
        figures = {
            "loaded": report.loaded, "updated": report.updated, "refused": report.refused, "missing": report.missing,
            "expected": status.expected, "stored": status.stored,
        }  # fmt: skip
        finish_run(session, EodRun, day, token, DONE, vendor.calls - before, figures)
        completed = MaintenanceCompleted(
            task=TASK, session=day, outcome="done", session_state=status.state,
            figures=figures, corrected=_corrected(session, stored),
        )  # fmt: skip
        add_events(session, Service.IPO_MONITOR, [Pending(completed)])
    log.info("session loaded", session=str(day), state=report.state, **figures)
    return report


def _note_differences(
    session: ServiceSession, day: date, answer: BarsAnswer, expected: Collection[str], lacking: Collection[str]
) -> None:
    """The vendor against itself: who traded and is not listed, and who is listed and did not trade."""
    kinds = (Kind.BARS_WITHOUT_LISTING, Kind.LISTING_WITHOUT_BARS)
    traded = {ticker for row in answer.rows if isinstance(ticker := row.get("T"), str) and is_ticker(ticker)}
    found = [Difference(kinds[0], ticker) for ticker in traded.difference(expected)]
    note(session, day, [*found, *(Difference(kinds[1], ticker) for ticker in lacking)], anew=kinds)


def _queue_missing(session: ServiceSession, day: date, settings: Settings) -> list[str]:
    """Asks again for what lacks; gives its tickers."""
    lacking = session.execute(_LACKING, {"day": day}).all()
    request_bars(session, [row[0] for row in lacking], [day], reason="missing", as_of=day)
    by_type: dict[str, list[str]] = {}
    for _, ticker, equity_type in lacking:
        by_type.setdefault(equity_type, []).append(ticker)
    for equity_type, tickers in by_type.items():
        queue_symbols(session, equity_type, tickers, "missing", settings.queue_bound)
    return [ticker for _, ticker, _ in lacking]


def _corrected(session: ServiceSession, stored: Stored) -> list[str]:
    rows = session.execute(
        text(
            "SELECT s.ticker, c.session FROM bar_corrections c JOIN symbols s ON s.id = c.symbol_id"
            " WHERE c.load_id = :load ORDER BY 1, 2 LIMIT :most"
        ),
        {"load": stored.load_id, "most": MOST_CORRECTED},
    )
    return [f"{ticker} {day}" for ticker, day in rows]


def _fail(day: date, token: int, calls: int, error: TickstockError) -> None:
    with transaction(Role.IPO_MONITOR) as session:
        settle(session, [day], known_only=False)
        finish_run(session, EodRun, day, token, FAILED, calls, {}, str(error))
        operational.report(
            session, check="vendor_refused" if isinstance(error, Stop) else "vendor_answer", severity="critical",
            day=day, reported_by=Service.IPO_MONITOR, message=str(error),
        )  # fmt: skip
        completed = MaintenanceCompleted(task=TASK, session=day, outcome="failed", error=str(error))
        add_events(session, Service.IPO_MONITOR, [Pending(completed)])
