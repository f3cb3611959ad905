"""One company's volume: its usual one, drifting, louder with moves and news."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tickstock_automation.bench.lifelike.companies import Company
from tickstock_automation.bench.lifelike.days import Days
from tickstock_automation.bench.lifelike.paths import Path

LOT = 100
BLOCKS = 0.002  # share of the days on which large holdings change hands without news
Floats = NDArray[np.float64]


def market_volume(days: Days, rng: np.random.Generator) -> Floats:
    """What all companies' volumes have in common (n,), as a multiple."""
    return days.trade * days.storm**0.4 * np.exp(rng.normal(0, 0.10, len(days.sessions)))


def volumes(company: Company, path: Path, market: Floats, rng: np.random.Generator) -> Floats:
    """Shares of each session (n,), in lots of a hundred: with a memory of days, six times and more at a debut."""
    length = len(market)
    state, log = 0.0, np.zeros(length)
    for at, shock in enumerate(rng.normal(0, 0.17, length)):
        state = 0.75 * state + shock
        log[at] = state
    log += np.cumsum(rng.normal(0, 0.012, length)) + rng.normal(0, 0.14, length)
    log += np.log1p(0.28 * path.move)
    blocks = rng.random(length) < BLOCKS
    log[blocks] += rng.uniform(1.0, 2.4, int(blocks.sum()))
    news = 14 * path.loud
    for days_after, rest in ((1, 0.45), (2, 0.2), (3, 0.1)):
        news[days_after:] += rest * 14 * path.loud[:-days_after]
    log += np.log1p(news)
    if company.first:
        since = np.arange(length) - company.first
        log += np.where(since >= 0, np.log1p(7 * np.exp(-np.maximum(since, 0) / 2.5)), 0.0)
    found: Floats = np.maximum(np.round(company.volume * np.exp(log) * market / LOT), 1) * LOT
    return found
