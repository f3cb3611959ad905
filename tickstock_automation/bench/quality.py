"""The quality benchmark: faults planted into good bars, what the checks tell of them, and what they tell of the good ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from tickstock_automation.bench.naive import naive_findings
from tickstock_automation.bench.planting import KINDS, Planted, Score, plant, score
from tickstock_automation.bench.planting.kinds import Prices
from tickstock_automation.bench.planting.score import FindingLike
from tickstock_automation.bench.quality_bars import Source

LEAST_OF_A_KIND = 10
MOST_PLANTINGS = 30
DIGITS = 4
LESS_IS_BETTER = ("false_errors_per_1000", "findings_per_1000", "controls_called")

Detect = Callable[[Planted], Iterable[FindingLike]]


def product_checks(planted: Planted) -> Iterable[FindingLike]:
    """The findings of the product's own checks."""
    from tickstock_automation.quality.table import check_table

    found: Iterable[FindingLike] = check_table(planted.bars, planted.splits, planted.sessions, prices=planted.prices)
    return found


def naive_rule(planted: Planted) -> Iterable[FindingLike]:
    """The findings of the rule they are held against."""
    return naive_findings(planted.bars)


def bench_quality(
    source: Source, seed: int, halves: int, say: Callable[[str], None], *, prices: Prices = "adjusted",
    detect: Detect = product_checks, least: int = LEAST_OF_A_KIND,
) -> dict[str, Any]:  # fmt: skip
    """Figures over `halves` random halves of the symbols, each planted again and again until every kind has come up `least`
    times."""
    ours: list[Score] = []
    naive: list[Score] = []
    plantings = 0
    for number in range(halves):
        half = source.only(half_of(source.bars["symbol"].unique().to_list(), seed, number))
        say(f"half {number + 1} of {halves}: {half.bars['symbol'].n_unique()} symbols, {half.bars.height:,} bars")
        rounds = _rounds(half, (seed, number), prices, (detect, naive_rule), least)
        plantings += len(rounds)
        ours.append(_pooled([one for one, _ in rounds]))
        naive.append(_pooled([other for _, other in rounds]))
    return {
        "source": source.name, "seed": seed, "halves": halves, "prices": prices, "plantings": plantings,
        "symbols": source.bars["symbol"].n_unique(), "bars": source.bars.height, "known_bad": source.known_bad.height,
        "faults": sum(len(one.told) for one in ours), "clean_days": sum(one.clean_days for one in ours),
        "figures": over_halves([figures(one) for one in ours]), "naive": over_halves([figures(one) for one in naive]),
        "kinds": [_kind(kind.name, kind.fault_class, ours, naive) for kind in KINDS],
        "missed": _missed(ours), "false_errors": false_errors(ours),
    }  # fmt: skip


def half_of(symbols: Sequence[str], seed: int, number: int) -> list[str]:
    """A half of the symbols by chance."""
    order = np.random.default_rng([seed, number]).permutation(sorted(symbols))
    return sorted(str(symbol) for symbol in order[: (len(order) + 1) // 2])


def _rounds(
    half: Source, seeds: tuple[int, int], prices: Prices, detectors: Sequence[Detect], least: int
) -> list[tuple[Score, ...]]:
    """One planting after another, each scored for each detector, until every kind has come up often enough."""
    found: list[tuple[Score, ...]] = []
    seen = dict.fromkeys((kind.name for kind in KINDS), 0)
    while len(found) < MOST_PLANTINGS and min(seen.values()) < least:
        lot = int(np.random.default_rng([*seeds, len(found)]).integers(2**31))
        planted = plant(half.bars, half.splits, half.sessions, lot, known_bad=half.known_bad, prices=prices)
        for fault in planted.faults:
            seen[fault.kind] += 1
        found.append(tuple(score(detect(planted), planted, half.known_bad) for detect in detectors))
    return found


def _pooled(scores: Sequence[Score]) -> Score:
    return sum(scores[1:], start=scores[0])


def figures(one: Score) -> dict[str, float | None]:
    """The figures of a score: shares of the faults, and false ones for 1,000 clean symbol-days."""
    plain, subtle = one.of(fault_class="plain"), one.of(fault_class="subtle")
    return {
        "plain_found": _share([told.found for told in plain]),
        "plain_called": _share([told.called for told in plain]),
        "subtle_found": _share([told.found for told in subtle]),
        "subtle_called": _share([told.called for told in subtle]),
        "block_days_found": _share([told.days_found for told in one.told if len(told.fault.days) > 1]),
        "false_errors_per_1000": _rounded(one.errors_per_1000),
        "findings_per_1000": _rounded(one.findings_per_1000),
        "controls_called": _share([called for _, _, called in one.controls]),
    }


def _share(values: Sequence[float]) -> float | None:
    return _rounded(fmean(values)) if values else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def over_halves(of: Sequence[dict[str, float | None]]) -> dict[str, dict[str, float | None]]:
    """Mean and worst of each figure."""
    return {name: _over([one[name] for one in of], name) for name in of[0]}


def _over(values: Sequence[float | None], name: str) -> dict[str, float | None]:
    known = [value for value in values if value is not None]
    if not known:
        return {"mean": None, "worst": None}
    return {"mean": _rounded(fmean(known)), "worst": max(known) if name in LESS_IS_BETTER else min(known)}


def _kind(name: str, fault_class: str, ours: Sequence[Score], naive: Sequence[Score]) -> dict[str, Any]:
    """What was told of the faults of one kind."""
    by_half = [one.of(kind=name) for one in ours]
    told = [fault for half in by_half for fault in half]
    return {
        "kind": name, "class": fault_class, "planted": len(told), "block": any(len(one.fault.days) > 1 for one in told),
        "found": _share([one.found for one in told]), "called": _share([one.called for one in told]),
        "days_found": _share([one.days_found for one in told]),
        "worst_called": min((fmean(one.called for one in half) for half in by_half if half), default=None),
        "naive_found": _share([one.found for half in naive for one in half.of(kind=name)]),
    }  # fmt: skip


def _missed(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """The faults that were not found, or not called an error."""
    return [
        {
            "kind": one.fault.kind, "class": one.fault.fault_class, "symbol": one.fault.symbol,
            "first": one.fault.days[0].isoformat(), "days": len(one.fault.days), "form": one.fault.form,
            "found": one.found, "told": list(one.checks),
        }
        for whole in scores for one in whole.told if not one.called
    ]  # fmt: skip


def false_errors(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """The good bars that were called wrong, each once, with how often."""
    count: dict[tuple[str, str, str], dict[str, Any]] = {}
    for alarm in (alarm for one in scores for alarm in one.false_errors):
        key = (alarm.symbol, alarm.day.isoformat(), alarm.check)
        row = count.setdefault(
            key, {"symbol": key[0], "date": key[1], "check": key[2], "words": alarm.words, "times": 0}
        )
        row["times"] += 1
    return sorted(count.values(), key=lambda row: (-row["times"], row["symbol"], row["date"]))
