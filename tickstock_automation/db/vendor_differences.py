"""Where the vendor's answers contradict one another: listed day by day, believed by nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from sqlalchemy import delete, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from tickstock_automation.db.base import Base

MOST = 5_000  # of one kind and session: a vendor that has lost its mind must not fill the table
KEEP_DAYS = 90


class VendorDifference(Base):
    """One contradiction about one ticker, by session."""

    __tablename__ = "vendor_differences"

    session: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True, doc="a Kind")
    ticker: Mapped[str] = mapped_column(primary_key=True)
    words: Mapped[str] = mapped_column(server_default="")


class Kind(StrEnum):
    """What contradicts what."""

    BARS_WITHOUT_LISTING = "bars_without_listing"
    LISTING_WITHOUT_BARS = "listing_without_bars"
    EVENTS_AGAINST_LISTING = "events_against_listing"
    DETAILS_AGAINST_LISTING = "details_against_listing"
    BARS_AGAINST_DETAILS = "bars_against_details"
    LISTED_TWICE = "listed_twice"
    TICKER_HELD = "ticker_held"


@dataclass(frozen=True)
class Difference:
    """One contradiction about one ticker, in words."""

    kind: Kind
    ticker: str
    words: str = ""


_ADD = text("""
INSERT INTO vendor_differences (session, kind, ticker, words)
SELECT :day, kind, ticker, words
  FROM unnest(CAST(:kinds AS text[]), CAST(:tickers AS text[]), CAST(:words AS text[])) AS d (kind, ticker, words)
    ON CONFLICT (session, kind, ticker) DO UPDATE SET words = EXCLUDED.words""")


def note(session: Session, day: date, found: Iterable[Difference], *, anew: Collection[Kind] = ()) -> None:
    """Notes a session's differences in the caller's transaction, at most MOST of each kind; those of `anew` replace what was
    noted of their kind. What is older than three months goes."""
    kept, counted = [], dict.fromkeys(Kind, 0)
    for one in sorted(set(found), key=lambda one: (one.kind, one.ticker)):
        counted[one.kind] += 1
        if counted[one.kind] <= MOST:
            kept.append(one)
    session.execute(
        delete(VendorDifference).where(VendorDifference.session == day, VendorDifference.kind.in_(list(anew)))
    )
    session.execute(delete(VendorDifference).where(VendorDifference.session < day - timedelta(days=KEEP_DAYS)))
    if kept:
        session.execute(
            _ADD,
            {
                "day": day, "kinds": [one.kind.value for one in kept], "tickers": [one.ticker for one in kept],
                "words": [one.words for one in kept],
            },
        )  # fmt: skip
