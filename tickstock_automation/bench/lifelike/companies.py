"""Who is traded: each company's price, volume, temper, and what will happen to it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

SPLIT_RATIOS = (2.0, 2.0, 2.0, 3.0, 1.5, 4.0, 7.0, 10.0, 0.1, 0.125)
EARNINGS_EVERY = 63  # sessions
LEAST_ON_TAPE = 2.0  # dollars; the exchanges ask for one


@dataclass(frozen=True)
class Company:
    """`volatility`: of its own move on a quiet day, as a share; `first` and `last`: rows of its first and last bar; `splits`:
    row and ratio; `news`: row and size of a lasting step, as a log return; `takeover`: row of the day it is told that the company
    will be bought, after which its price lies still until it leaves."""

    symbol: str
    price: float
    volume: float
    volatility: float
    beta: float
    earnings_from: int
    earnings_size: float
    first: int
    last: int
    splits: dict[int, float] = field(default_factory=dict)
    news: dict[int, float] = field(default_factory=dict)
    takeover: int | None = None

    @property
    def floor(self) -> float:
        """The lowest adjusted price it goes to, so that the tape shows two dollars at least."""
        return LEAST_ON_TAPE / min([1.0, *self.splits.values()])


def company(number: int, sessions: int, rng: np.random.Generator) -> Company:
    """One of a mixed lot: most are large, one in eight is small and wild, one in eleven comes to market late, some leave early."""
    small = rng.random() < 1 / 8
    first = int(rng.integers(60, sessions // 2)) if rng.random() < 1 / 11 and sessions > 240 else 0
    leaves = rng.random() < 0.06 and sessions - first > 240
    last = int(rng.integers(first + (sessions - first) * 2 // 3, sessions - 1)) if leaves else sessions - 1
    bought = int(last - rng.integers(40, 150)) if leaves and not small and rng.random() < 0.7 else None
    splits = {}
    until = last if bought is None else bought
    earnings_from = int(rng.integers(EARNINGS_EVERY))
    if rng.random() < 0.10 and until - first > 120:
        at = int(rng.integers(first + 40, until - 40))
        at += 5 * ((at - earnings_from) % EARNINGS_EVERY == 0)  # nobody splits on the day of its earnings
        splits[at] = float(rng.choice(SPLIT_RATIOS))
    news = _news(first, until, small, rng)
    if bought is not None:
        news[bought] = float(rng.uniform(0.12, 0.40))
    return Company(
        symbol=f"L{number:04d}",
        price=float(np.exp(rng.normal(2.5 if small else 4.1, 0.6))),
        volume=float(np.exp(rng.normal(12.3 if small else 14.8, 0.9))),
        volatility=float(np.exp(rng.normal(np.log(0.026 if small else 0.0125), 0.3))),
        beta=float(rng.normal(1.0, 0.25)),
        earnings_from=earnings_from,
        earnings_size=0.06 if small else 0.03,
        first=first,
        last=last,
        splits=splits,
        news=news,
        takeover=bought,
    )


def _news(first: int, last: int, small: bool, rng: np.random.Generator) -> dict[int, float]:
    """Takeovers, trials, frauds: once in eight years for a large company, once in two for a small one."""
    count = int(rng.poisson((last - first) / 252 / (2 if small else 8)))
    sizes = rng.choice((-1.0, 1.0), count) * np.abs(rng.normal(0.20, 0.12, count) * (1.6 if small else 1.0))
    return {int(rng.integers(first + 3, last)): float(size) for size in sizes if last - first > 10}
