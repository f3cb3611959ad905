"""Thresholds chosen on one half of the symbols and seeds, and reported on the other: what the choosing itself is worth.

The procedure. Of each random half, faults are planted PLANTINGS times. From values by chance, whatever ships, each threshold in turn
takes the strictest value whose loss is within SLACK of the least (as Breiman et al. prune trees, "Classification and Regression
Trees", 1984: what a half cannot tell apart, it shall not loosen), until a round changes nothing, ROUNDS at most. Then the other
half of the symbols is planted with other seeds and judged, once by what was chosen and once by what ships.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import numpy as np

from tickstock_automation.bench.planting import Planted, Score, plant, score
from tickstock_automation.bench.planting.kinds import Prices
from tickstock_automation.bench.quality import false_errors, figures, half_of, over_halves
from tickstock_automation.bench.quality_bars import Source
from tickstock_automation.bench.thresholds import THRESHOLDS, Threshold, in_force
from tickstock_automation.quality.checks import CHECKS, Check
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context
from tickstock_automation.quality.judging import merged
from tickstock_automation.quality.table import table_context

PLANTINGS, ROUNDS = 12, 3
AT_ONCE = 2  # halves
CHOOSE, REPORT, BEGIN = 0, 1, 2  # seeds of the one, of the other, and of where the search begins
PLAIN_WEIGHT, FOUND_WEIGHT = 2.0, 0.5  # against a subtle fault not called
FALSE_WEIGHT = 2.0  # of one false error in 1,000: 0.02 weighs as much as a twenty-fifth of the subtle faults
SLACK = 0.001
MANY_FINDINGS, FINDINGS_WEIGHT = 4.0, 0.02

Values = dict[Threshold, float]


def tune_quality(
    source: Source, seed: int, halves: int, say: Callable[[str], None], *, prices: Prices = "adjusted",
    plantings: int = PLANTINGS, thresholds: Sequence[Threshold] = THRESHOLDS,
) -> dict[str, Any]:  # fmt: skip
    """Figures of `halves` random halves that had no part in the choosing, by the values chosen on the others (`chosen`) and by
    those that ship (`ships`); `false_errors`: by those chosen; `thresholds`: what each half chose; figures as `bench_quality`
    gives them."""
    jobs = [_Half(source, seed, number, prices, plantings, tuple(thresholds)) for number in range(halves)]
    found = []
    with ProcessPoolExecutor(min(AT_ONCE, halves), mp_context=get_context("spawn")) as processes:
        for number, one in enumerate(processes.map(_of_half, jobs), start=1):
            say(f"half {number} of {halves}: chosen on {one['chosen_on']} symbols, reported on {one['reported_on']}")
            found.append(one)
    choices = {threshold.path: [one["values"][threshold.path] for one in found] for threshold in thresholds}
    return {
        "source": source.name, "seed": seed, "halves": halves, "prices": prices, "plantings": plantings,
        "symbols": source.bars["symbol"].n_unique(), "bars": source.bars.height,
        "chosen": over_halves([one["chosen"] for one in found]), "ships": over_halves([one["ships"] for one in found]),
        "where_chosen": over_halves([one["where_chosen"] for one in found]),
        "false_errors": [row | {"half": number} for number, one in enumerate(found) for row in one["false_errors"]],
        "thresholds": [
            {
                "threshold": threshold.path, "tried": list(threshold.values), "ships": threshold.ships,
                "chosen": choices[threshold.path], "mostly": Counter(choices[threshold.path]).most_common(1)[0][0],
            }
            for threshold in thresholds
        ],
    }  # fmt: skip


@dataclass(frozen=True)
class _Half:
    source: Source
    seed: int
    number: int
    prices: Prices
    plantings: int
    thresholds: tuple[Threshold, ...]

    @property
    def by_chance(self) -> Values:
        """Where the search begins."""
        chance = np.random.default_rng([self.seed, self.number, BEGIN])
        return {threshold: float(chance.choice(threshold.values)) for threshold in self.thresholds}

    def cases(self, symbols: list[str], which: int) -> list[_Case]:
        """Plantings of these symbols."""
        part = self.source.only(symbols)
        lots = np.random.default_rng([self.seed, self.number, which, 77]).integers(2**31, size=self.plantings)
        return [
            _Case(plant(part.bars, part.splits, part.sessions, int(lot), known_bad=part.known_bad, prices=self.prices), part)
            for lot in lots
        ]  # fmt: skip


@dataclass
class _Case:
    """A planting, prepared once, and what each check told of it last."""

    planted: Planted
    source: Source
    told: dict[str, list[Finding]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        one = self.planted
        self.context: Context = table_context(one.bars, one.splits, one.sessions, one.prices)

    def judged(self, again: Sequence[Check]) -> Score:
        """What is told with the thresholds in force; only the checks `again` look anew."""
        for check in again:
            self.told[check.__name__] = check(self.context)
        return score(merged(self.told.values(), self.context), self.planted, self.source.known_bad)


def _of_half(half: _Half) -> dict[str, Any]:
    symbols = half.source.bars["symbol"].unique().to_list()
    mine = half_of(symbols, half.seed, half.number)
    others = sorted(set(symbols) - set(mine))
    values, best = _search(half.cases(mine, CHOOSE), half.by_chance)
    cases = half.cases(others, REPORT)
    ships = _pooled(cases, CHECKS)
    with in_force(values):
        chosen = _pooled(cases, CHECKS)
    return {
        "values": {threshold.path: value for threshold, value in values.items()},
        "where_chosen": figures(best), "chosen": figures(chosen), "ships": figures(ships), "false_errors": false_errors([chosen]),
        "chosen_on": len(mine), "reported_on": len(others),
    }  # fmt: skip


def _search(cases: list[_Case], start: Values) -> tuple[Values, Score]:
    values = dict(start)
    with in_force(values):
        best = _pooled(cases, CHECKS)
        for _ in range(ROUNDS):
            before = dict(values)
            for threshold in start:
                best = _choose(cases, threshold, values)
            if values == before:
                break
    return values, best


def _choose(cases: list[_Case], threshold: Threshold, values: Values) -> Score:
    """Puts the strictest value of one threshold in force that is about as good as the best."""
    found = {}
    for value in threshold.values:
        threshold.put(value)
        found[value] = loss(figures(_pooled(cases, [threshold.function])))
    least = min(found.values())
    values[threshold] = [value for value in threshold.values if found[value] <= least + SLACK][-1]
    threshold.put(values[threshold])
    return _pooled(cases, [threshold.function])


def _pooled(cases: list[_Case], again: Sequence[Check]) -> Score:
    scores = [case.judged(again) for case in cases]
    return sum(scores[1:], start=scores[0])


def loss(of: Mapping[str, float | None]) -> float:
    """What the search makes least: faults not called errors, plain ones twice, and not found; false errors; many findings."""
    value = {name: figure or 0.0 for name, figure in of.items()}
    return (
        PLAIN_WEIGHT * (1 - value["plain_called"]) + (1 - value["subtle_called"])
        + FOUND_WEIGHT * (1 - value["subtle_found"]) + FALSE_WEIGHT * value["false_errors_per_1000"]
        + FINDINGS_WEIGHT * max(0.0, value["findings_per_1000"] - MANY_FINDINGS)
    )  # fmt: skip
