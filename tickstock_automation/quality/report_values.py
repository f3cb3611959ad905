"""What the report of a day holds, and what is worked out from it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from tickstock_automation.quality.figures import Against, Figures, against
from tickstock_automation.quality.findings import SEVERITIES

SESSIONS = 60
BAR_FIELDS = ("open", "high", "low", "close", "volume")
MISSING = "missing_session"
AGES = ((0, "this session"), (1, "1 session ago"), (5, "2 to 5 sessions ago"), (20, "6 to 20 sessions ago"))
OLDER = "over 20 sessions ago"


@dataclass(frozen=True)
class Day:
    """One session: how complete its bars are by now, and its findings by severity, those about the system too."""

    session: date
    completeness: float | None
    findings: int
    by_severity: Mapping[str, int]


@dataclass(frozen=True)
class CheckLine:
    """One check today, beside the days before; `findings` of each session of the report, oldest first."""

    check: str
    today: Against
    by_severity: Mapping[str, int]
    open: int
    repaired: int
    findings: Sequence[int]


@dataclass(frozen=True)
class PlottedBar:
    """A bar as traded: USD and shares."""

    date: date
    low: float
    high: float
    close: float
    volume: float


@dataclass(frozen=True)
class WorstFinding:
    """One of the worst, as it is by now, with the bars around it (none where it is about no symbol).

    `alike`: count of other alerts of the same symbol and check that nobody had settled on the day.
    """

    alert_id: int
    symbol: str | None
    session: date | None
    check: str
    severity: str
    verdict: str
    state: str
    words: str
    expected: float | None
    by_volume: bool
    alike: int = 0
    bars: Sequence[PlottedBar] = ()


@dataclass(frozen=True)
class Repair:
    """A bar that was put right or that the vendor changed. `check`: what had found it wrong (None: nothing had).

    `old`, `new`: the bar's fields, empty where there was or is no bar; no `old` where no change of it is kept.
    """

    symbol: str
    session: date
    check: str | None
    reason: str
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None

    def changes(self) -> dict[str, tuple[Any, Any]]:
        """The fields that differ, with what they were and are."""
        if not self.old or not self.new:
            return {}
        pairs = {name: (self.old.get(name), self.new.get(name)) for name in BAR_FIELDS}
        return {name: (old, new) for name, (old, new) in pairs.items() if old != new}


@dataclass(frozen=True)
class AgeLine:
    """How many alerts nobody has settled for so long, by severity."""

    age: str
    by_severity: Mapping[str, int]


@dataclass(frozen=True)
class SymbolLine:
    """One symbol over the last thirty summaries; `open` as the day's summary counted it."""

    symbol: str
    name: str | None
    findings: int
    repaired: int
    open: int
    by_check: Mapping[str, int]


@dataclass(frozen=True)
class Report:
    """One day: its summary's figures and what lies behind them. `days` oldest first, the day itself last."""

    session: date
    summed_up_at: datetime
    state: str | None
    figures: Figures
    compared: Mapping[str, Against]
    days: Sequence[Day]
    checks: Sequence[CheckLine]
    worst: Sequence[WorstFinding]
    repairs: Sequence[Repair]
    repairs_in_all: int
    ages: Sequence[AgeLine]
    symbols: Sequence[SymbolLine]


def day_of(session: date, completeness: float | None, figures: Figures, checks: Mapping[str, Figures]) -> Day:
    """From the figures of a session's summary and of its checks."""
    counted: Counter[str] = Counter()
    for one in checks.values():
        counted.update(one.get("by_severity", {}))
    severities: dict[str, int] = {name: counted[name] for name in SEVERITIES if counted[name]}
    return Day(session, completeness, int(figures.get("findings", 0)), severities)


def check_lines(by_day: Sequence[Mapping[str, Figures]]) -> list[CheckLine]:
    """A line for each check that said anything in these sessions (oldest first), the most findings first."""
    lines = []
    for check in sorted({name for day in by_day for name in day}):
        rows = [{"findings": 0} | dict(day.get(check, {})) for day in by_day]
        today, before = rows[-1], rows[-2::-1]
        lines.append(
            CheckLine(
                check=check, today=against("findings", today, before), by_severity=today.get("by_severity", {}),
                open=today.get("open", 0), repaired=today.get("repaired", 0), findings=[row["findings"] for row in rows],
            )
        )  # fmt: skip
    return sorted(lines, key=lambda one: (-one.today.today, -one.open, -sum(one.findings), one.check))


def age_lines(counts: Iterable[tuple[int | None, str, int]]) -> list[AgeLine]:
    """A line for each span of AGES that has alerts. `counts`: sessions since it was found (None: before all), severity, count."""
    spans: dict[str, Counter[str]] = {name: Counter() for name in (*(name for _, name in AGES), OLDER)}
    for sessions, severity, number in counts:
        name = OLDER if sessions is None else next((name for most, name in AGES if sessions <= most), OLDER)
        spans[name][severity] += number
    return [
        AgeLine(name, {one: counted[one] for one in SEVERITIES if counted[one]})
        for name, counted in spans.items()
        if counted.total()
    ]


def nearest(wanted: date, known: Sequence[date]) -> list[date]:
    """The last of `known` (rising) before `wanted`, and the first after it."""
    before, after = [one for one in known if one < wanted], [one for one in known if one > wanted]
    return before[-1:] + after[:1]
