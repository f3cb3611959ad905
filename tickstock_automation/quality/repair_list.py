"""Repairs as a person reads them: what was asked, what came of it, from what to what. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from tickstock_automation.bars.models import RepairRequest
from tickstock_automation.symbols.models import Symbol, SymbolAlias

USUAL = 50


@dataclass(frozen=True)
class Repair:
    """One request. `old` and `new`: the day before and after, or what the vendor or a person says; `why`: of a failure or refusal."""

    id: int
    alert_id: int | None
    symbol: str
    session: date
    action: str
    state: str
    check: str | None
    endpoint: str | None
    reason: str
    author: str
    old: dict[str, Any] | None
    new: dict[str, Any] | None
    why: str | None
    undo_of: int | None
    load_id: int | None
    created_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True)
class Which:
    """Which repairs; None: whatever. `ticker`: of whoever has it or had it."""

    ids: Sequence[int] | None = None
    state: str | None = None
    ticker: str | None = None
    first: date | None = None
    last: date | None = None


def repairs(session: Session, which: Which, most: int = USUAL) -> list[Repair]:
    """The newest first."""
    one = RepairRequest
    query = select(
        one.id, one.alert_id, Symbol.ticker, one.session, one.action, one.state, one.check_name, one.endpoint, one.reason,
        one.author, one.old, one.new, one.error_message, one.undo_of, one.load_id, one.created_at, one.completed_at,
    ).join(Symbol, Symbol.id == one.symbol_id)  # fmt: skip
    rows: Iterable[Any] = session.execute(query.where(*_conditions(which)).order_by(one.id.desc()).limit(most))
    return [Repair(*row) for row in rows]


def _conditions(which: Which) -> list[ColumnElement[bool]]:
    one = RepairRequest
    found: list[ColumnElement[bool]] = []
    if which.ids is not None:
        found.append(one.id.in_(list(which.ids)))
    if which.state is not None:
        found.append(one.state == which.state)
    if which.ticker is not None:
        found.append(one.symbol_id.in_(select(SymbolAlias.symbol_id).where(SymbolAlias.ticker == which.ticker)))
    if which.first is not None:
        found.append(one.session >= which.first)
    if which.last is not None:
        found.append(one.session <= which.last)
    return found
