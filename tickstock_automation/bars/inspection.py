"""Where a bar came from, what it was before, or why there is none, for a person to read. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Executable, text
from sqlalchemy.orm import Session

from tickstock_automation.bars.absence import Absence, Call, Facts, explain
from tickstock_automation.bars.security import Security, security_on
from tickstock_automation.errors import NotFound
from tickstock_automation.sessions import FIRST_DAY, SessionCalendar, new_york_date

Row = dict[str, Any]

_BAR = text("""
SELECT open, high, low, close, volume, vwap, trade_count, flag, suspect, source, loaded_at, load_id
  FROM historical_data WHERE symbol_id = :id AND date = :day""")

_CORRECTIONS = text("""
SELECT corrected_at, reason, old, new, load_id FROM bar_corrections
 WHERE symbol_id = :id AND session = :day ORDER BY corrected_at DESC, id DESC""")

_REFUSED = text("""
SELECT reason, raw, created_at, load_id FROM quarantined_bars WHERE ticker = :ticker AND session = :day ORDER BY id DESC""")

_EMPTY = text("SELECT reason, found_at, load_id FROM known_empty WHERE symbol_id = :id AND session = :day")

_REQUESTS = text("""
SELECT reason, status, job_id, created_at, completed_at FROM bar_requests
 WHERE symbol_id = :id AND :day BETWEEN first_session AND last_session ORDER BY id DESC""")

_UNLOADED = text("""
SELECT outcome, reason, times, recorded_at, load_id FROM unloaded_bars
 WHERE symbol_id = :id AND session = :day AND NOT again""")

# The call that will bring it, as far as the plan goes.
_CALL = text("""
SELECT status, attempts, due_at, error_message FROM bar_calls
 WHERE status IN ('waiting', 'running') AND :day BETWEEN first_session AND last_session AND (endpoint = 'grouped' OR ticker = :ticker)
 ORDER BY status LIMIT 1""")

_ACTIONS = text("""
SELECT kind, split_from, split_to, cash_amount FROM corporate_actions WHERE symbol_id = :id AND ex_date = :day ORDER BY id""")

_LOADS = text("""
SELECT id, endpoint, arguments, answer_hash, job, loaded_at, rows, inserted, updated, unchanged, refused, not_asked
  FROM loads WHERE id = ANY (:ids)""")

_PARTITION = text("SELECT to_regclass(format('historical_data_%s', CAST(:year AS integer))) IS NOT NULL")


@dataclass(frozen=True)
class Provenance:
    """All that is known of one bar.

    bar: as stored, with the `load` that brought it; corrections: old and new values, newest first; refused_rows: what came
    for that ticker and day and was not stored, raw; known_empty; unloaded: why it could not be had; requests: that this bar is
    in, newest first; actions: with this ex-date; absence: why there is no bar. Each but `actions` and `requests` stands with its load.
    """

    ticker: str
    session: date
    security: Security
    bar: Row | None
    absence: Absence | None
    corrections: list[Row]
    refused_rows: list[Row]
    known_empty: Row | None
    unloaded: Row | None
    requests: list[Row]
    actions: list[Row]


def provenance(session: Session, ticker: str, day: date, calendar: SessionCalendar, now: datetime) -> Provenance:
    """Of the bar of whoever had `ticker` on `day`; NotFound where nobody had, or the day is outside the calendar."""
    if day < FIRST_DAY:
        raise NotFound(f"nothing is known of {day}: the exchange's calendar begins on {FIRST_DAY}")
    if day > new_york_date(now):
        raise NotFound(f"nothing is known of {day}: it is still to come")
    security = security_on(session, ticker, day)
    bars, corrections, refused, empty, unloaded, requests, calls, actions = (
        _rows(session, statement, id=security.id, day=day, ticker=ticker)
        for statement in (_BAR, _CORRECTIONS, _REFUSED, _EMPTY, _UNLOADED, _REQUESTS, _CALL, _ACTIONS)
    )
    _name_loads(session, [*bars, *corrections, *refused, *empty, *unloaded])
    absence = None
    if not bars:
        absence = explain(
            Facts(
                day,
                beside=None if calendar.is_session(day) else (calendar.before(day), calendar.after(day)),
                closed=day <= calendar.last_closed(now),
                list_date=security.list_date,
                delist_date=security.delist_date,
                empty=empty[0]["reason"] if empty else None,
                waiting=any(one["status"] == "waiting" for one in requests),
                call=Call(calls[0]["status"], calls[0]["due_at"], calls[0]["error_message"]) if calls else None,
                unloaded=f"{unloaded[0]['outcome']}: {unloaded[0]['reason']}" if unloaded else None,
                partition=_has_partition(session, day),
            )
        )
    return Provenance(
        ticker, day, security, bars[0] if bars else None, absence, corrections, refused, empty[0] if empty else None,
        unloaded[0] if unloaded else None, requests, actions,
    )  # fmt: skip


def _rows(session: Session, statement: Executable, **values: Any) -> list[Row]:
    return [dict(row) for row in session.execute(statement, values).mappings()]


def _name_loads(session: Session, rows: Sequence[Row]) -> None:
    """Puts into each row, in the place of its `load_id`, the load itself; a correction's old value has one too."""
    olds = [row["old"] for row in rows if isinstance(row.get("old"), dict) and "load_id" in row["old"]]
    ids = {row["load_id"] for row in [*rows, *olds]}
    loads = {row["id"]: row for row in _rows(session, _LOADS, ids=sorted(id_ for id_ in ids if id_ is not None))}
    for row in [*rows, *olds]:
        row["load"] = loads.get(row.pop("load_id"))


def _has_partition(session: Session, day: date) -> bool:
    return bool(session.execute(_PARTITION, {"year": day.year}).scalar_one())
