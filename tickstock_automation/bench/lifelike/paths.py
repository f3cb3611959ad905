"""One company's prices, each session a walk of its own: from yesterday's close over the night to the open, then to the close.

Moves have Student's t with 5 degrees of freedom over a volatility that comes in bursts (a slow and a fast component in its
logarithm), the market's part is the same for all. Sources of the shapes: R. Cont, Empirical properties of asset returns (2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tickstock_automation.bench.lifelike.companies import EARNINGS_EVERY, Company
from tickstock_automation.bench.lifelike.days import Days

Floats = NDArray[np.float64]
STEPS = 26  # of a session, quarters of an hour
NIGHT = 0.30  # share of a day's variance that falls before the open
BETWEEN = 0.04  # how far trades go between two steps, of a session's way
BOUGHT = 0.12  # how lively a company is once its price is agreed
TAIL = 5  # degrees of freedom
QUIET = 0.0065  # the market's own volatility on a quiet day


@dataclass(frozen=True)
class Path:
    """`prices` (n, 4): open, high, low, close; `move` (n,): how far each day went against how far it usually goes; `loud` (n,): how
    much news there was, as a share of the price."""

    prices: Floats
    move: Floats
    loud: Floats


def bursts(length: int, rng: np.random.Generator) -> Floats:
    """Multipliers of a volatility that stays high when it is high (n,), about 1 in the middle."""
    found = np.zeros(length)
    for memory, size in ((0.98, 0.05), (0.75, 0.12)):
        state = 0.0
        for at, shock in enumerate(rng.normal(0, size, length)):
            state = memory * state + shock
            found[at] += state
    return np.exp(found)


def market_moves(days: Days, rng: np.random.Generator) -> Floats:
    """The market's own nightly and daily log moves (n, 2)."""
    size = QUIET * days.storm * bursts(len(days.sessions), rng)
    return _split(_heavy(len(size), rng) * size, rng) + 0.0003 / 2


def path(company: Company, days: Days, market: Floats, rng: np.random.Generator) -> Path:
    """The prices of a company over all sessions; those before its first and after its last bar are not to be used."""
    length = len(days.sessions)
    calm = np.ones(length)
    if company.takeover is not None:
        calm[company.takeover + 1 :] = BOUGHT
    usual = company.volatility * days.storm**0.4 * bursts(length, rng) * calm
    usual[company.first : company.first + 20] *= np.linspace(2.5, 1.0, 20)[: max(0, length - company.first)]
    own = _split(_heavy(length, rng) * usual, rng)
    loud = np.zeros(length)
    for at in range(company.earnings_from, length, EARNINGS_EVERY):
        gap = float(rng.standard_t(3)) * company.earnings_size * 0.7
        own[at, 0] += np.clip(gap, -0.45, 0.45) * calm[at]
        loud[at] = (abs(gap) + company.earnings_size / 2) * calm[at]
    for at, size in company.news.items():
        own[at, 0] += size
        loud[at] += abs(size)
    moves = own + company.beta * market * calm[:, None]
    total = np.sqrt(usual**2 + (QUIET * days.storm * calm) ** 2)
    closes, session = _above(company.floor, np.log(company.price) + moves.sum(axis=1).cumsum(), moves[:, 1])
    opens = closes - session
    walk = rng.normal(0, 1, (length, STEPS)).cumsum(axis=1) / np.sqrt(STEPS)
    ends = np.linspace(1 / STEPS, 1, STEPS)
    inside = total * np.sqrt(1 - NIGHT) * (1 + 8 * loud)
    bridge = (walk - walk[:, -1:] * ends) * inside[:, None] + session[:, None] * ends
    between = np.abs(rng.normal(0, BETWEEN, (2, length))) * inside
    highs = opens + np.maximum(bridge.max(axis=1), between[0])
    lows = opens + np.minimum(bridge.min(axis=1), -between[1])
    prices = np.exp(np.stack([opens, highs, lows, closes], axis=1))
    return Path(prices, np.abs(moves.sum(axis=1)) / (company.volatility + QUIET), loud)


def _above(floor: float, closes: Floats, session: Floats) -> tuple[Floats, Floats]:
    """Log closes and the sessions' log moves, mirrored where they went below a price under which nothing stays listed."""
    least = np.log(floor)
    return least + np.abs(closes - least), np.where(closes < least, -session, session)


def _heavy(length: int, rng: np.random.Generator) -> Floats:
    """Student's t of variance 1, cut at 12 (n,)."""
    drawn: Floats = rng.standard_t(TAIL, length) / np.sqrt(TAIL / (TAIL - 2))
    return np.clip(drawn, -12, 12)


def _split(moves: Floats, rng: np.random.Generator) -> Floats:
    """A day's move as the night's and the session's (n, 2), with some of each coming back in the other."""
    night = NIGHT * moves + np.abs(moves) * rng.normal(0, 0.35, len(moves))
    return np.stack([night, moves - night], axis=1)
