"""Which fault comes when: drawn from a seed, so that the same seed gives the same schedule."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

FIRST_AT_S = 2.0
GAP_S = (1.5, 6.0)
OVERLAP = 0.25  # share of the faults that begin beside the one before
OVERLAP_GAP_S = (0.1, 1.0)


@dataclass(frozen=True)
class Kind:
    """A kind of fault: how long it lasts at least and at most (seconds), how often it is drawn beside the others."""

    shortest_s: float
    longest_s: float
    weight: float = 1.0


KINDS: dict[str, Kind] = {
    "kill-relay": Kind(0.1, 4),
    "freeze-relay": Kind(0.5, 6),
    "kill-worker": Kind(0.1, 3),
    "freeze-worker": Kind(1, 6),
    "kill-writer": Kind(0.1, 2),
    "kill-consumer": Kind(0.1, 4),
    "freeze-consumer": Kind(2.5, 6),
    "kill-valkey": Kind(0.1, 4),
    "lose-second-of-valkey": Kind(0.1, 2),
    "wipe-valkey": Kind(0.1, 3, 0.4),
    "roll-back-valkey": Kind(2, 10, 0.6),
    "freeze-valkey": Kind(0.5, 7),
    "crash-postgres": Kind(0.1, 3, 0.6),
    "kill-backend": Kind(0.1, 0.5),
    "terminate-backends": Kind(0.1, 0.5),
    "freeze-backend": Kind(0.5, 6),
    "cut-redis": Kind(0.1, 0.5),
    "cut-postgres": Kind(0.1, 0.5),
    "refuse-redis": Kind(0.5, 6),
    "refuse-postgres": Kind(0.5, 6),
    "stall-redis": Kind(0.5, 8),
    "stall-postgres": Kind(0.5, 8),
    "delay-redis": Kind(2, 8),
    "delay-postgres": Kind(2, 8),
    "long-transaction": Kind(3, 20),
}


@dataclass(frozen=True)
class Planned:
    """One fault to come: when (seconds after the start), what, for how long; `picks` (0 to 1) choose target and manner."""

    at_s: float
    kind: str
    duration_s: float
    picks: tuple[float, float]


def choose(pick: float, among: Sequence[T]) -> T:
    """What a pick between 0 and 1 means among these."""
    return among[min(int(pick * len(among)), len(among) - 1)]


def make_schedule(seed: int, seconds: float, first: Sequence[str] = ()) -> list[Planned]:
    """The faults of a run. Every kind comes once, `first` ones before all others, then they are drawn by weight."""
    draw = random.Random(seed)
    every = [kind for kind in KINDS if kind not in first]
    draw.shuffle(every)
    waiting = [*first, *every]
    plan: list[Planned] = []
    at = FIRST_AT_S
    while at < seconds - 1:
        kind = waiting.pop(0) if waiting else _drawn(draw)
        lasts = draw.uniform(KINDS[kind].shortest_s, KINDS[kind].longest_s)
        picks = (draw.random(), draw.random())
        plan.append(Planned(round(at, 2), kind, round(min(lasts, seconds - at), 2), picks))
        at += draw.uniform(*(OVERLAP_GAP_S if draw.random() < OVERLAP else GAP_S))
    return plan


def _drawn(draw: random.Random) -> str:
    return draw.choices(list(KINDS), [kind.weight for kind in KINDS.values()])[0]
