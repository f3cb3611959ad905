"""Doing what was decided: the bar is changed, marked or put back, in one transaction with its correction and its request."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import structlog
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from tickstock_automation.bars.models import BarCorrection, Load
from tickstock_automation.bars.repair.days import Key, lock_days, read_days, write_days
from tickstock_automation.bars.repair.life import Action, State
from tickstock_automation.bars.repair.outcome import NEEDED, Change, Day, Decided, has_bar, outcome
from tickstock_automation.bars.session_state import settle
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role

MOST = 500
PERSONAL = frozenset({Action.FIX, Action.DELETE, Action.MARK, Action.UNDO})
ENDPOINT = "by_hand"
REASONS = {Action.REFETCH: "repair", Action.FIX: "by hand", Action.DELETE: "by hand", Action.UNDO: "undo"}

log = structlog.get_logger("repair")

_DECIDED = text("""
SELECT r.id, r.symbol_id, r.session, r.action, r.state, r.reason, r.mark, r.old, r.new, r.author, r.undo_of, r.load_id,
       to_jsonb(now()) #>> '{}' AS at, u.action AS undoes, u.old AS undoes_old, u.new AS undoes_new
  FROM repair_requests r LEFT JOIN repair_requests u ON u.id = r.undo_of
 WHERE r.state IN ('accepted', 'refused') ORDER BY r.id LIMIT :most FOR UPDATE OF r SKIP LOCKED""")

_END = text("""
UPDATE repair_requests r
   SET state = e.state, old = e.old, new = e.new, error_message = coalesce(e.error, r.error_message),
       load_id = coalesce(r.load_id, e.load), completed_at = clock_timestamp()
  FROM unnest(CAST(:ids AS bigint[]), CAST(:states AS text[]), CAST(:olds AS text[])::jsonb[], CAST(:news AS text[])::jsonb[],
              CAST(:errors AS text[]), CAST(:loads AS bigint[])) AS e (id, state, old, new, error, load)
 WHERE r.id = e.id""")

_UNDONE = text("UPDATE repair_requests SET state = 'undone' WHERE id = ANY (:ids)")
_UPDATED = text("""
UPDATE loads l SET updated = l.updated + n.bars
  FROM (SELECT load, count(*) AS bars FROM unnest(CAST(:loads AS bigint[])) AS x (load) GROUP BY load) n WHERE l.id = n.load""")


@dataclass(frozen=True)
class _Row:
    """A locked request: what was decided, by whom, and the load it names."""

    decided: Decided
    day: date
    author: str
    undo_of: int | None
    load_id: int | None
    at: str

    @property
    def key(self) -> Key:
        return (self.decided.symbol_id, self.day)


def apply_decided() -> int:
    """Does all that is accepted or refused; gives how many requests ended. Each batch is one transaction."""
    ended = 0
    while True:
        with transaction(Role.IPO_MONITOR) as session:
            done = _batch(session)
        if not done:
            return ended
        ended += done


def _batch(session: Session) -> int:
    rows = _first_of_each_day([_row(found) for found in session.execute(_DECIDED, {"most": MOST})])
    if not rows:
        return 0
    keys = sorted(row.key for row in rows)
    lock_days(session, keys)
    days = read_days(session, keys)
    rows = _with_loads(session, rows)
    changes = [outcome(row.decided, days[row.key], at=row.at, load_id=row.load_id) for row in rows]
    write_days(session, {row.key: change.new for row, change in zip(rows, changes, strict=True) if change.writes})
    _end(session, rows, changes)
    _correct(session, rows, changes)
    moved = [row.day for row, change in zip(rows, changes, strict=True) if has_bar(change.old) != has_bar(change.new)]
    settle(session, moved)
    for row, change in zip(rows, changes, strict=True):
        log.info(
            "repair ended", repair=row.decided.id, action=row.decided.action.value, state=change.state.value,
            session=str(row.day), symbol_id=row.decided.symbol_id, error=change.error,
        )  # fmt: skip
    return len(rows)


def _row(row: Any) -> _Row:
    decided = Decided(
        id=row.id, symbol_id=row.symbol_id, session=row.session.isoformat(), action=Action(row.action),
        state=State(row.state), reason=row.reason, mark=row.mark, old=row.old, new=row.new,
        undoes=row.undoes and Action(row.undoes), undoes_old=row.undoes_old,
        undoes_new=row.undoes_new,
    )  # fmt: skip
    return _Row(decided, row.session, row.author, row.undo_of, row.load_id, row.at)


def _first_of_each_day(rows: Sequence[_Row]) -> list[_Row]:
    """Two repairs of one day are done one after the other."""
    first: dict[Key, _Row] = {}
    for row in rows:
        first.setdefault(row.key, row)
    return list(first.values())


def _with_loads(session: Session, rows: Sequence[_Row]) -> list[_Row]:
    """A person's word is written down as a load, so that each bar names where it came from."""
    personal = [row for row in rows if row.decided.action in PERSONAL]
    if not personal:
        return list(rows)
    values = [
        {
            "endpoint": ENDPOINT, "answer_hash": "", "rows": 0, "job": f"repair:{row.decided.id}",
            "arguments": {"action": row.decided.action.value, "author": row.author, "reason": row.decided.reason},
        }
        for row in personal
    ]  # fmt: skip
    ids = session.scalars(insert(Load).returning(Load.id, sort_by_parameter_order=True), values).all()
    by_request = {row.decided.id: id_ for row, id_ in zip(personal, ids, strict=True)}
    return [replace(row, load_id=by_request.get(row.decided.id, row.load_id)) for row in rows]


def _end(session: Session, rows: Sequence[_Row], changes: Sequence[Change]) -> None:
    session.execute(
        _END,
        {
            "ids": [row.decided.id for row in rows], "states": [change.state.value for change in changes],
            "olds": [json.dumps(change.old) for change in changes],
            "news": [json.dumps(_after(row, change)) for row, change in zip(rows, changes, strict=True)],
            "errors": [change.error for change in changes], "loads": [row.load_id for row in rows],
        },
    )  # fmt: skip
    undone = [
        row.undo_of for row, change in zip(rows, changes, strict=True) if row.undo_of and change.state == State.APPLIED
    ]
    if undone:
        session.execute(_UNDONE, {"ids": undone})
    used = [
        row.load_id for row, change in zip(rows, changes, strict=True)
        if row.decided.action is Action.REFETCH and change.state == State.APPLIED
    ]  # fmt: skip
    if used:
        session.execute(_UPDATED, {"loads": used})


def _after(row: _Row, change: Change) -> Day | None:
    """Of what was changed, the day after; of the rest, what the vendor or the person had to say."""
    return change.new if change.writes else row.decided.new


def _correct(session: Session, rows: Sequence[_Row], changes: Sequence[Change]) -> None:
    """Values that were changed stand with all other corrections; a mark changes none."""
    values = [
        {
            "symbol_id": row.decided.symbol_id, "session": row.day, "old": _values(change.old, "load_id"),
            "new": _values(change.new), "reason": REASONS[row.decided.action], "load_id": row.load_id,
            "repair_id": row.decided.id,
        }
        for row, change in zip(rows, changes, strict=True)
        if change.writes and _values(change.old) != _values(change.new)
    ]  # fmt: skip
    if values:
        session.execute(insert(BarCorrection), values)


def _values(day: Day, *more: str) -> Day:
    return {name: day[name] for name in (*NEEDED, *more)} if has_bar(day) else {}
