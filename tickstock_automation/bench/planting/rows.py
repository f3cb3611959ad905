"""Faults of whole rows: missing, twice, on a day without a session, copied."""

from __future__ import annotations

from datetime import timedelta

from tickstock_automation.bench.planting.history import CLOSE, DECIMALS, Row
from tickstock_automation.bench.planting.kinds import Spot, Wrong, plain, subtle, with_room

FRIDAY = 4
WEEK = 5  # sessions


@plain()
def missing_session(spot: Spot) -> list[Wrong]:
    """No row for a session."""
    if spot.day not in spot.market.sessions or spot.at in spot.history.missing:
        return []
    spot.history.missing.add(spot.at)
    return spot.wrong()


def _beside(spot: Spot, days: int, price: float, volume: float) -> Row:
    """The bar here for another day and times something."""
    history = spot.history
    prices = (history.prices[spot.at] * price).round(DECIMALS)
    return Row(spot.day + timedelta(days=days), prices, round(history.volume[spot.at] * volume))


@plain()
def duplicate_identical(spot: Spot) -> list[Wrong]:
    """The same row twice."""
    spot.history.extra.append(_beside(spot, 0, 1.0, 1.0))
    return spot.wrong()


@plain()
def duplicate_different(spot: Spot) -> list[Wrong]:
    """Two rows of a day that contradict each other."""
    price = 1 + spot.either(-1, 1) * spot.between(0.005, 0.05)
    spot.history.extra.append(_beside(spot, 0, price, spot.between(0.5, 1.5)))
    return spot.wrong()


@plain()
def saturday_bar(spot: Spot) -> list[Wrong]:
    """A bar on a Saturday, much like Friday's."""
    saturday = spot.day + timedelta(days=1)
    if spot.day.weekday() != FRIDAY or saturday in spot.market.sessions:
        return []
    spot.history.extra.append(_beside(spot, 1, spot.between(0.98, 1.02), spot.between(0.01, 1.0)))
    return [Wrong((saturday,))]


def _copied(spot: Spot, source: int, count: int) -> bool:
    """Puts the bars from `source` on where the fault stands; False, and nothing done, where a day's prices are those already."""
    history = spot.history
    here, there = slice(spot.at, spot.at + count), slice(source, source + count)
    if source < 0 or (history.prices[here] == history.prices[there]).all(axis=1).any():
        return False
    history.prices[here], history.volume[here] = history.prices[there].copy(), history.volume[there].copy()
    return True


@plain()
def copied_bar(spot: Spot) -> list[Wrong]:
    """Yesterday's whole bar as today's."""
    return spot.wrong() if _copied(spot, spot.at - 1, 1) else []


@subtle(with_room)
def week_repeated(spot: Spot) -> list[Wrong]:
    """Five sessions copied from the five before."""
    return spot.wrong(WEEK) if _copied(spot, spot.at - WEEK, WEEK) else []


@plain(with_room)
def stuck_flat(spot: Spot) -> list[Wrong]:
    """3 to 6 sessions with all prices at the last close."""
    count, prices = spot.count(3, 6), spot.history.prices
    part, last = prices[spot.at : spot.at + count], prices[spot.at - 1, CLOSE]
    if bool((part == last).all()):
        return []
    part[:] = last
    return spot.wrong(count, f"{count} sessions")


@plain(with_room)
def stuck_bar(spot: Spot) -> list[Wrong]:
    """The same four prices on 3 to 6 sessions, of which the first is right; volumes go on."""
    count, prices = spot.count(3, 6), spot.history.prices
    part = prices[spot.at : spot.at + count]
    if bool((part == part[0]).all()):
        return []
    part[:] = part[0].copy()
    return spot.moved(spot.at + 1).wrong(count - 1, f"{count} sessions")
