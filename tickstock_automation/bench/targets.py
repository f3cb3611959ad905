"""The targets, and whether figures meet them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_RATIO = 10.0


@dataclass(frozen=True)
class Target:
    """A figure beside what it must and should be."""

    name: str
    measured: float | None
    must: float
    aim: float
    unit: str
    less_is_better: bool = True
    excused: bool = False

    @property
    def meets_must(self) -> bool:
        return self.excused or self._within(self.must)

    @property
    def meets_aim(self) -> bool:
        return self._within(self.aim)

    def _within(self, bound: float) -> bool:
        if self.measured is None:
            return False
        return self.measured <= bound if self.less_is_better else self.measured >= bound


def event_targets(found: Mapping[str, Any]) -> list[Target]:
    """The targets for what `bench events` found. The p99 is good as well within ten times a bare publish's."""
    delivery, ratio_p99 = found["delivery"], found["ratio_p99"]
    near = ratio_p99 is not None and ratio_p99 <= MOST_RATIO
    ratio = delivery["delivered_ratio"]
    return [
        Target("commit to delivery, p50", delivery["p50_ms"], 2, 1.3, "ms"),
        Target("commit to delivery, p95", delivery["p95_ms"], 4, 2, "ms"),
        Target("commit to delivery, p99", delivery["p99_ms"], 8, 4, "ms", excused=near),
        Target("delivered", None if ratio is None else ratio * 100, 100, 100, "%", less_is_better=False),
        Target("sustained", found["sustained_per_s"], 8_000, 20_000, "events/s", less_is_better=False),
    ]


def load_targets(found: Mapping[str, Any]) -> list[Target]:
    """The targets for what `bench load` found."""
    calls = found["calls_minimum"]
    return [
        Target(
            "vendor's JSON to committed", found["committed_rows_per_s"], 50_000, 100_000, "rows/s", less_is_better=False
        ),
        Target("pure COPY of it", found["copy_rows_per_s"], 100_000, 150_000, "rows/s", less_is_better=False),
        Target("vendor calls", found["calls"], calls, calls, "calls"),
    ]


def queue_targets(found: Mapping[str, Any]) -> list[Target]:
    """The targets for what `bench queue` found."""
    memory = found["rss_mb"]
    first, last = memory.values()
    return [
        Target("queue to checked and told", found["symbols_per_s"], 850, 5_000, "symbols/s", less_is_better=False),
        Target("success", found["success"] * 100, 100, 100, "%", less_is_better=False),
        Target("SQL functions under load, mean", found["db_mean_ms"], 5, 2, "ms"),
        Target("SQL functions under load, p95", found["db_p95_ms"], 12, 5, "ms"),
        Target("a worker's memory, 10,000 tasks over 1,000", round(last / first, 2), 1.1, 1.02, ""),
    ]


# the figure's name in `bench quality`, in words, must, aim, unit, what it is multiplied by
QUALITY: tuple[tuple[str, str, float, float, str, float], ...] = (
    ("plain_found", "plain faults found", 99, 100, "%", 100),
    ("plain_called", "plain faults called errors", 99, 100, "%", 100),
    ("subtle_found", "subtle faults found", 95, 98, "%", 100),
    ("subtle_called", "subtle faults called errors", 85, 95, "%", 100),
    ("false_errors_per_1000", "false errors", 0.02, 0.01, "in 1,000", 1),
    ("findings_per_1000", "all findings", 5, 3, "in 1,000", 1),
)


def quality_targets(figures: Mapping[str, Any]) -> list[Target]:
    """The targets for figures of `bench quality`, for the mean over the halves, in the order of QUALITY."""
    targets = []
    for key, name, must, aim, unit, times in QUALITY:
        mean = figures[key]["mean"]
        targets.append(Target(name, None if mean is None else mean * times, must, aim, unit, less_is_better=times == 1))
    return targets
