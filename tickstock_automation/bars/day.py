"""One session's bars of the whole market: stored, what lacks of them, and where the vendor contradicts itself."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import polars as pl
from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.bars.ingest import Stored, store
from tickstock_automation.bars.parse import WANTED, Asked
from tickstock_automation.db.vendor_differences import Difference, Kind, note
from tickstock_automation.vendor.client import BarsAnswer, is_ticker

MOST_CORRECTED = 500
KINDS = (Kind.BARS_WITHOUT_LISTING, Kind.LISTING_WITHOUT_BARS)

# Who is not listed any more may trade all the same, and its bars are wanted; not those whose ticker is listed as another
# company's by now. And whoever a request wants this day's bars of.
_WHOSE = text("""
SELECT t.ticker, t.symbol_id FROM (
SELECT s.id FROM symbols s
 WHERE (s.bootstrap OR s.first_seen <= :day) AND (s.active OR s.delist_date > :day)
   AND NOT EXISTS (SELECT 1 FROM vendor_differences d WHERE d.kind = 'ticker_held' AND d.ticker = s.ticker
                    AND d.session BETWEEN s.absent_since AND :day)
 UNION
SELECT r.symbol_id FROM bar_requests r WHERE r.status = 'waiting' AND :day BETWEEN r.first_session AND r.last_session) w
  JOIN ticker_tenures t ON t.symbol_id = w.id AND :day BETWEEN t.first_day AND t.last_day""")

_ANY = text("SELECT EXISTS (SELECT 1 FROM historical_data WHERE date = :day)")

_LACKING = text("""
SELECT s.id, s.ticker, s.equity_type, s.active FROM expected_symbols(:day) e JOIN symbols s ON s.id = e.symbol_id
 WHERE NOT EXISTS (SELECT 1 FROM historical_data h WHERE h.symbol_id = s.id AND h.date = :day)
   AND NOT EXISTS (SELECT 1 FROM known_empty k WHERE k.symbol_id = s.id AND k.session = :day)
 ORDER BY s.equity_type, s.id""")

_CORRECTED = text("""
SELECT s.ticker, c.session FROM bar_corrections c JOIN symbols s ON s.id = c.symbol_id
 WHERE c.load_id = ANY (:loads) ORDER BY c.session DESC, s.ticker LIMIT :most""")


@dataclass(frozen=True)
class Lacking:
    """A symbol without a bar of a session that it should have."""

    symbol_id: int
    ticker: str
    equity_type: str
    active: bool


def tickers_on(session: Session, day: date) -> dict[str, int]:
    """Whose bars of a day are wanted: the ticker that each had on it, and the symbol's id."""
    return {row[0]: row[1] for row in session.execute(_WHOSE, {"day": day})}


def store_day(
    session: Session, day: date, answer: BarsAnswer, wanted: dict[str, int], *, job: str, reason: str
) -> Stored:
    """Stores a grouped answer's bars of those who are wanted, and corrects those that differ from what is stored."""
    rows = [(ticker, day, id_) for ticker, id_ in wanted.items()]
    frame = pl.DataFrame(rows, schema=WANTED, orient="row")
    fresh = not session.scalar(_ANY, {"day": day})
    return store(session, answer, Asked(None, day, day, [day]), frame, job=job, reason=reason, fresh=fresh)


def lacking_on(session: Session, day: date) -> list[Lacking]:
    """Who should have a bar of a day, has none, and is not known to have none."""
    return [Lacking(*row) for row in session.execute(_LACKING, {"day": day})]


def note_differences(
    session: Session, day: date, answer: BarsAnswer, wanted: Collection[str], lacking: Collection[str]
) -> None:
    """The vendor against itself: who traded and is not listed, and who is listed and did not trade."""
    traded = {ticker for row in answer.rows if isinstance(ticker := row.get("T"), str) and is_ticker(ticker)}
    found = [Difference(KINDS[0], ticker) for ticker in traded.difference(wanted)]
    note(session, day, [*found, *(Difference(KINDS[1], ticker) for ticker in lacking)], anew=KINDS)


def corrected_by(session: Session, loads: Collection[int]) -> list[str]:
    """The bars that loads changed, as ticker, space, session; newest sessions first, 500 at most."""
    rows = session.execute(_CORRECTED, {"loads": list(loads), "most": MOST_CORRECTED})
    return [f"{ticker} {day}" for ticker, day in rows]
