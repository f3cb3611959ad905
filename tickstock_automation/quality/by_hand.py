"""What a person asks for: a bar set, deleted or marked, a repair undone. The bars service does it; here it is checked and asked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from tickstock_automation.bars.models import RepairRequest
from tickstock_automation.bars.repair.days import read_days
from tickstock_automation.bars.repair.life import CHANGED, Action, State
from tickstock_automation.bars.repair.outcome import NEEDED, Day, has_bar
from tickstock_automation.db.engine import ServiceSession
from tickstock_automation.errors import NotFound, UsedWrongly
from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.alerts import Step, take_steps
from tickstock_automation.quality.models import QualityAlert
from tickstock_automation.quality.remediation import BY_HAND_CHECK, in_words

_NEWER = text("""
SELECT id FROM repair_requests
 WHERE symbol_id = :symbol AND session = :day AND id > :id AND state IN ('accepted', 'applied', 'marked') AND action <> 'undo'
 ORDER BY id DESC LIMIT 1""")


@dataclass(frozen=True)
class Wish:
    """What a person wants of a symbol's session: new values, no bar at all, or a mark (True: suspect)."""

    values: Mapping[str, float] = field(default_factory=dict)
    delete: bool = False
    suspect: bool | None = None

    @property
    def action(self) -> Action:
        if self.delete:
            return Action.DELETE
        return Action.FIX if self.values else Action.MARK


def check_wish(wish: Wish, day: Day) -> None:
    """Raises UsedWrongly where the wish contradicts itself, or where the bar that it makes would. Pure."""
    if sum((bool(wish.values), wish.delete, wish.suspect is not None)) != 1:
        raise UsedWrongly("give new values, --delete, --suspect or --trust: one of them")
    if not has_bar(day):
        if wish.action is not Action.FIX:
            raise UsedWrongly("there is no bar of that day")
        lacking = [f"--{name}" for name in NEEDED if name not in wish.values]
        if lacking:
            raise UsedWrongly(f"there is no bar of that day: give {', '.join(lacking)} too")
    if wish.suspect is not None and wish.suspect == day.get("suspect"):
        raise UsedWrongly(
            "that bar is marked as suspect already" if wish.suspect else "that bar is not marked as suspect"
        )
    if wish.action is Action.FIX:
        _check_bar({name: wish.values.get(name, day.get(name)) for name in NEEDED})


def _check_bar(bar: Mapping[str, Any]) -> None:
    prices = {name: float(bar[name]) for name in NEEDED[:4]}
    bad = [name for name, price in prices.items() if not (math.isfinite(price) and price > 0)]
    if bad:
        raise UsedWrongly(f"{', '.join(bad)} must be above 0")
    if not math.isfinite(float(bar["volume"])) or float(bar["volume"]) < 0:
        raise UsedWrongly("volume must be 0 or more")
    if prices["high"] < max(prices.values()) or prices["low"] > min(prices.values()):
        said = ", ".join(f"{name} {price:g}" for name, price in prices.items())
        raise UsedWrongly(f"that would make a bar that contradicts itself: {said}")


def ask_by_hand(
    session: ServiceSession, symbol_id: int, day: date, wish: Wish, *, asked_on: date, author: str, reason: str
) -> int:
    """Asks for what a person wants of a bar, with the alert that tells of it; gives the repair's id. UsedWrongly where it cannot be."""
    [now] = read_days(session, [(symbol_id, day)]).values()
    check_wish(wish, now)
    words = f"asked for by {author}: {reason}"
    alert_id = _alert(session, symbol_id, day, now, words)
    new = dict(wish.values) if wish.values else {"suspect": wish.suspect} if wish.suspect is not None else None
    id_ = _insert(session, alert_id, symbol_id, day, wish.action, new, asked_on, author, reason)
    take_steps(session, [Step(alert_id, "remediating", author, words, person=True)])
    return id_


def _alert(session: ServiceSession, symbol_id: int, day: date, now: Day, words: str) -> int:
    """The one alert of all that people did to a symbol's day."""
    key = f"{BY_HAND_CHECK}:{symbol_id}:{day}"
    values = {
        "finding_key": key, "symbol_id": symbol_id, "session": day, "check_name": BY_HAND_CHECK,
        "channel": str(Channel.PRICE_ANOMALY), "severity": "low", "verdict": "data_error", "remediation": "none",
        "observed": now.get("close"), "evidence": {"words": f"{in_words(now)}, {words}", "measure": "a person's word"},
    }  # fmt: skip
    made = upsert(QualityAlert).values(values)
    renewed = made.on_conflict_do_update(
        index_elements=["finding_key"], set_={"evidence": made.excluded.evidence, "observed": made.excluded.observed}
    )
    return session.execute(renewed.returning(QualityAlert.id)).scalar_one()


def _insert(
    session: Session,
    alert_id: int | None,
    symbol_id: int,
    day: date,
    action: Action,
    new: Mapping[str, Any] | None,
    asked_on: date,
    author: str,
    reason: str,
    undo_of: int | None = None,
) -> int:
    row = {
        "alert_id": alert_id, "symbol_id": symbol_id, "session": day, "action": action.value, "state": State.ACCEPTED.value,
        "new": new, "asked_on": asked_on, "author": author, "reason": reason, "undo_of": undo_of,
    }  # fmt: skip
    return session.execute(insert(RepairRequest).values(row).returning(RepairRequest.id)).scalar_one()


def ask_undo(
    session: ServiceSession, repairs: Sequence[RepairRequest], *, asked_on: date, author: str, reason: str
) -> list[int]:
    """Asks for repairs to be undone; gives the ids of the requests. UsedWrongly, and nothing is asked, where one cannot be."""
    days = read_days(session, sorted({(one.symbol_id, one.session) for one in repairs}))
    for one in repairs:
        _check_undo(session, one, days[one.symbol_id, one.session])
    return [
        _insert(session, one.alert_id, one.symbol_id, one.session, Action.UNDO, None, asked_on, author, reason, one.id)
        for one in repairs
    ]


def _check_undo(session: Session, one: RepairRequest, now: Day) -> None:
    if one.action == Action.UNDO:
        raise UsedWrongly(
            f"repair {one.id} is itself an undo, and an undo is not undone: `tickstock quality fix` sets the bar"
        )
    if one.state == State.UNDONE:
        raise UsedWrongly(f"repair {one.id} is undone already")
    if one.state not in CHANGED:
        raise UsedWrongly(f"repair {one.id} is {one.state}: it changed no bar, so there is nothing to undo")
    newer = session.scalar(_NEWER, {"symbol": one.symbol_id, "day": one.session, "id": one.id})
    if newer is not None:
        raise UsedWrongly(f"repair {newer} changed that bar after repair {one.id}: undo that one first")
    if now != one.new:
        raise UsedWrongly(
            f"the bar was changed since repair {one.id} ({in_words(one.new)}, now {in_words(now)}): undoing it would lose that"
        )


def repair_of(session: Session, id_: int) -> RepairRequest:
    """A repair by its number; NotFound where there is none."""
    found = session.get(RepairRequest, id_, with_for_update=True)
    if found is None:
        raise NotFound(f"there is no repair {id_}: `tickstock quality repairs` lists them")
    return found


def repairs_of(session: Session, alert_id: int) -> list[RepairRequest]:
    """What was changed for an alert, of each bar the newest; NotFound where there is no such alert, UsedWrongly where nothing was."""
    if session.get(QualityAlert, alert_id) is None:
        raise NotFound(f"there is no alert {alert_id}")
    changed = select(RepairRequest).where(
        RepairRequest.alert_id == alert_id, RepairRequest.action != Action.UNDO.value,
        RepairRequest.state.in_(sorted(CHANGED)),
    )  # fmt: skip
    newest = {
        (one.symbol_id, one.session): one
        for one in session.scalars(changed.order_by(RepairRequest.id).with_for_update()).all()
    }
    if not newest:
        raise UsedWrongly(f"nothing was changed for alert {alert_id}, so there is nothing to undo")
    return list(newest.values())
