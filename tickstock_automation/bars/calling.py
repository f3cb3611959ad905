"""Making the calls that are planned, one after another, and what to do when one fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy.orm import Session

from tickstock_automation import stopping
from tickstock_automation.bars import calls, loading
from tickstock_automation.bars.calls import REFUSED_PAUSE_S, Claimed
from tickstock_automation.bars.planning import await_plan, make_plan, plan_if_needed
from tickstock_automation.db import operational
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import BadAnswer, LeaseLost, PlanLacks, Stop, TryAgain
from tickstock_automation.events.catalogue import Service
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings
from tickstock_automation.vendor.client import Vendor

log = structlog.get_logger("backfill")


@dataclass
class Outcome:
    """What was done: bars that were new or changed, calls answered. `waits`: why it stopped before all calls were made."""

    bars: int = 0
    calls: int = 0
    waits: TryAgain | None = None


def make_calls(
    vendor: Vendor,
    calendar: SessionCalendar,
    settings: Settings,
    *,
    least_priority: int = 0,
    alive: Callable[[], None] = lambda: None,
    most_s: float = float("inf"),
) -> Outcome:
    """Plans where that is needed, and makes the calls that are due, one after another, until none is or `most_s` is over.

    `alive` is called between them, and stops it by raising. Raises VendorRefused after the call is put back and told of.
    """
    outcome, began, level = Outcome(), time.monotonic(), None
    while outcome.waits is None and time.monotonic() - began < most_s and not stopping.requested():
        call = _next_call(calendar, settings, least_priority)
        if level is not None and (call is None or call.priority != level):
            with transaction(Role.IPO_MONITOR) as session:
                make_plan(session, calendar)  # settles what the calls made so far were for, and may find more to make
            level, call = None, call or _next_call(calendar, settings, least_priority)
        if call is None:
            break
        level = call.priority
        _make(call, vendor, calendar, settings, outcome)
        alive()
    return outcome


def _next_call(calendar: SessionCalendar, settings: Settings, least_priority: int) -> Claimed | None:
    """Claims the next call, after planning where that is needed, and gives up what killed its workers too often."""
    with transaction(Role.IPO_MONITOR) as session:
        plan_if_needed(session, calendar)
        exhausted = calls.exhausted_calls(session, settings.max_attempts)
        for lost in exhausted:
            loading.give_up(session, lost, calendar, f"its worker ended {lost.attempts} times in the middle")
        if exhausted:
            make_plan(session, calendar)
    with transaction(Role.IPO_MONITOR) as session:
        await_plan(session)
        return calls.claim_call(
            session, lease_s=settings.lease_s, most_attempts=settings.max_attempts, least_priority=least_priority
        )


def _make(call: Claimed, vendor: Vendor, calendar: SessionCalendar, settings: Settings, outcome: Outcome) -> None:
    """One claimed call, and what to do when it fails."""
    try:
        made = loading.make(call, vendor, calendar, settings)
    except LeaseLost as lost:
        log.warning("call lost", call=str(call), reason=str(lost))
    except TryAgain as trouble:
        with transaction(Role.IPO_MONITOR) as session:
            pause = calls.put_back(session, call, str(trouble), trouble.after_s)
        log.warning("call waits", call=str(call), reason=str(trouble), seconds=round(pause, 1))
        outcome.waits = type(trouble)(str(trouble), pause)
    except BadAnswer as error:
        _broken(call, error, calendar, settings)
    except PlanLacks as error:
        with transaction(Role.IPO_MONITOR) as session:
            operational.report_once(
                session, check="vendor_refused", severity="high", day=call.last, reported_by=Service.IPO_MONITOR,
                message=str(error), evidence={"plan_lacks": call.endpoint},
            )  # fmt: skip
            loading.give_up(session, call, calendar, str(error))
    except Stop as error:
        with transaction(Role.IPO_MONITOR) as session:
            calls.put_back(session, call, str(error), REFUSED_PAUSE_S)
            calls.put_all_off(session, REFUSED_PAUSE_S)
            operational.report_once(
                session, check="vendor_refused", severity="critical", day=call.last, reported_by=Service.IPO_MONITOR,
                message=str(error), evidence={"calls": "bars"},
            )  # fmt: skip
        raise
    except Exception as error:  # a fault of ours: a failed attempt of this call, and whoever called us knows
        with transaction(Role.IPO_MONITOR) as session:
            calls.try_later(session, call, repr(error))
        raise
    else:
        outcome.bars += made.bars
        outcome.calls += 1


def _broken(call: Claimed, error: BadAnswer, calendar: SessionCalendar, settings: Settings) -> None:
    """Nothing of the answer is stored; it is asked for again after a pause, a few times."""
    log.warning("vendor's answer refused", call=str(call), reason=str(error), attempt=call.attempts)
    with transaction(Role.IPO_MONITOR) as session:
        _report(session, call, "vendor_answer", "high", str(error))
        if call.attempts >= settings.max_attempts:
            loading.give_up(session, call, calendar, str(error))
        else:
            calls.try_later(session, call, str(error))


def _report(session: Session, call: Claimed, check: str, severity: str, message: str) -> None:
    operational.report(
        session, check=check, severity=severity, day=call.last, reported_by=Service.IPO_MONITOR, message=message,
        evidence={"call": str(call), "attempt": call.attempts},
    )  # fmt: skip
