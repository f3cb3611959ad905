"""Asking the vendor for repairs, one call after another. What it says stands in the request; no bar is touched here."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation import stopping
from tickstock_automation.bars.calls import REFUSED_PAUSE_S
from tickstock_automation.bars.corporate_actions import refresh_splits
from tickstock_automation.bars.ingest import SOURCE, note_load
from tickstock_automation.bars.parse import WANTED, Asked, parse
from tickstock_automation.bars.repair import calls
from tickstock_automation.bars.repair.answers import NEAR, bar_of, splits_near, standing
from tickstock_automation.bars.repair.calls import RepairCall
from tickstock_automation.bars.repair.days import read_days
from tickstock_automation.bars.repair.life import Action, State
from tickstock_automation.bars.repair.outcome import Day
from tickstock_automation.db import operational
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import BadAnswer, LeaseLost, PlanLacks, Stop, TryAgain
from tickstock_automation.events.catalogue import Service
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings
from tickstock_automation.vendor.client import BarsAnswer, Split, Vendor

NAMELESS = "it had no ticker on that day, so there is nothing to ask for"

log = structlog.get_logger("repair")

_ANSWERED = text("""
UPDATE repair_requests r
   SET state = :state, old = a.old, new = a.new, load_id = :load, error_message = :error, lease_until = NULL,
       completed_at = CASE WHEN :state = 'done' THEN clock_timestamp() END
  FROM unnest(CAST(:ids AS bigint[]), CAST(:olds AS text[])::jsonb[], CAST(:news AS text[])::jsonb[]) AS a (id, old, new)
 WHERE r.id = a.id""")


@dataclass
class Fetched:
    """Calls that were answered, or given up for good. `waits`: why it stopped before all were made."""

    ended: int = 0
    waits: TryAgain | None = None


def fetch(vendor: Vendor, calendar: SessionCalendar, settings: Settings, *, most_s: float = float("inf")) -> Fetched:
    """Makes the calls that are due until none is or `most_s` is over. Raises VendorRefused after the call is put back and told of."""
    fetched, began = Fetched(), time.monotonic()
    while fetched.waits is None and time.monotonic() - began < most_s and not stopping.requested():
        with transaction(Role.IPO_MONITOR) as session:
            call = calls.claim(session, settings.lease_s)
        if call is None:
            break
        try:
            _make(call, vendor, calendar, settings, fetched)
        except LeaseLost as lost:
            log.warning("repair's call lost", call=str(call), reason=str(lost))
    return fetched


def _make(call: RepairCall, vendor: Vendor, calendar: SessionCalendar, settings: Settings, fetched: Fetched) -> None:
    """One claimed call, and what to do when it fails."""
    if call.attempts > settings.max_attempts:
        _without_answer(call, f"its worker ended {call.attempts - 1} times in the middle")
        fetched.ended += 1
        return
    try:
        _ask(call, vendor, calendar)
    except LeaseLost:  # the caller's to tell: it may come of giving up too
        raise
    except TryAgain as trouble:
        with transaction(Role.IPO_MONITOR) as session:
            pause = calls.put_back(session, call, str(trouble), trouble.after_s)
        log.warning("repair's call waits", call=str(call), reason=str(trouble), seconds=round(pause, 1))
        fetched.waits = type(trouble)(str(trouble), pause)
    except BadAnswer as error:
        log.warning("vendor's answer refused", call=str(call), reason=str(error), attempt=call.attempts)
        if call.attempts >= settings.max_attempts:
            _without_answer(call, str(error))
            fetched.ended += 1
        else:
            with transaction(Role.IPO_MONITOR) as session:
                calls.try_later(session, call, str(error))
    except PlanLacks as error:
        _without_answer(call, str(error))
        with transaction(Role.IPO_MONITOR) as session:
            _report_refused(session, call, error, "high", {"plan_lacks": call.endpoint or call.action.value})
        fetched.ended += 1
    except Stop as error:
        with transaction(Role.IPO_MONITOR) as session:
            calls.put_back(session, call, str(error), REFUSED_PAUSE_S)
            calls.put_all_off(session, REFUSED_PAUSE_S)
            _report_refused(session, call, error, "critical", {"calls": "repairs"})
        raise
    else:
        fetched.ended += 1


def _report_refused(session: Session, call: RepairCall, error: Stop, severity: str, evidence: dict[str, Any]) -> None:
    operational.report_once(
        session, check="vendor_refused", severity=severity, day=call.last, reported_by=Service.IPO_MONITOR,
        message=str(error), evidence=evidence,
    )  # fmt: skip


def _ask(call: RepairCall, vendor: Vendor, calendar: SessionCalendar) -> None:
    if call.action is Action.LOOK_UP_SPLIT:
        first, last = call.first - NEAR, call.last + NEAR
        splits = vendor.splits(first, last)
        with transaction(Role.IPO_MONITOR) as session:
            calls.hold(session, call)
            refresh_splits(session, splits, first, last)
            _store_splits(session, call, splits)
    elif call.ticker is None and not call.grouped:
        _without_answer(call, NAMELESS)
    elif call.action is Action.CHECK_LISTING:
        _check_listing(call, vendor)
    else:
        if call.grouped:
            answer = vendor.grouped_bars(call.first)
        else:
            assert call.ticker is not None
            answer = vendor.range_bars(call.ticker, call.first, call.last)
        with transaction(Role.IPO_MONITOR) as session:
            calls.hold(session, call)
            _store_bars(session, call, answer, calendar)


def _store_bars(session: Session, call: RepairCall, answer: BarsAnswer, calendar: SessionCalendar) -> None:
    """The answer's bars become the requests' candidates; nothing else of it is kept but its load."""
    asked = Asked(
        None if call.grouped else call.ticker, call.first, call.last, frozenset(calendar.between(call.first, call.last))
    )
    wanted = [(one.ticker, one.session, one.symbol_id) for one in call.requests if one.ticker is not None]
    parsed = parse(answer.rows, asked, pl.DataFrame(wanted, schema=WANTED, orient="row").unique())
    load = note_load(session, answer, asked, parsed, "repair")
    found = {
        one.id: bar_of(parsed.bars, one.symbol_id, one.session, source=SOURCE, load_id=load.id) for one in call.requests
    }
    _store(session, call, State.ANSWERED, found, load_id=load.id)


def _store_splits(session: Session, call: RepairCall, splits: tuple[Split, ...]) -> None:
    found = {one.id: {"splits": splits_near(splits, one.ticker, one.session)} for one in call.requests}
    _store(session, call, State.DONE, found)


def _check_listing(call: RepairCall, vendor: Vendor) -> None:
    ticker = call.ticker
    assert ticker is not None
    details, changes = vendor.details(ticker), vendor.ticker_changes(ticker)
    with transaction(Role.IPO_MONITOR) as session:
        calls.hold(session, call)
        found = {one.id: standing(details, changes, ticker, one.session) for one in call.requests}
        _store(session, call, State.DONE, found)


def _without_answer(call: RepairCall, why: str) -> None:
    """There is nothing to be had, now or later."""
    with transaction(Role.IPO_MONITOR) as session:
        calls.hold(session, call)
        state = State.ANSWERED if call.action is Action.REFETCH else State.DONE
        _store(session, call, state, {}, error=why)
    log.warning("repair without an answer", call=str(call), reason=why)


def _store(
    session: Session,
    call: RepairCall,
    state: State,
    found: Mapping[int, dict[str, Any] | None],
    *,
    load_id: int | None = None,
    error: str | None = None,
) -> None:
    days: Mapping[Any, Day] = (
        read_days(session, sorted({one.key for one in call.requests})) if state is State.ANSWERED else {}
    )
    session.execute(
        _ANSWERED,
        {
            "state": state.value, "load": load_id, "error": error, "ids": call.ids,
            "olds": [_json(days.get(one.key)) for one in call.requests],
            "news": [_json(found.get(one.id)) for one in call.requests],
        },
    )  # fmt: skip


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value)
