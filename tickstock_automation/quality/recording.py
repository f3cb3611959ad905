"""From a sweep's findings to alerts: what is new opens one, what is known takes a step or none, what is gone is resolved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from tickstock_automation.db.engine import ServiceSession
from tickstock_automation.events.outbox import MOST_SYMBOLS
from tickstock_automation.quality.alerts import KNOWN, open_alerts, see_again
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.lives import Known, decide
from tickstock_automation.quality.market_checks.finding import MarketFinding, market_key
from tickstock_automation.quality.models import QualityAlert
from tickstock_automation.quality.remediation import BY_HAND_CHECK

MOST_ALERTS = 5_000  # a transaction: what a killed worker has to do again
Transactions = Callable[[], AbstractContextManager[ServiceSession]]
"""A transaction that is refused where the work is another worker's by now."""


@dataclass
class Plan:
    """What is to be done with the alerts of one symbol."""

    new: list[Finding] = field(default_factory=list)
    seen: list[tuple[int, Finding | None]] = field(default_factory=list)


def known_alerts(session: Session, first: date, last: date, symbols: Collection[int] | None) -> list[Known]:
    """The alerts that checks opened on single symbols' sessions from `first` to `last`; of some symbols, None: of all."""
    found = select(*KNOWN).where(QualityAlert.session.between(first, last), QualityAlert.symbol_id.is_not(None))
    if symbols is not None and len(symbols) < MOST_SYMBOLS:
        found = found.where(QualityAlert.symbol_id.in_(symbols))
    own = symbols if symbols is None else set(symbols)
    rows = (Known(*row) for row in session.execute(found))
    return [one for one in rows if _is_checks(one) and (own is None or one.symbol_id in own)]


def known_market_alerts(session: Session, first: date, last: date) -> list[Known]:
    """The alerts that stand for the whole market on sessions from `first` to `last`."""
    found = select(*KNOWN).where(QualityAlert.session.between(first, last), QualityAlert.symbol_id.is_(None))
    rows = (Known(*row) for row in session.execute(found))
    return [one for one in rows if one.session and one.key == market_key(one.check, one.session)]


def plan_alerts(
    findings: Iterable[Finding], known: Iterable[Known], leave: Collection[str], *, resolve: bool = True
) -> dict[int, Plan]:
    """What is to be done, by symbol. `leave`: keys that are left as they are; without `resolve` so is what is gone. Pure."""
    plans: dict[int, Plan] = {}
    by_key = {one.key: one for one in findings}
    for alert in known:
        finding = by_key.pop(alert.key, None)
        if alert.key in leave or (finding is None and not resolve):
            continue
        if decide(alert, finding) is not None and alert.symbol_id is not None:
            plans.setdefault(alert.symbol_id, Plan()).seen.append((alert.id, finding))
    for key, finding in by_key.items():
        if key not in leave:
            plans.setdefault(finding.symbol_id, Plan()).new.append(finding)
    return plans


def record(plans: dict[int, Plan], transactions: Transactions) -> int:
    """Does it, in transactions of so many symbols as the outbox takes; gives how many alerts were opened."""
    opened = 0
    for chunk in _chunks(plans):
        with transactions() as session:
            opened += len(open_alerts(session, [one for plan in chunk for one in plan.new]))
            see_again(session, [one for plan in chunk for one in plan.seen])
    return opened


def record_market(
    findings: Sequence[MarketFinding], known: Sequence[Known], transactions: Transactions
) -> dict[str, int]:
    """The same for findings about the market, each in a transaction of its own; gives the ids of their alerts by key."""
    by_key = {one.key: one for one in findings}
    ids = {}
    for alert in known:
        finding = by_key.pop(alert.key, None)
        if finding is not None:
            ids[alert.key] = alert.id
        if decide(alert, finding) is not None:
            with transactions() as session:
                see_again(session, [(alert.id, finding)])
    for finding in by_key.values():
        with transactions() as session:
            ids |= {one.key: id_ for id_, one in open_alerts(session, [finding])}
    return ids


def _is_checks(alert: Known) -> bool:
    """Not one of a refused row's, of the system's or of a person's act: no sweep finds these again."""
    return alert.check != BY_HAND_CHECK and alert.key == f"{alert.check}:{alert.symbol_id}:{alert.session}"


def _chunks(plans: dict[int, Plan]) -> Iterable[list[Plan]]:
    chunk: list[Plan] = []
    alerts = 0
    for symbol_id in sorted(plans):
        chunk.append(plans[symbol_id])
        alerts += len(plans[symbol_id].new) + len(plans[symbol_id].seen)
        if len(chunk) == MOST_SYMBOLS or alerts >= MOST_ALERTS:
            yield chunk
            chunk, alerts = [], 0
    if chunk:
        yield chunk
