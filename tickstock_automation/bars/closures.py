"""A session without a single bar: the vendor is late or has lost it, its history begins later, or nothing traded that day.

The other endpoint tells them apart: what a few tickers' own bars say of the days around.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, timedelta
from enum import Enum

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.bars.parse import LATEST_MS
from tickstock_automation.db import operational
from tickstock_automation.events.catalogue import Service
from tickstock_automation.sessions import new_york_date
from tickstock_automation.vendor.client import Vendor

AROUND = timedelta(days=8)
WITNESSES = 3
BEFORE_HISTORY = "before the vendor's history begins"

log = structlog.get_logger("closures")

# Who traded on the next stored day is the best witness of this one.
_WITNESSES = text("""
SELECT s.ticker FROM symbols s LEFT JOIN historical_data h ON h.symbol_id = s.id AND h.date BETWEEN :after AND :until
 WHERE s.ticker = ANY (:tickers) AND s.active
 GROUP BY s.ticker ORDER BY max(h.volume) DESC NULLS LAST, s.ticker LIMIT :most""")

_CLOSE = text("""
INSERT INTO session_status (session, state, closed, reasons, ready_at) VALUES (:day, 'ready', true, CAST(:reasons AS jsonb), now())
    ON CONFLICT (session) DO UPDATE
   SET state = 'ready', closed = true, reasons = EXCLUDED.reasons, ready_at = now(), updated_at = now(),
       expected = 0, stored = 0, known_empty = 0, refused = 0, failed = 0""")

_FORGET = text("DELETE FROM unloaded_bars WHERE session = :day")


class EmptyDay(Enum):
    """Why a grouped answer has no row."""

    CLOSED = "nothing traded"
    BEFORE_HISTORY = BEFORE_HISTORY
    UNKNOWN = "the vendor has no bar at all of this session"


def witnesses(session: Session, day: date, tickers: Collection[str]) -> list[str]:
    """Tickers to ask for, the best first."""
    span = {"after": day + timedelta(days=1), "until": day + AROUND}
    return list(session.scalars(_WITNESSES, {**span, "tickers": list(tickers), "most": WITNESSES}))


def judge(day: date, first: date, tickers: Iterable[str], vendor: Vendor) -> EmptyDay:
    """What the tickers' own bars say, one call each until one of them traded on both sides of the day, or on the day.

    `first`: how far back bars are wanted; where none of the tickers has one from there to the day, the vendor's history
    begins after the day. Raises what the vendor raises.
    """
    after_only = 0
    for ticker in tickers:
        days = _days(vendor.range_bars(ticker, min(first, day - AROUND), day + AROUND).rows)
        if day in days:
            return EmptyDay.UNKNOWN
        before, after = any(one < day for one in days), any(one > day for one in days)
        if after and any(day - AROUND <= one < day for one in days):
            return EmptyDay.CLOSED
        after_only += after and not before
    return EmptyDay.BEFORE_HISTORY if after_only else EmptyDay.UNKNOWN


def _days(rows: Iterable[dict[str, object]]) -> set[date]:
    found = set()
    for row in rows:
        at = row.get("t")
        if isinstance(at, int) and 0 <= at < LATEST_MS:
            found.add(new_york_date(datetime.fromtimestamp(at / 1000, UTC)))
    return found


def close_session(session: Session, day: date) -> None:
    """Notes that the exchange did not trade on a session of the calendar: from now on no bar of it is expected."""
    words = "the exchange did not trade: the vendor has bars of the days before and after, and none of this one"
    session.execute(_CLOSE, {"day": day, "reasons": f'["{words}"]'})
    session.execute(_FORGET, {"day": day})
    operational.report_once(
        session, check="special_closure", severity="low", day=day, reported_by=Service.IPO_MONITOR,
        message=f"{day}: {words}. A newer exchange_calendars may know it", evidence={"session": day.isoformat()},
    )  # fmt: skip
    log.warning("session was closed", session=str(day))
