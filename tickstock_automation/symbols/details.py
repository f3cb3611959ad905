"""Tickers' details (market cap, list date, industry): one vendor call each, within a daily budget, so that nothing waits for
them. New symbols first, then those never read, then the oldest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import structlog
from sqlalchemy import and_, case, func, select, text, update

from tickstock_automation.bars.wanted import QUEUED
from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.db.vendor_differences import Difference, Kind, note
from tickstock_automation.errors import BadAnswer, PlanLacks, VendorUnavailable
from tickstock_automation.events.catalogue import FieldChange, Service, SymbolChanged
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.settings import Settings
from tickstock_automation.symbols.identity import Stored, other_company
from tickstock_automation.symbols.ipos import TICKERS, say_plan_lacks
from tickstock_automation.symbols.membership import reassign_within
from tickstock_automation.symbols.models import Symbol
from tickstock_automation.vendor.client import Details, Vendor

YOUNG = timedelta(days=10)
FIELDS = ("market_cap", "sic_code", "list_date")

log = structlog.get_logger("details")

_BARS_WAIT = text("""
SELECT EXISTS (SELECT 1 FROM bar_requests WHERE status = 'waiting' AND not_before <= now() AND priority >= :queued)""")


@dataclass(frozen=True)
class DetailsReport:
    """`read`: answered calls; `changed`: symbols that are other now; `left`: what the budget or the vendor left."""

    read: int
    changed: int
    left: int


def fetch_details(day: date, vendor: Vendor, settings: Settings, *, refresh: bool = True) -> DetailsReport:
    """Reads details before session `day`, as far as its budget goes; with `refresh`, also of symbols that have some.

    Stops, and leaves the rest to the next run, where bars wait for calls of the vendor's or the vendor asks to wait.
    """
    due = _due(day, settings.details_per_day, refresh=refresh)
    read = changed = 0
    for symbol in due:
        with transaction(Role.APP) as session:
            if session.scalar(_BARS_WAIT, {"queued": QUEUED}):
                break
        try:
            details = vendor.details(symbol.ticker)
        except VendorUnavailable as trouble:
            log.info("details wait", reason=str(trouble))
            break
        except PlanLacks as refused:
            with transaction(Role.IPO_MONITOR) as session:
                say_plan_lacks(session, day, TICKERS, f"tickers' details cannot be read: {refused}")
            break
        except BadAnswer as broken:
            log.warning("details not usable", symbol=symbol.ticker, reason=str(broken))
            details = None
        with transaction(Role.IPO_MONITOR) as session:
            changed += _store(session, day, symbol, details)
        read += 1
    if due:
        log.info("details read", read=read, changed=changed, left=len(due) - read)
    return DetailsReport(read, changed, len(due) - read)


def _due(day: date, budget: int, *, refresh: bool) -> list[Symbol]:
    with transaction(Role.APP) as session:
        spent = session.scalar(select(func.count()).select_from(Symbol).where(Symbol.details_on == day)) or 0
        wanted = select(Symbol).where(Symbol.active, Symbol.absent_since.is_(None))
        if refresh:
            wanted = wanted.where(Symbol.details_on.is_(None) | (Symbol.details_on < day))
        else:
            wanted = wanted.where(Symbol.details_on.is_(None))
        # A new one's details may come a day or more after its listing.
        young = and_(~Symbol.bootstrap, Symbol.first_seen >= day - YOUNG, Symbol.market_cap.is_(None))
        order = (case((young, 0), else_=1), Symbol.details_on.nulls_first(), Symbol.bootstrap, Symbol.id)
        return list(session.scalars(wanted.order_by(*order).limit(max(0, budget - spent))))


def _store(session: ServiceSession, day: date, known: Symbol, details: Details | None) -> int:
    """Stores what changed, with its event; 1 where something did."""
    row = session.get_one(Symbol, known.id, with_for_update=True)
    row.details_on = day
    if details is None or row.ticker != known.ticker:
        return 0
    listing = details.listing
    if other_company(_as_stored(row), listing):
        words = f"its details are of another company: {listing.name} ({listing.composite_figi or 'no FIGI'})"
        note(session, day, [Difference(Kind.DETAILS_AGAINST_LISTING, row.ticker, words)])
        return 0
    new = {name: value for name in FIELDS if (value := getattr(details, name)) not in (None, getattr(row, name))}
    if not new:
        return 0
    changes = {name: FieldChange(old=_told(getattr(row, name)), new=_told(value)) for name, value in new.items()}
    session.execute(update(Symbol).values(**new, updated_at=func.now()).where(Symbol.id == row.id))
    event = SymbolChanged(symbol=row.ticker, session=day, changes=changes)
    add_events(session, Service.IPO_MONITOR, [Pending(event, row.id)])
    reassign_within(session, day, [row.id])
    return 1


def _as_stored(row: Symbol) -> Stored:
    return Stored(row.id, row.ticker, row.active, row.name, row.type, row.exchange, row.composite_figi, cik=row.cik)


def _told(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
