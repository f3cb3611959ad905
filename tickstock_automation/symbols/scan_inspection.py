"""What scans did, and which IPOs are coming, for a person to read. Reads only."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from tickstock_automation.db.operational import OperationalFinding
from tickstock_automation.db.vendor_differences import VendorDifference
from tickstock_automation.errors import NotFound
from tickstock_automation.symbols.models import HeldListing, IpoCalendarEntry, ScanRun, Symbol
from tickstock_automation.vendor.client import IpoStatus

OVER = (IpoStatus.LISTED, IpoStatus.WITHDRAWN)


@dataclass(frozen=True)
class ScanLine:
    """One scan in figures. `coverage`: share of the known symbols that were listed; None: this scan did not say it."""

    session: date
    outcome: str
    listed: int | None
    new: int | None
    changed: int | None
    archived: int | None
    coverage: float | None
    vendor_calls: int
    seconds: float | None
    error: str | None


@dataclass(frozen=True)
class ScanDetail:
    """All a scan did. `figures` as it stored them; `differences`: tickers by kind, where the vendor contradicts itself."""

    line: ScanLine
    started_at: datetime
    finished_at: datetime | None
    figures: dict[str, Any]
    held_listings: list[str]
    differences: dict[str, list[str]]
    findings: list[dict[str, Any]]


@dataclass(frozen=True)
class IpoLine:
    """A line of the IPO calendar; prices of one share, in `currency`. `listed_as`: the ticker of the listing it became."""

    listing_date: date | None
    ticker: str
    issuer: str
    status: str
    issue_price: float | None
    low_price: float | None
    high_price: float | None
    currency: str | None
    exchange: str | None
    announced: date | None
    listed_as: str | None


def history(session: Session, last: int) -> list[ScanLine]:
    """The last scans, newest first."""
    return [_line(run) for run in session.scalars(select(ScanRun).order_by(ScanRun.session.desc()).limit(last))]


def detail(session: Session, day: date | None) -> ScanDetail:
    """One scan, by default the newest. Raises NotFound where there was none."""
    runs = select(ScanRun).order_by(ScanRun.session.desc()).limit(1)
    run = session.scalar(runs if day is None else runs.where(ScanRun.session == day))
    if run is None:
        which = f"no scan was made before session {day}" if day else "no scan was made yet"
        raise NotFound(f"{which}: `tickstock scan history` lists them")
    held = select(HeldListing.ticker).where(HeldListing.session == run.session).order_by(HeldListing.ticker)
    differences: dict[str, list[str]] = defaultdict(list)
    pairs = select(VendorDifference.kind, VendorDifference.ticker).where(VendorDifference.session == run.session)
    for kind, ticker in session.execute(pairs.order_by(VendorDifference.kind, VendorDifference.ticker)):
        differences[kind].append(ticker)
    findings = select(
        OperationalFinding.check_name, OperationalFinding.severity, OperationalFinding.message,
        OperationalFinding.reported_by, OperationalFinding.evidence, OperationalFinding.created_at,
    ).where(OperationalFinding.session == run.session).order_by(OperationalFinding.id)  # fmt: skip
    return ScanDetail(
        _line(run), run.started_at, run.finished_at, run.figures, list(session.scalars(held)), dict(differences),
        [dict(row) for row in session.execute(findings).mappings()],
    )  # fmt: skip


def ipos(session: Session, today: date, *, everything: bool = False) -> list[IpoLine]:
    """The coming ones, soonest first and those without a date last; or all that the calendar holds."""
    found = (
        select(IpoCalendarEntry, Symbol.ticker)
        .outerjoin(Symbol, Symbol.id == IpoCalendarEntry.symbol_id)
        .order_by(IpoCalendarEntry.listing_date.nulls_last(), IpoCalendarEntry.ticker, IpoCalendarEntry.id)
    )
    if not everything:
        found = found.where(
            IpoCalendarEntry.status.not_in(OVER),
            or_(IpoCalendarEntry.listing_date.is_(None), IpoCalendarEntry.listing_date >= today),
        )
    return [
        IpoLine(
            one.listing_date, one.ticker, one.issuer, one.status, one.issue_price, one.low_price, one.high_price,
            one.currency, one.exchange, one.announced, listed_as,
        )
        for one, listed_as in session.execute(found)
    ]  # fmt: skip


def _line(run: ScanRun) -> ScanLine:
    coverage = run.figures.get("coverage")
    return ScanLine(
        session=run.session, outcome=run.outcome,
        listed=_count(run.figures, "listed"), new=_count(run.figures, "new"),
        changed=_count(run.figures, "changed"), archived=_count(run.figures, "archived"),
        coverage=float(coverage) if coverage is not None else None, vendor_calls=run.vendor_calls,
        seconds=(run.finished_at - run.started_at).total_seconds() if run.finished_at else None, error=run.error,
    )  # fmt: skip


def _count(figures: dict[str, Any], name: str) -> int | None:
    """A figure of a scan, which may be a number or the names it counts; None where it says nothing of it."""
    value = figures.get(name)
    return len(value) if isinstance(value, list) else value
