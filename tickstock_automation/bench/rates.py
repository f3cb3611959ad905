"""The search for the highest rate that holds, and what "holds" means. Pure: what runs is handed in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

LEAST = 50.0
STEP_UP = 1.5
PRECISION = 0.08
STEPS_DOWN = (0.92, 0.92, 0.92, 0.8, 0.8, 0.6, 0.6, 0.6, 0.6)
FLAT_S = 0.25


@dataclass(frozen=True)
class Backlog:
    """A look at the outbox: events that wait, and the age of the oldest."""

    waiting: int
    oldest_s: float


class Outcome(Protocol):
    """What a trial of a rate says of itself."""

    @property
    def holds(self) -> bool:
        """Whether nothing was lost and nothing piled up."""


Trial = TypeVar("Trial", bound=Outcome)
Value = TypeVar("Value")


def highest_rate(probe: Callable[[float], bool], first: float, most: float = math.inf) -> float:
    """Steps up by half until a rate does not hold, then closes in to 8%; 0 where none holds."""
    good, bad, rate = 0.0, math.inf, first
    while rate >= LEAST and good < most and bad > good * (1 + PRECISION):
        if probe(rate):
            good = rate
        else:
            bad = rate
        rate = _next(good, bad, most)
    return good


def _next(good: float, bad: float, most: float) -> float:
    if math.isinf(bad):
        return min(good * STEP_UP, most)
    return (good + bad) / 2 if good else bad / STEP_UP


def first_that_holds(trial: Callable[[float], Trial], rate: float) -> Trial:
    """Tries a rate, and lower ones, in small steps first, until one holds; gives that trial, or the last."""
    found = trial(rate)
    for step in STEPS_DOWN:
        if found.holds:
            break
        rate *= step
        found = trial(rate)
    return found


def last_third(values: Sequence[Value]) -> Sequence[Value]:
    """The last third, at least one of any."""
    return values[-max(1, len(values) // 3) :]


def is_flat(samples: Sequence[Backlog], lags_s: Sequence[float], rate: float) -> bool:
    """Whether nothing piled up, at the end of a run.

    In its last third no more than a quarter second's events waited on average, the oldest for less than half a second,
    and on average an event was delivered within a quarter second of when its transaction was due: nothing piled up in the
    writer, the outbox, the relay or the subscriber.
    """
    if not samples or not lags_s:
        return False
    late, lags = last_third(samples), last_third(lags_s)
    waiting = sum(one.waiting for one in late) / len(late)
    oldest = sum(one.oldest_s for one in late) / len(late)
    return waiting <= rate * FLAT_S and oldest <= 2 * FLAT_S and sum(lags) / len(lags) <= FLAT_S
