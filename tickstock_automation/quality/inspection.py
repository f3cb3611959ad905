"""Looking at alerts: which there are, one with all that is known of it, and every check's view of a symbol's day. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select, text
from sqlalchemy.orm import Session

from tickstock_automation.errors import NotFound
from tickstock_automation.quality.models import AlertStep, QualityAlert
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.symbols.models import Symbol

Row = dict[str, Any]
BEFORE, AFTER = 30, 8
"""Sessions around an alert's that are shown with it."""
UNSETTLED = ("open", "remediating", "given_up")
"""The states in which an alert wants something of somebody."""

FIGURES = ("open", "high", "low", "close", "volume")

_BARS = text("""
SELECT date, open, high, low, close, volume FROM historical_data
 WHERE symbol_id = :id AND date BETWEEN :first AND :last ORDER BY date""")

_REPAIRS = text("""
SELECT id, action, state, old, new, author, error_message, created_at, completed_at FROM repair_requests
 WHERE alert_id = :id ORDER BY id""")

_COLUMNS = (
    QualityAlert.id, Symbol.ticker.label("symbol"), QualityAlert.session, QualityAlert.check_name.label("check"),
    QualityAlert.channel, QualityAlert.severity, QualityAlert.verdict, QualityAlert.state, QualityAlert.observed,
    QualityAlert.expected, QualityAlert.threshold, QualityAlert.remediation, QualityAlert.evidence, QualityAlert.opened_at,
    QualityAlert.updated_at, QualityAlert.closed_at, QualityAlert.acknowledged_by, QualityAlert.acknowledged_at,
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """Which alerts: those that are like all that is given; nothing given is all of them. `first`, `last`: sessions."""

    ids: Sequence[int] = ()
    checks: Sequence[str] = ()
    symbols: Sequence[str] = ()
    severities: Sequence[str] = ()
    verdicts: Sequence[str] = ()
    states: Sequence[str] = ()
    first: date | None = None
    last: date | None = None
    unseen: bool = False

    @property
    def is_anything(self) -> bool:
        """Whether nothing is asked of them."""
        return not self.conditions()

    def conditions(self) -> list[ColumnElement[bool]]:
        """The same for a statement that has Symbol beside QualityAlert."""
        columns: tuple[tuple[Any, Sequence[Any]], ...] = (
            (QualityAlert.id, self.ids), (QualityAlert.check_name, self.checks), (Symbol.ticker, self.symbols),
            (QualityAlert.severity, self.severities), (QualityAlert.verdict, self.verdicts), (QualityAlert.state, self.states),
        )  # fmt: skip
        found = [column.in_(list(values)) for column, values in columns if values]
        found += [QualityAlert.session >= self.first] if self.first else []
        found += [QualityAlert.session <= self.last] if self.last else []
        return found + ([QualityAlert.acknowledged_at.is_(None)] if self.unseen else [])


@dataclass(frozen=True)
class Whole:
    """One alert: its row, its steps, the repairs made for it, the bars around it, oldest first."""

    alert: Row
    steps: list[Row]
    repairs: list[Row]
    bars: list[Row]


def find_alerts(session: Session, wanted: Wanted, limit: int) -> tuple[list[Row], int]:
    """The worst first, then the newest sessions; and how many there are in all."""
    rows = _joined(wanted, *_COLUMNS)
    worst = case({"critical": 0, "high": 1, "medium": 2}, value=QualityAlert.severity, else_=3)
    ordered = rows.order_by(worst, QualityAlert.session.desc(), Symbol.ticker.nulls_first(), QualityAlert.id).limit(
        limit
    )
    found = [dict(row) for row in session.execute(ordered).mappings()]
    return found, len(found) if len(found) < limit else count_alerts(session, wanted)


def count_alerts(session: Session, wanted: Wanted) -> int:
    """How many alerts are like that."""
    return int(session.execute(_joined(wanted, func.count())).scalar_one())


def alert_ids(session: Session, wanted: Wanted) -> list[int]:
    """Their ids, in the order of their symbols."""
    return list(session.scalars(_joined(wanted, QualityAlert.id).order_by(QualityAlert.symbol_id, QualityAlert.id)))


def whole_alert(session: Session, id_: int, calendar: SessionCalendar) -> Whole:
    """All that is known of one alert; NotFound where there is none."""
    row = session.execute(_joined(Wanted(ids=[id_]), *_COLUMNS, QualityAlert.symbol_id)).mappings().first()
    if row is None:
        raise NotFound(f"there is no alert {id_}: `tickstock quality alerts` lists them")
    alert = dict(row)
    steps = select(AlertStep.state, AlertStep.verdict, AlertStep.author, AlertStep.words, AlertStep.taken_at)
    history = session.execute(steps.where(AlertStep.alert_id == id_).order_by(AlertStep.id)).mappings()
    repairs = session.execute(_REPAIRS, {"id": id_}).mappings()
    symbol_id = alert.pop("symbol_id")
    bars = bars_around(session, symbol_id, alert["session"], calendar) if symbol_id and alert["session"] else []
    return Whole(alert, [dict(one) for one in history], [dict(one) for one in repairs], bars)


def bars_around(session: Session, symbol_id: int, day: date, calendar: SessionCalendar) -> list[Row]:
    """The bars of some sessions before and after a day; between the first and the last, and on the day, without prices where
    there is none."""
    before = calendar.between(date.min, day)[-BEFORE:]
    after = calendar.following(day, AFTER + 1)
    span = {"first": min([*before, day]), "last": max([*after, day])}
    found = {row["date"]: dict(row) for row in session.execute(_BARS, {"id": symbol_id, **span}).mappings()}
    if not found:
        return []
    days = {*calendar.between(min(*found, day), max(*found, day)), *found, day}
    return [found.get(one, {"date": one, **dict.fromkeys(FIGURES)}) for one in sorted(days)]


def _joined(wanted: Wanted, *columns: Any) -> Select[Any]:
    found = select(*columns).select_from(QualityAlert).outerjoin(Symbol, Symbol.id == QualityAlert.symbol_id)
    return found.where(*wanted.conditions())
