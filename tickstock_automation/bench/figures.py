"""Figures from measured times: exact, from every value, none dropped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

NS_PER_MS = 1_000_000
SHARES = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99}


def percentile(ordered: Sequence[int], share: float) -> int:
    """The nearest rank: the smallest value that at least this share of all lie at or below. `ordered` is sorted."""
    if not ordered:
        raise ValueError("there is no percentile of nothing")
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def latency(times_ns: Iterable[int]) -> dict[str, float | None]:
    """Mean, percentiles and maximum in milliseconds; None where nothing was measured."""
    ordered = sorted(times_ns)
    if not ordered:
        return dict.fromkeys(("mean_ms", *SHARES, "max_ms"))
    found = {"mean_ms": sum(ordered) / len(ordered)}
    found |= {name: percentile(ordered, share) for name, share in SHARES.items()}
    found["max_ms"] = ordered[-1]
    return {name: round(value / NS_PER_MS, 3) for name, value in found.items()}


def ratio(part: float | None, whole: float | None, digits: int = 6) -> float | None:
    """`part / whole`; None where that means nothing. Less than all never rounds up to all."""
    if part is None or not whole:
        return None
    found = round(part / whole, digits)
    return found if part >= whole or found < 1 else math.nextafter(1.0, 0.0)
