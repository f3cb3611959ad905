"""What a day's findings, repairs and bars come to: of the whole session, of each check, of each symbol. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from tickstock_automation.quality.findings import SEVERITIES

MEAN_OF = 30
COMPARED = ("findings", "repaired", "completeness", "lagging", "open")
"""Figures of a summary that are held against the one before and the mean of the last thirty."""

Figures = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """How many findings of one kind are new. `system`: about the system or the vendor, not about bars."""

    symbol_id: int | None
    check: str
    verdict: str
    severity: str
    system: bool
    number: int


@dataclass(frozen=True)
class Open:
    """How many alerts of one kind nobody has settled: open, being put right, or given up."""

    symbol_id: int | None
    check: str
    state: str
    severity: str
    number: int


@dataclass(frozen=True)
class Repaired:
    """One bar that was put right, and the check that had found it."""

    symbol_id: int | None
    session: date | None
    check: str


@dataclass(frozen=True)
class Lag:
    """A symbol without a bar of the day: its newest one, and how many sessions have none since (None: it has no bar)."""

    symbol_id: int
    newest: date | None
    behind: int | None


@dataclass(frozen=True)
class DayMaterial:
    """What a summary is made of. `expected`: bars that there should be, without those known not to exist."""

    checked: int
    found: Sequence[Found]
    open: Sequence[Open]
    repaired: Sequence[Repaired]
    corrected: int
    expected: int
    present: int
    newest_bar: date | None
    lags: Sequence[Lag]

    @property
    def completeness(self) -> float:
        return min(1.0, self.present / self.expected) if self.expected else 1.0


@dataclass(frozen=True)
class Against:
    """A figure of today, of the summary before it, and the mean of those before it, thirty at most (None: none has it)."""

    today: float
    yesterday: float | None
    mean_30: float | None

    @property
    def change(self) -> float | None:
        return None if self.yesterday is None else self.today - self.yesterday


def session_figures(day: DayMaterial) -> Figures:
    """Of the whole session, as `quality_metrics` keeps them under the scope `summary`."""
    return {
        "checked": day.checked,
        "findings": sum(one.number for one in day.found),
        "by_check": _sums((one.check, one.number) for one in day.found),
        "by_verdict": _sums((one.verdict, one.number) for one in day.found if not one.system),
        "by_severity": _by_severity((one.severity, one.number) for one in day.found if not one.system),
        "system": sum(one.number for one in day.found if one.system),
        "repaired": len({(one.symbol_id, one.session) for one in day.repaired}),
        "repaired_by_check": _sums((one.check, 1) for one in set(day.repaired)),
        "corrected": day.corrected,
        "bars_present": day.present,
        "bars_expected": day.expected,
        "completeness": day.completeness,
        "newest_bar": day.newest_bar.isoformat() if day.newest_bar else None,
        "lagging": len(day.lags),
        "without_bars": sum(one.newest is None for one in day.lags),
        "open": sum(one.number for one in day.open),
        "open_by_state": _sums((one.state, one.number) for one in day.open),
        "open_by_severity": _by_severity((one.severity, one.number) for one in day.open),
    }


def check_figures(day: DayMaterial) -> dict[str, Figures]:
    """Of each check that found something, has something open, or whose findings were repaired."""
    found, open_ = _grouped(day.found, lambda one: one.check), _grouped(day.open, lambda one: one.check)
    repaired = Counter(one.check for one in set(day.repaired))
    return {
        check: {
            "findings": sum(one.number for one in found[check]),
            "by_verdict": _sums((one.verdict, one.number) for one in found[check]),
            "by_severity": _by_severity((one.severity, one.number) for one in found[check]),
            "open": sum(one.number for one in open_[check]),
            "repaired": repaired[check],
        }
        for check in sorted({*found, *open_, *repaired})
    }


def symbol_figures(day: DayMaterial) -> dict[int, Figures]:
    """Of each symbol of which there is something to say: findings, open alerts, repairs, a bar that lacks."""
    found = _grouped(day.found, lambda one: one.symbol_id)
    open_ = _grouped(day.open, lambda one: one.symbol_id)
    repaired = Counter(id_ for id_, _ in {(one.symbol_id, one.session) for one in day.repaired})
    lags = {one.symbol_id: one for one in day.lags}
    told: dict[int, Figures] = {}
    for id_ in sorted({id_ for id_ in {*found, *open_, *repaired, *lags} if id_ is not None}):
        told[id_] = {
            "findings": sum(one.number for one in found[id_]),
            "by_check": _sums((one.check, one.number) for one in found[id_]),
            "open": sum(one.number for one in open_[id_]),
            "open_by_severity": _by_severity((one.severity, one.number) for one in open_[id_]),
            "repaired": repaired[id_],
        }
        if (lag := lags.get(id_)) is not None:
            told[id_] |= {
                "newest_bar": lag.newest.isoformat() if lag.newest else None, "sessions_behind": lag.behind,
            }  # fmt: skip
    return told


def compare(today: Figures, before: Sequence[Figures]) -> dict[str, Against]:
    """The figures COMPARED that today has. `before`: the summaries' figures before it, newest first."""
    return {name: against(name, today, before) for name in COMPARED if today.get(name) is not None}


def against(name: str, today: Figures, before: Sequence[Figures]) -> Against:
    """One figure. A summary of an earlier version, that lacks it, counts for nothing."""
    values = [float(one[name]) for one in before[:MEAN_OF] if one.get(name) is not None]
    newest = before[0].get(name) if before else None
    return Against(
        today=float(today[name]),
        yesterday=None if newest is None else float(newest),
        mean_30=sum(values) / len(values) if values else None,
    )


def _sums(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """By name, in the names' order."""
    counted: Counter[str] = Counter()
    for name, number in pairs:
        counted[name] += number
    return dict(sorted(counted.items()))


def _by_severity(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """By severity, from low to critical."""
    counted = _sums(pairs)
    return {name: counted[name] for name in SEVERITIES if name in counted}


def _grouped(rows: Iterable[Any], by: Any) -> Mapping[Any, list[Any]]:
    groups: dict[Any, list[Any]] = defaultdict(list)
    for one in rows:
        groups[by(one)].append(one)
    return groups
