"""The meter of a running system: breaker, budget and counts in PostgreSQL, the minute's limit in Redis, for all workers together."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, NoReturn

import structlog
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from tickstock_automation.db import operational
from tickstock_automation.db.engine import ServiceSession, first_line, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import SchemaMismatch, TryAgain, VendorRefused, VendorUnavailable
from tickstock_automation.events.catalogue import Service
from tickstock_automation.vendor.account import Account
from tickstock_automation.vendor.limits import SHORT_WAIT_S, CallLimit
from tickstock_automation.vendor.meter import Ended, Endpoint, Meter, Outcome, Ticket

CHECK_DOWN, CHECK_REFUSED = "vendor_down", "vendor_refused"
LONGEST_ERROR = 500
UNKNOWN = ("42883", "42P01")  # function, table

log = structlog.get_logger("vendor")

# Neither waits for the disk: what a crash of PostgreSQL loses of them is the last calls' count.
_BEFORE = text("""
SELECT set_config('synchronous_commit', 'off', true), b.*
  FROM vendor_before_call(:vendor, :key, :endpoint, :budget, :lease_s) b""")

_AFTER = text("""
SELECT set_config('synchronous_commit', 'off', true), a.*
  FROM vendor_after_call(:vendor, :key, :endpoint, :day, :probe, :outcome, :bytes, :seconds, :error, :hold_s,
                         :most_failures, :pause_s, :longest_pause_s) a""")


@dataclass(frozen=True)
class Rules:
    """When the breaker opens, and for how long. Pauses double, with a quarter's spread."""

    most_failures: int = 5  # in a row, over all workers
    pause_s: float = 15.0
    longest_pause_s: float = 900.0
    refused_s: float = 3600.0


class SharedMeter(Meter):
    """Asks and tells PostgreSQL in one short transaction each."""

    def __init__(self, account: Account, limit: CallLimit, rules: Rules | None = None) -> None:
        self._account, self._limit, self._rules = account, limit, rules or Rules()

    def before(self, endpoint: Endpoint, longest_wait_s: float) -> Ticket:
        # So long a probe may take whose worker lives: its turn at the limit, a connection, two waits for data.
        lease_s = longest_wait_s + 2 * self._account.timeout_s + 15
        asked = {
            "vendor": self._account.vendor, "key": self._account.key, "endpoint": endpoint.value,
            "budget": self._account.budget, "lease_s": lease_s,
        }  # fmt: skip
        for again in (True, False):
            with _calls() as session:
                found = session.execute(_BEFORE, asked).one()
            if found.verdict == "go":
                break
            if found.verdict != "hold" or found.wait_s > SHORT_WAIT_S or not again:
                self._refuse(found)
            time.sleep(found.wait_s)
        ticket = Ticket(endpoint, found.day, found.probe)
        try:
            self._limit.take(longest_wait_s)
        except VendorUnavailable:
            self.after(ticket, Ended(Outcome.NOT_MADE))
            raise
        return ticket

    def after(self, ticket: Ticket, ended: Ended) -> None:
        try:
            with _calls() as session:
                change, seconds = session.execute(_AFTER, self._told(ticket, ended)).one()[1:]
                self._report(session, change, ticket.day, ended)
        except TryAgain as trouble:  # the answer is paid for: better its figures are lost than it
            log.warning("a vendor call is not counted", endpoint=ticket.endpoint, reason=str(trouble))
            return
        if change == "closed":
            log.info("the vendor answers again", after_s=round(seconds))
        elif change is not None:
            log.warning("the vendor is not called for now", reason=ended.error, pause_s=round(seconds))

    def _told(self, ticket: Ticket, ended: Ended) -> dict[str, Any]:
        pause_s = self._rules.refused_s if ended.outcome is Outcome.REFUSED else self._rules.pause_s
        return {
            "vendor": self._account.vendor, "key": self._account.key, "endpoint": ticket.endpoint.value, "day": ticket.day,
            "probe": ticket.probe, "outcome": ended.outcome.value, "bytes": ended.bytes, "seconds": ended.seconds,
            "error": ended.error and ended.error[:LONGEST_ERROR], "hold_s": ended.hold_s, "pause_s": pause_s,
            "most_failures": self._rules.most_failures, "longest_pause_s": self._rules.longest_pause_s,
        }  # fmt: skip

    def _refuse(self, found: Any) -> NoReturn:
        wait = float(found.wait_s)
        if found.verdict == "budget":
            raise VendorUnavailable(
                f"the day's {self._account.budget} vendor calls (POLYGON_CALLS_PER_DAY) are spent; the next day begins"
                " at midnight in New York",
                after_s=wait,
            )
        if found.verdict == "hold":
            raise VendorUnavailable(f"the vendor asked to wait: {found.error}", after_s=wait)
        if found.reason == "refused":
            raise VendorRefused(
                f"{found.error}; nobody asks again for {wait / 60:.0f} minutes: set a new key, or run `tickstock vendor"
                " retry` when the old one is good again"
            )
        raise VendorUnavailable(f"the vendor is down and not called for now; the last was {found.error}", after_s=wait)

    def _report(self, session: ServiceSession, change: str | None, day: date, ended: Ended) -> None:
        """One finding an outage, and one a day for a refused key."""
        evidence = {"vendor": self._account.vendor, "key": self._account.key}
        if change == "opened":
            operational.report(
                session, check=CHECK_DOWN, severity="high", day=day, reported_by=Service.IPO_MONITOR, evidence=evidence,
                message=f"the vendor is down: {ended.error}. Work waits, and goes on by itself when it answers again",
            )  # fmt: skip
        elif change == "refused":
            operational.report_once(
                session, check=CHECK_REFUSED, severity="critical", day=day, reported_by=Service.IPO_MONITOR,
                evidence=evidence | {"day": day.isoformat()}, message=ended.error or "",
            )  # fmt: skip


@contextmanager
def _calls() -> Iterator[ServiceSession]:
    """A transaction; SchemaMismatch where the database does not know the functions yet."""
    try:
        with transaction(Role.IPO_MONITOR) as session:
            yield session
    except ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) not in UNKNOWN:
            raise
        raise SchemaMismatch(
            f"the database cannot count vendor calls: {first_line(error.orig)}: run `alembic upgrade head`"
        ) from error
