"""Days of a calm market, alerts opened as a check opens them, and their lives as remediation lives them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import pytest

from tests.builders import bar
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


def calm(name: str, number: int, day: date) -> tuple[object, ...]:
    """A bar that no check has a word for."""
    return bar(name, day, close=10 + 0.05 * (number * 7 % 5), volume=1000 + 13 * (number % 11))


@pytest.fixture
def market(build: Callable[..., System]) -> System:
    """Four calm symbols, of which BBB has no bar of SECOND; FIRST is loaded."""
    rows = [calm(name, at, day) for name in NAMES for at, day in enumerate(DAYS) if (name, day) != ("BBB", SECOND)]
    system = build(rows)
    system.free_pace()
    load(system, FIRST)
    return system


def find(system: System, *found: Kind, day: date = FIRST) -> list[int]:
    """Alerts of these symbols, checks, severities and verdicts, opened as a check opens them; gives their ids."""
    ids = dict(system.rows("SELECT ticker, id FROM symbols"))
    findings = [
        Finding(
            symbol_id=ids[symbol], symbol=symbol, date=day, check=check, channel=Channel.PRICE_ANOMALY, severity=severity,
            verdict=verdict, observed=None, expected=None, threshold=None, remediation="refetch", evidence={"words": "odd"},
        )
        for symbol, check, severity, verdict in found
    ]  # fmt: skip
    with transaction(Role.QUALITY_MONITOR) as session:
        return [id_ for id_, _ in open_alerts(session, findings)]


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
