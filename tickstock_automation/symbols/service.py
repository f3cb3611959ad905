"""The scan: reads the vendor's listing of a session, decides, stores each change with its event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from itertools import islice
from typing import Any, Literal, TypeVar

import structlog
from sqlalchemy import delete, insert, select, update

from tickstock_automation.db import operational
from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.db.runs import DONE, HELD, finish_run, renew_run
from tickstock_automation.db.vendor_differences import Difference, Kind, note
from tickstock_automation.events.catalogue import MaintenanceCompleted, Service
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.maintenance import run_once
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings
from tickstock_automation.symbols.archiving import archive
from tickstock_automation.symbols.diff import Diff
from tickstock_automation.symbols.ipos import TICKERS, calendar_of, refresh_calendar, say_plan_lacks
from tickstock_automation.symbols.membership import load_rules, reassign, reassign_within
from tickstock_automation.symbols.models import HeldListing, ScanRun, Symbol
from tickstock_automation.symbols.scan_plan import Plan, plan_scan
from tickstock_automation.symbols.storing import Around, store_changes, store_new, store_relisted
from tickstock_automation.vendor.client import Listing, Vendor

T = TypeVar("T")

CHUNK = 500  # symbols in one transaction of a bootstrap
MANY = 100  # changes past which they are no day's usual ones, and go in chunks as well
TASK: Literal["scan"] = "scan"

log = structlog.get_logger("scan")


@dataclass
class ScanReport:
    """What a scan did, by ticker. `changes`: what became of each changed symbol, field to [old, new]."""

    listed: int = 0
    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    archived: list[str] = field(default_factory=list)
    held_back: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    coverage: float = 1.0
    thin: list[str] = field(default_factory=list)
    refused: int = 0
    repeated: int = 0
    delayed: int = 0
    unasked: int = 0
    reassigned: int = 0
    ipo_calendar: str = ""

    def figures(self) -> dict[str, Any]:
        return asdict(self)

    def counts(self) -> dict[str, int]:
        return {
            "listed": self.listed, "new": len(self.new), "changed": len(self.changed), "archived": len(self.archived),
            "held_back": len(self.held_back), "refused": self.refused, "repeated": self.repeated,
        }  # fmt: skip


def scan(day: date, vendor: Vendor, calendar: SessionCalendar, settings: Settings) -> ScanReport | None:
    """The scan before session `day`; None where it is done, or being done by another worker.

    Raises what the vendor raised, after the run is marked as failed and the failure is told by event.
    """
    return run_once(
        ScanRun, TASK, day, vendor, settings.lease_s,
        lambda token: _Scan(day, token, vendor, calendar, settings).run(),
    )  # fmt: skip


class _Scan:
    """One scan that has its run; each of its transactions gives a sign of life."""

    def __init__(self, day: date, token: int, vendor: Vendor, calendar: SessionCalendar, settings: Settings) -> None:
        self.day, self.token, self.vendor, self.settings = day, token, vendor, settings
        self.sessions = calendar.between(day - timedelta(days=settings.backfill_days), day - timedelta(days=1))
        self.report = ScanReport()

    def run(self) -> ScanReport:
        before, report = self.vendor.calls, self.report
        report.ipo_calendar = refresh_calendar(self.day, self.vendor)
        plan = plan_scan(self.day, self.vendor, self.settings)
        diff, answer = plan.diff, plan.answer
        report.listed, report.coverage = len({one.ticker for one in answer.listings}), round(diff.coverage, 4)
        report.refused, report.repeated, report.delayed = answer.refused, answer.repeated, answer.delayed
        report.thin, report.waiting = [str(one) for one in diff.thin], diff.waiting
        report.unasked = plan.answers.unasked
        self._apply(diff, plan.bootstrap)
        report.reassigned = len(reassign(self._held, self.day))
        with transaction(Role.IPO_MONITOR) as session:
            self._tell(session, plan)
            outcome: Literal["held", "done"] = "held" if diff.held else "done"
            calls = self.vendor.calls - before
            finish_run(session, ScanRun, self.day, self.token, HELD if diff.held else DONE, calls, report.figures())
            completed = MaintenanceCompleted(task=TASK, session=self.day, outcome=outcome, figures=report.counts())
            add_events(session, Service.IPO_MONITOR, [Pending(completed)])
        log.info("scan done", session=str(self.day), coverage=report.coverage, **report.counts())
        return report

    @contextmanager
    def _held(self) -> Iterator[ServiceSession]:
        """A transaction of the scan, and a sign of life; LeaseLost where another worker has the run now."""
        with transaction(Role.IPO_MONITOR) as session:
            renew_run(session, ScanRun, self.day, self.token, self.settings.lease_s)
            yield session

    def _apply(self, diff: Diff, bootstrap: bool) -> None:
        """Each symbol's change and its event in one transaction. Archived first: they free tickers for those that come."""
        with self._held() as session:
            around = Around(
                self.day, load_rules(session), calendar_of(session), self.sessions, self.settings.queue_bound
            )
        for gone in diff.archived:
            with self._held() as session:
                did = archive(
                    session, gone.id, gone.ticker, day=self.day, delist_date=gone.delist_date, reason=gone.why.value
                )
            if did:
                self.report.archived.append(gone.ticker)
        others = [one for one in diff.changed if "ticker" not in one.changes]
        size = 1 if len(others) <= MANY else CHUNK
        for group in [*_chunks(diff.renamed, CHUNK), *_chunks(others, size)]:  # renames go together: two may swap
            with self._held() as session:
                store_changes(session, group, around)
                reassign_within(session, self.day, [one.id for one in group])
            self.report.changed += [one.listing.ticker for one in group]
            self.report.changes |= {one.listing.ticker: one.changes for one in group}
        with self._held() as session:
            absence = update(Symbol).values(absent_since=self.day).where(Symbol.id.in_(diff.absent))
            session.execute(absence)
            session.execute(update(Symbol).values(absent_since=None).where(Symbol.id.in_(diff.back)))
        for id_, listing in diff.relisted:
            with self._held() as session:
                store_relisted(session, id_, listing, around)
                # its row may know more than the listing: price, market cap, a person's word on its universes
                reassign_within(session, self.day, [id_])
            self.report.new.append(listing.ticker)
        for chunk in _chunks(diff.new, CHUNK if bootstrap else 1):
            with self._held() as session:
                store_new(session, chunk, around, bootstrap=bootstrap)
            self.report.new += [one.ticker for one in chunk]
        with self._held() as session:
            self._hold_back(session, diff.held_back)

    def _hold_back(self, session: ServiceSession, flood: list[Listing]) -> None:
        """What a flood brought is kept with the session that first listed it; what is listed no more is forgotten."""
        self.report.held_back = [one.ticker for one in flood]
        known: dict[str, Any] = dict(session.execute(select(HeldListing.ticker, HeldListing.listing)).all())
        now = {one.ticker: asdict(one) for one in flood}
        stale = [ticker for ticker, listing in known.items() if now.get(ticker) != listing]
        session.execute(delete(HeldListing).where(HeldListing.ticker.in_(stale)))
        fresh = [ticker for ticker in now if ticker not in known or ticker in stale]
        if fresh:
            session.execute(
                insert(HeldListing),
                [{"ticker": ticker, "session": self.day, "listing": now[ticker]} for ticker in fresh],
            )

    def _tell(self, session: ServiceSession, plan: Plan) -> None:
        """Findings and differences of the scan, in the transaction that ends it."""
        diff, answer = plan.diff, plan.answer
        found = list(plan.answers.differences)
        found += [Difference(Kind.LISTED_TWICE, ticker, "two rows of the listing differ") for ticker in diff.doubled]
        found += [
            Difference(Kind.TICKER_HELD, ticker, "listed, but its former holder is not archived yet")
            for ticker in diff.waiting
        ]
        note(session, self.day, found)
        if diff.thin:
            words = "; ".join(map(str, diff.thin))
            self._report(
                session, "vendor_coverage", "critical",
                f"too little of what is known is in the listing of {self.day} ({words}): nothing was archived. Where the "
                "listing is right, archive by hand: tickstock symbols archive",
                {"coverage": diff.coverage, "thin": words, "listed": self.report.listed, "pages": answer.pages},
            )  # fmt: skip
        if diff.held_back:
            self._report(
                session, "listing_flood", "high",
                f"{len(diff.held_back)} new listings on {self.day}: held back until the scan of another session agrees",
                {"held_back": len(diff.held_back), "first": self.report.held_back[:20]},
            )  # fmt: skip
        if answer.refused:
            self._report(
                session, "vendor_listing", "low", f"{answer.refused} rows of the listing of {self.day} name no possible ticker",
                {"refused": answer.refused, "repeated": answer.repeated},
            )  # fmt: skip
        if plan.answers.refused is not None:
            words = f"tickers cannot be asked for singly: {plan.answers.refused}"
            say_plan_lacks(session, self.day, TICKERS, words)

    def _report(
        self, session: ServiceSession, check: str, severity: str, message: str, evidence: dict[str, Any]
    ) -> None:
        operational.report(
            session, check=check, severity=severity, day=self.day, reported_by=Service.IPO_MONITOR, message=message,
            evidence=evidence,
        )  # fmt: skip


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
