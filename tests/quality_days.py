"""Days of a calm market, alerts opened as a check opens them, and their lives as remediation lives them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import date

import pytest

from tests.services import DAYS, System
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.events.catalogue import AlertState, Channel, Severity, Verdict
from tickstock_automation.quality.alerts import Step, open_alerts, take_steps
from tickstock_automation.quality.findings import Finding

FIRST, SECOND, THIRD = DAYS[30:33]
NAMES = ("AAA", "BBB", "CCC", "DDD")


Kind = tuple[str, str, Severity, Verdict]
"""Symbol, check, severity, verdict."""


def calm(name: str) -> Iterator[tuple[object, ...]]:
    """Bars that no check has a word for: a small walk, each opening about where the one before closed, no two alike."""
    chance = random.Random(name)
    close = 50.0
    for day in DAYS:
        first = close * (1 + chance.uniform(-0.002, 0.002))
        close = first * (1 + chance.uniform(-0.01, 0.01))
        high, low = (
            max(first, close) * (1 + chance.uniform(0.002, 0.01)),
            min(first, close) * (1 - chance.uniform(0.002, 0.01)),
        )
        prices = (round(price, 4) for price in (first, high, low, close))
        yield (name, day.isoformat(), *prices, round(100_000 * chance.uniform(0.7, 1.4)))


@pytest.fixture
def market(build: Callable[..., System]) -> System:
    """Four calm symbols, of which BBB has no bar of SECOND; FIRST is loaded."""
    rows = [row for name in NAMES for row in calm(name) if (name, row[1]) != ("BBB", str(SECOND))]
    system = build(rows)
    system.free_pace()
    load(system, FIRST)
    return system


def find(system: System, *found: Kind, day: date = FIRST) -> list[int]:
    """Alerts opened as a check opens them, under keys that no sweep knows: it would resolve what it does not find itself."""
    ids = dict(system.rows("SELECT ticker, id FROM symbols"))
    findings = [
        Finding(
            symbol_id=ids[symbol], symbol=symbol, date=day, check=check, channel=Channel.PRICE_ANOMALY, severity=severity,
            verdict=verdict, observed=None, expected=None, threshold=None, remediation="none", evidence={"words": "odd"},
        )
        for symbol, check, severity, verdict in found
    ]  # fmt: skip
    with transaction(Role.QUALITY_MONITOR) as session:
        opened = {one.key: id_ for id_, one in open_alerts(session, findings)}
    system.rows(
        "UPDATE quality_alerts SET finding_key = 'planted:' || id WHERE id = ANY (:ids) RETURNING 1",
        ids=list(opened.values()),
    )
    return [opened[one.key] for one in findings]


LEAP: Kind = ("AAA", "price_move", "high", "undetermined")
WRONG: Kind = ("CCC", "price_outlier", "critical", "data_error")
REAL: Kind = ("DDD", "price_move", "medium", "market_event")


def load(system: System, day: date) -> None:
    system.scan(day)
    system.backfill(day)
    system.eod(day)


def step(alerts: Sequence[int], *states: AlertState) -> None:
    """Takes these alerts through these states."""
    for state in states:
        with transaction(Role.QUALITY_MONITOR) as session:
            take_steps(session, [Step(id_, state, "remediation", "reloaded") for id_ in alerts])
