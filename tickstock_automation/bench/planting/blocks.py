"""Faults of 4 to 15 sessions in a row."""

from __future__ import annotations

import numpy as np

from tickstock_automation.bench.planting.history import CLOSE, OPEN
from tickstock_automation.bench.planting.kinds import Spot, Wrong, subtle, with_room

LEAST_APART = 0.10  # how far another company's price must be from one's own, as a share


def _length(spot: Spot) -> int:
    return spot.count(4, 15)


@subtle(with_room)
def block_100x(spot: Spot) -> list[Wrong]:
    """Prices in cents."""
    count = _length(spot)
    spot.history.scale(spot.at, spot.at + count, 100.0)
    return spot.wrong(count, f"{count} sessions")


@subtle(with_room)
def block_open_close(spot: Spot) -> list[Wrong]:
    """Open and close in each other's column; a day that closed where it opened stays right."""
    count, history = _length(spot), spot.history
    part = history.prices[spot.at : spot.at + count]
    days = tuple(history.days[spot.at + int(at)] for at in np.flatnonzero(part[:, OPEN] != part[:, CLOSE]))
    part[:, [OPEN, CLOSE]] = part[:, [CLOSE, OPEN]]
    return [Wrong(days, f"{count} sessions")] if days else []


def _shifted(spot: Spot, by: int) -> list[Wrong]:
    """Rows with the values of the session `by` away."""
    count, history = _length(spot), spot.history
    here = slice(spot.at, spot.at + count)
    there = slice(spot.at + by, spot.at + by + count)
    history.prices[here], history.volume[here] = history.prices[there].copy(), history.volume[there].copy()
    return spot.wrong(count, f"{count} sessions")


@subtle(with_room)
def block_day_late(spot: Spot) -> list[Wrong]:
    """Each row carries the session's before it."""
    return _shifted(spot, -1)


@subtle(with_room)
def block_day_early(spot: Spot) -> list[Wrong]:
    """Each row carries the next session's."""
    return _shifted(spot, 1)


@subtle(with_room)
def block_of_another(spot: Spot) -> list[Wrong]:
    """Another company's bars under this symbol."""
    count, history = _length(spot), spot.history
    days = history.days[spot.at : spot.at + count]
    names = [name for name in spot.market.histories if name != history.symbol]
    for place in spot.rng.permutation(len(names))[:8]:
        other = spot.market.histories[names[place]]
        at = other.place_of(days[0])
        if at is None or other.days[at : at + count] != days:
            continue
        if abs(other.prices[at, CLOSE] / history.prices[spot.at, CLOSE] - 1) < LEAST_APART:
            continue
        history.prices[spot.at : spot.at + count] = other.prices[at : at + count]
        history.volume[spot.at : spot.at + count] = other.volume[at : at + count]
        return spot.wrong(count, f"{count} sessions of {other.symbol}")
    return []
