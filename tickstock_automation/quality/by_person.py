"""A person's word on alerts: seen, confirmed (the data are right), resolved (nothing more is to be done)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import func, select, update

from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import NotFound
from tickstock_automation.quality.alerts import Step, take_steps
from tickstock_automation.quality.models import QualityAlert

AT_ONCE = 1_000
Word = Literal["confirm", "resolve"]


def require_alerts(ids: Sequence[int]) -> None:
    """NotFound where there is no such alert."""
    with transaction(Role.APP) as session:
        known = set(session.scalars(select(QualityAlert.id).where(QualityAlert.id.in_(list(ids)))))
    if lacking := [str(id_) for id_ in ids if id_ not in known]:
        raise NotFound(f"there is no alert {', '.join(lacking)}: `tickstock quality alerts` lists them")


def acknowledge(ids: Sequence[int], author: str) -> int:
    """Somebody has seen them: no step of their life, and no event. Gives how many nobody had seen before."""
    with transaction(Role.QUALITY_MONITOR) as session:
        seen = (
            update(QualityAlert)
            .values(acknowledged_by=author, acknowledged_at=func.now())
            .where(QualityAlert.id.in_(list(ids)), QualityAlert.acknowledged_at.is_(None))
        )
        return int(session.execute(seen).rowcount)  # type: ignore[attr-defined]


def decide(ids: Sequence[int], word: Word, author: str, reason: str) -> int:
    """Confirms or resolves, a thousand at a time; gives how many changed. No sweep takes it back while the bar stays the same."""
    changed = 0
    for start in range(0, len(ids), AT_ONCE):
        with transaction(Role.QUALITY_MONITOR) as session:
            changed += len(_take(session, ids[start : start + AT_ONCE], word, author, reason))
    return changed


def _take(session: ServiceSession, ids: Sequence[int], word: Word, author: str, reason: str) -> list[int]:
    state, verdict = ("confirmed", "market_event") if word == "confirm" else ("resolved", None)
    return take_steps(session, [Step(id_, state, author, reason, verdict, person=True) for id_ in ids])  # type: ignore[arg-type]
