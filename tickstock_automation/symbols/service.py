"""The scan: reads the vendor's listing of a session, decides, stores each change with its event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice
from typing import Any, Literal, TypeVar

import structlog
from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from tickstock_automation.bars.backfill import request_bars
from tickstock_automation.bars.models import Bar
from tickstock_automation.db import operational
from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.db.runs import DONE, FAILED, HELD, claim_run, finish_run, release_run, renew_run
from tickstock_automation.errors import BadAnswer, LeaseLost, Stop, TickstockError
from tickstock_automation.events.catalogue import (
    FieldChange,
    MaintenanceCompleted,
    MaintenanceStarted,
    NewSymbol,
    Service,
    SymbolChanged,
)
from tickstock_automation.events.outbox import MOST_SYMBOLS, Pending, add_events
from tickstock_automation.processing.queue import queue_symbols
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings
from tickstock_automation.symbols.archiving import archive
from tickstock_automation.symbols.diff import Changed, Diff, Known, Limits, compare
from tickstock_automation.symbols.identity import Stored
from tickstock_automation.symbols.membership import by_rule, load_rules
from tickstock_automation.symbols.models import ScanRun, Symbol, SymbolAlias, UniverseMember
from tickstock_automation.symbols.universes import Facts, RuleSet
from tickstock_automation.vendor.client import Listing, ListingAnswer, Vendor

T = TypeVar("T")

CHUNK = 500  # symbols in one transaction of a bootstrap
TASK: Literal["scan"] = "scan"

log = structlog.get_logger("scan")


@dataclass
class ScanReport:
    """What a scan did, by ticker."""

    listed: int = 0
    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        return {"listed": self.listed, "new": self.new, "changed": self.changed, "archived": self.archived}

    def counts(self) -> dict[str, int]:
        return {
            "listed": self.listed,
            "new": len(self.new),
            "changed": len(self.changed),
            "archived": len(self.archived),
        }


def scan(day: date, vendor: Vendor, calendar: SessionCalendar, settings: Settings) -> ScanReport | None:
    """The scan before session `day`; None where it is done, or being done by another worker.

    Raises what the vendor raised, after the run is marked as failed and the failure is told by event.
    """
    with transaction(Role.IPO_MONITOR) as session:
        claim = claim_run(session, ScanRun, day, settings.lease_s)
        if claim is None:
            return None
        token, first = claim
        if first:
            add_events(session, Service.IPO_MONITOR, [Pending(MaintenanceStarted(task=TASK, session=day))])
    before = vendor.calls
    try:
        return _scan(day, token, vendor, calendar, settings)
    except LeaseLost:
        raise
    except (BadAnswer, Stop) as error:
        _fail(day, token, vendor.calls - before, error)
        raise
    except Exception:  # whatever it is, the next try may take the run at once
        with transaction(Role.IPO_MONITOR) as session:
            release_run(session, ScanRun, day, token, vendor.calls - before)
        raise


def _scan(day: date, token: int, vendor: Vendor, calendar: SessionCalendar, settings: Settings) -> ScanReport:
    before = vendor.calls
    answer = vendor.listings(day)
    if not answer.listings:
        raise BadAnswer(f"the vendor's listing of {day} is empty")
    report = ScanReport(listed=len(answer.listings))
    diff, bootstrap = _decide(day, answer, settings)
    _apply(day, token, diff, bootstrap, report, calendar, settings)
    with transaction(Role.IPO_MONITOR) as session:
        if diff.held:
            _report_held(session, day, diff, answer)
        outcome = HELD if diff.held else DONE
        finish_run(session, ScanRun, day, token, outcome, vendor.calls - before, report.figures())
        completed = MaintenanceCompleted(
            task=TASK, session=day, outcome="held" if diff.held else "done", figures=report.counts()
        )
        add_events(session, Service.IPO_MONITOR, [Pending(completed)])
    log.info("scan done", session=str(day), coverage=round(diff.coverage, 4), **report.counts())
    return report


def _fail(day: date, token: int, calls: int, error: TickstockError) -> None:
    with transaction(Role.IPO_MONITOR) as session:
        finish_run(session, ScanRun, day, token, FAILED, calls, {}, str(error))
        operational.report(
            session, check="vendor_refused" if isinstance(error, Stop) else "vendor_answer", severity="critical",
            day=day, reported_by=Service.IPO_MONITOR, message=str(error),
        )  # fmt: skip
        completed = MaintenanceCompleted(task=TASK, session=day, outcome="failed", error=str(error))
        add_events(session, Service.IPO_MONITOR, [Pending(completed)])


def _decide(day: date, answer: ListingAnswer, settings: Settings) -> tuple[Diff, bool]:
    with transaction(Role.IPO_MONITOR) as session:
        columns = [getattr(Symbol, name) for name in Stored.__dataclass_fields__ if name not in ("kept", "shut")]
        columns += [Symbol.kept_by.is_not(None), Symbol.archived_by.is_not(None)]
        stored = [Stored(*row) for row in session.execute(select(*columns).order_by(Symbol.id))]
        # Not «nothing is stored»: a first scan that was interrupted goes on as what it was.
        first = session.scalar(select(func.count()).select_from(ScanRun).where(ScanRun.outcome.in_((DONE, HELD)))) == 0
        absent = [one.id for one in stored if one.active and one.absent_since is not None]
        traded = set(
            session.scalars(
                select(Symbol.id).where(
                    Symbol.id.in_(absent),
                    select(Bar.date).where(Bar.symbol_id == Symbol.id, Bar.date >= Symbol.absent_since).exists(),
                )
            )
        )
    known = Known(traded=traded, bootstrap=first)
    return compare(answer.listings, stored, day, Limits(settings.coverage_minimum), known), first


@contextmanager
def _held(day: date, token: int, settings: Settings) -> Iterator[ServiceSession]:
    """A transaction of the scan, and a sign of life; LeaseLost where another worker has the run now."""
    with transaction(Role.IPO_MONITOR) as session:
        renew_run(session, ScanRun, day, token, settings.lease_s)
        yield session


def _apply(
    day: date,
    token: int,
    diff: Diff,
    bootstrap: bool,
    report: ScanReport,
    calendar: SessionCalendar,
    settings: Settings,
) -> None:
    """Each symbol's change and its event in one transaction. Archived first: they free tickers for those that come."""
    for archived in diff.archived:
        with _held(day, token, settings) as session:
            archive(
                session,
                archived.id,
                archived.ticker,
                day=day,
                delist_date=archived.delist_date,
                reason=archived.why.value,
            )
        report.archived.append(archived.ticker)
    renames = [one for one in diff.changed if "ticker" in one.changes]
    others = [[one] for one in diff.changed if "ticker" not in one.changes]
    # Renames go together: two tickers may swap.
    for group in [*_chunks(renames, MOST_SYMBOLS), *others]:
        with _held(day, token, settings) as session:
            _change(session, day, group)
        report.changed += [one.listing.ticker for one in group]
    with _held(day, token, settings) as session:
        absence = update(Symbol).values(absent_since=day).where(Symbol.id.in_(diff.absent))
        session.execute(absence)
        session.execute(update(Symbol).values(absent_since=None).where(Symbol.id.in_(diff.back)))
    sessions = calendar.between(day - timedelta(days=settings.backfill_days), day - timedelta(days=1))
    for id_, listing in diff.relisted:
        with _held(day, token, settings) as session:
            _store(session, day, [listing], "relisted", sessions, settings, relisted_id=id_)
        report.new.append(listing.ticker)
    for chunk in _chunks(diff.new, CHUNK if bootstrap else 1):
        with _held(day, token, settings) as session:
            _store(session, day, chunk, "bootstrap" if bootstrap else "listed", sessions, settings)
        report.new += [one.ticker for one in chunk]


def _store(
    session: ServiceSession,
    day: date,
    listings: list[Listing],
    reason: Literal["bootstrap", "listed", "relisted"],
    sessions: list[date],
    settings: Settings,
    relisted_id: int | None = None,
) -> None:
    rules = load_rules(session)
    if relisted_id is None:
        ids = _insert_symbols(session, day, listings, rules, bootstrap=reason == "bootstrap")
    else:
        ids = {listings[0].ticker: relisted_id}
        values = _values(listings[0], rules, day) | {"active": True, "delist_date": None, "absent_since": None}
        session.execute(update(Symbol).values(**values, updated_at=func.now()).where(Symbol.id == relisted_id))
    aliases, members, events, by_type = [], [], [], {}  # type: ignore[var-annotated]
    for listing in listings:
        id_ = ids[listing.ticker]
        facts = _facts(listing, None if reason == "bootstrap" else day)
        names = rules.universes_of(facts, day)
        equity_type = rules.equity_type_of(facts, day)
        by_type.setdefault(equity_type, []).append(listing.ticker)
        aliases.append(
            {"symbol_id": id_, "ticker": listing.ticker, "valid_from": None if reason == "bootstrap" else day}
        )
        members += [{"universe": name, "symbol_id": id_, "reason": by_rule(name, day)} for name in names]
        events.append(
            Pending(
                NewSymbol(
                    symbol=listing.ticker, name=listing.name, type=listing.type, exchange=listing.exchange,
                    equity_type=equity_type, reason=reason, session=day, universes=names,
                ),
                id_,
            )
        )  # fmt: skip
    session.execute(insert(SymbolAlias), aliases)
    if reason != "bootstrap":
        log.info("symbol listed", symbol=listings[0].ticker, reason=reason)
    if members:
        session.execute(upsert(UniverseMember).on_conflict_do_nothing(), members)
    request_bars(session, list(ids.values()), sessions, reason="new_listing", as_of=day)
    for equity_type, tickers in by_type.items():
        queue_symbols(session, equity_type, tickers, "new_listing", settings.queue_bound)
    add_events(session, Service.IPO_MONITOR, events)


def _insert_symbols(
    session: ServiceSession, day: date, listings: list[Listing], rules: RuleSet, *, bootstrap: bool
) -> dict[str, int]:
    rows = [{**_values(one, rules, day), "first_seen": day, "bootstrap": bootstrap} for one in listings]
    if not bootstrap:
        for row in rows:
            row["list_date"] = day
    inserted = session.execute(insert(Symbol).returning(Symbol.ticker, Symbol.id), rows)
    return dict(inserted.all())


def _values(listing: Listing, rules: RuleSet, day: date) -> dict[str, Any]:
    return {
        "ticker": listing.ticker, "name": listing.name, "type": listing.type, "exchange": listing.exchange,
        "composite_figi": listing.composite_figi, "share_class_figi": listing.share_class_figi, "cik": listing.cik,
        "equity_type": rules.equity_type_of(_facts(listing), day),
    }  # fmt: skip


def _facts(listing: Listing, list_date: date | None = None) -> Facts:
    return Facts(listing.ticker, listing.name, listing.type, listing.exchange, list_date=list_date)


def _change(session: ServiceSession, day: date, group: list[Changed]) -> None:
    renamed = [one for one in group if "ticker" in one.changes]
    if renamed:
        ids = [one.id for one in renamed]
        # Out of each other's way first: in a swap each wants what the other still has.
        parked = update(Symbol).values(ticker=func.concat("~", Symbol.id)).where(Symbol.id.in_(ids))
        session.execute(parked)
        closed = update(SymbolAlias).values(valid_to=day)
        session.execute(closed.where(SymbolAlias.symbol_id.in_(ids), SymbolAlias.valid_to.is_(None)))
        session.execute(
            insert(SymbolAlias),
            [{"symbol_id": one.id, "ticker": one.listing.ticker, "valid_from": day} for one in renamed],
        )
    events, rules = [], load_rules(session)
    for one in group:
        values: dict[str, Any] = {name: new for name, (_, new) in one.changes.items()}
        changes = {name: FieldChange(old=old, new=new) for name, (old, new) in one.changes.items()}
        if "type" in one.changes:
            equity_type = rules.equity_type_of(_facts(one.listing), day)
            values["equity_type"] = equity_type
        session.execute(update(Symbol).values(**values, updated_at=func.now()).where(Symbol.id == one.id))
        log.info("symbol changed", symbol=one.listing.ticker, **{name: new for name, (_, new) in one.changes.items()})
        events.append(Pending(SymbolChanged(symbol=one.listing.ticker, session=day, changes=changes), one.id))
    add_events(session, Service.IPO_MONITOR, events)


def _report_held(session: ServiceSession, day: date, diff: Diff, answer: ListingAnswer) -> None:
    operational.report(
        session, check="vendor_coverage", severity="critical", day=day, reported_by=Service.IPO_MONITOR,
        message=f"only {diff.coverage:.1%} of the known active symbols are in the listing of {day}: nothing was archived",
        evidence={"coverage": diff.coverage, "listed": len(answer.listings), "pages": answer.pages},
    )  # fmt: skip


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
