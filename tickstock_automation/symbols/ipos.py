"""The IPO calendar: read from the vendor before each scan; a listing that matches an entry is announced as an IPO."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, timedelta

import structlog
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from tickstock_automation.db import operational
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import BadAnswer, PlanLacks, VendorUnavailable
from tickstock_automation.events.catalogue import Service
from tickstock_automation.symbols.identity import plain
from tickstock_automation.symbols.models import IpoCalendarEntry
from tickstock_automation.vendor.client import Ipo, IpoStatus, Listing, Vendor

BACK, AHEAD = timedelta(days=14), timedelta(days=120)
NEAR = timedelta(days=10)
PLAN = "vendor_plan"  # the check of what the plan does not include
IPOS, TICKERS = "ipos", "tickers"  # what it may lack
LIVE = (IpoStatus.PENDING, IpoStatus.PRICED, IpoStatus.LISTED)

log = structlog.get_logger("scan")


def match_ipo(listing: Listing, ipos: Iterable[Ipo], day: date) -> Ipo | None:
    """The IPO that a new listing of session `day` is: of its ticker, neither withdrawn nor put off, to list about that day, and
    where both names are known, of an issuer whose name begins alike. None where there is none, or more than one."""
    found = [
        one
        for one in ipos
        if one.ticker == listing.ticker
        and one.status in LIVE
        and (one.listing_date is None or abs(one.listing_date - day) <= NEAR)
        and _alike(one.issuer, listing.name)
    ]
    return found[0] if len(found) == 1 else None


def _alike(issuer: str, name: str | None) -> bool:
    one, other = plain(issuer), plain(name)
    return not (one and other) or one.split()[0] == other.split()[0]


def refresh_calendar(day: date, vendor: Vendor) -> str:
    """Brings the calendar up to date; says `fresh`, `stale` (the vendor has trouble: the next scan tries again) or `not_in_plan`.

    A plan without it is said once, as a finding, and tried again a month later.
    """
    with transaction(Role.IPO_MONITOR) as session:
        if operational.reported_lately(session, PLAN, {"about": IPOS}):
            return "not_in_plan"
    try:
        ipos = vendor.ipos(day - BACK, day + AHEAD)
    except PlanLacks as refused:
        with transaction(Role.IPO_MONITOR) as session:
            say_plan_lacks(session, day, IPOS, f"IPOs are announced as plain listings: {refused}")
        return "not_in_plan"
    except (VendorUnavailable, BadAnswer) as trouble:
        log.warning("the IPO calendar stays as it is", reason=str(trouble))
        return "stale"
    with transaction(Role.IPO_MONITOR) as session:
        _store(session, ipos)
    return "fresh"


def say_plan_lacks(session: Session, day: date, about: str, message: str) -> None:
    """A finding about what the vendor's plan does not include, once a month."""
    operational.report_once(
        session, check=PLAN, severity="low", day=day, reported_by=Service.IPO_MONITOR, message=message,
        evidence={"about": about},
    )  # fmt: skip


def calendar_of(session: Session) -> list[Ipo]:
    """What the calendar holds of coming and recent IPOs that no symbol is known for yet."""
    rows = session.scalars(select(IpoCalendarEntry).where(IpoCalendarEntry.symbol_id.is_(None)))
    return [
        Ipo(row.ticker, row.issuer, IpoStatus(row.status), row.announced, row.listing_date, row.issue_price,
            row.low_price, row.high_price, row.currency, row.exchange)
        for row in rows
    ]  # fmt: skip


def link(session: Session, matched: Collection[tuple[Ipo, int]]) -> None:
    """Notes which symbols IPOs became."""
    if matched:
        session.execute(
            text(
                "UPDATE ipo_calendar c SET symbol_id = m.id, updated_at = now()"
                "  FROM unnest(CAST(:tickers AS text[]), CAST(:issuers AS text[]), CAST(:ids AS bigint[])) m (ticker, issuer, id)"
                " WHERE c.ticker = m.ticker AND c.issuer = m.issuer"
            ),
            {
                "tickers": [ipo.ticker for ipo, _ in matched], "issuers": [ipo.issuer for ipo, _ in matched],
                "ids": [id_ for _, id_ in matched],
            },
        )  # fmt: skip


def _store(session: Session, ipos: Collection[Ipo]) -> None:
    if not ipos:
        return
    rows = [
        {
            "ticker": one.ticker, "issuer": one.issuer, "status": one.status.value, "announced": one.announced,
            "listing_date": one.listing_date, "issue_price": one.issue_price, "low_price": one.low_price,
            "high_price": one.high_price, "currency": one.currency, "exchange": one.exchange,
        }
        for one in ipos
    ]  # fmt: skip
    statement = upsert(IpoCalendarEntry)
    told = {name: statement.excluded[name] for name in rows[0] if name not in ("ticker", "issuer")}
    session.execute(
        statement.on_conflict_do_update(index_elements=["ticker", "issuer"], set_=told | {"updated_at": func.now()}),
        rows,
    )
