"""Findings held against what was planted."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Protocol

import polars as pl

from tickstock_automation.bench.planting.plant import Fault, Planted

ERROR = "data_error"


class FindingLike(Protocol):
    """What a detector tells."""

    @property
    def symbol(self) -> str: ...
    @property
    def date(self) -> date: ...
    @property
    def check(self) -> str: ...
    @property
    def verdict(self) -> str: ...
    @property
    def evidence(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Told:
    """A fault and what was told of it. `days_found`: the share of its days that a finding stands on."""

    fault: Fault
    found: bool
    called: bool
    days_found: float
    days_called: float
    checks: tuple[str, ...]


@dataclass(frozen=True)
class Alarm:
    """A finding where nothing is wrong."""

    symbol: str
    day: date
    check: str
    verdict: str
    words: str


@dataclass(frozen=True)
class Score:
    """What was told of each fault, and what was told of clean symbol-days. `controls`: real moves and splits among these, with
    whether one was called an error."""

    told: list[Told]
    clean_days: int
    alarms: list[Alarm]
    controls: list[tuple[str, date, bool]] = field(default_factory=list)

    @property
    def false_errors(self) -> list[Alarm]:
        """The alarms that call good data wrong."""
        return [alarm for alarm in self.alarms if alarm.verdict == ERROR]

    @property
    def errors_per_1000(self) -> float | None:
        """False `data_error` for 1,000 clean symbol-days; None without such a day."""
        return 1000 * len(self.false_errors) / self.clean_days if self.clean_days else None

    @property
    def findings_per_1000(self) -> float | None:
        """Findings of any verdict for 1,000 clean symbol-days; None without such a day."""
        return 1000 * len(self.alarms) / self.clean_days if self.clean_days else None

    def of(self, *, kind: str | None = None, fault_class: str | None = None) -> list[Told]:
        """What was told of the faults of a kind or a class."""
        return [
            one for one in self.told
            if kind in (None, one.fault.kind) and fault_class in (None, one.fault.fault_class)
        ]  # fmt: skip

    def __add__(self, other: Score) -> Score:
        return Score(
            self.told + other.told, self.clean_days + other.clean_days, self.alarms + other.alarms,
            self.controls + other.controls,
        )  # fmt: skip


def score(findings: Iterable[FindingLike], planted: Planted, known_bad: pl.DataFrame) -> Score:
    """Counts. A fault is found where a finding stands on one of its days, for one of a single day also on the session after, and
    called where such a finding's verdict is `data_error`. Clean are the bars' days that are neither in `known_bad` (symbol,
    date) nor from the session before a fault to the session after it."""
    by_symbol: dict[str, list[FindingLike]] = defaultdict(list)
    for finding in findings:
        by_symbol[finding.symbol].append(finding)
    excused = _Excused(planted, known_bad)
    alarms = [
        Alarm(one.symbol, one.date, one.check, str(one.verdict), str(one.evidence.get("words", "")))
        for found in by_symbol.values() for one in found if not excused(one.symbol, one.date)
    ]  # fmt: skip
    wronged = {(alarm.symbol, alarm.day) for alarm in alarms if alarm.verdict == ERROR}
    days = planted.bars.select("symbol", "date").unique()
    controls = dict.fromkeys(planted.movers + planted.split_days)
    return Score(
        [_told(fault, by_symbol[fault.symbol], planted.sessions) for fault in planted.faults],
        sum(not excused(symbol, day) for symbol, day in days.iter_rows()),
        alarms,
        [(symbol, day, (symbol, day) in wronged) for symbol, day in controls if not excused(symbol, day)],
    )


class _Excused:
    """Which symbol-days count neither for nor against."""

    def __init__(self, planted: Planted, known_bad: pl.DataFrame) -> None:
        self._bad = set(known_bad.select("symbol", "date").iter_rows())
        self._spans: dict[str, list[tuple[date, date]]] = defaultdict(list)
        for fault in planted.faults:
            first, last = min(fault.days), max(fault.days)
            self._spans[fault.symbol].append((_before(planted.sessions, first), after(planted.sessions, last)))

    def __call__(self, symbol: str, day: date) -> bool:
        return (symbol, day) in self._bad or any(first <= day <= last for first, last in self._spans.get(symbol, ()))


def _told(fault: Fault, findings: list[FindingLike], sessions: list[date]) -> Told:
    """What findings of its symbol tell of a fault."""
    days = set(fault.days)
    near = days | {after(sessions, fault.days[0])} if len(days) == 1 else days
    hits = [one for one in findings if one.date in near]
    errors = {one.date for one in hits if one.verdict == ERROR}
    found = {one.date for one in hits}
    share = (
        (len(found & days) / len(days), len(errors & days) / len(days))
        if len(days) > 1
        else (bool(found), bool(errors))
    )
    checks = tuple(sorted({f"{one.check}/{one.verdict}" for one in hits}))
    return Told(fault, bool(found), bool(errors), float(share[0]), float(share[1]), checks)


def _before(sessions: list[date], day: date) -> date:
    at = bisect_left(sessions, day)
    return sessions[at - 1] if at else day - timedelta(days=1)


def after(sessions: list[date], day: date) -> date:
    """The session after a day; the next day where none is known."""
    at = bisect_right(sessions, day)
    return sessions[at] if at < len(sessions) else day + timedelta(days=1)
