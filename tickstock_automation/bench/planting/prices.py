"""Faults in the prices of one session."""

from __future__ import annotations

from tickstock_automation.bench.planting.history import CLOSE, DECIMALS, HIGH, LOW, OPEN
from tickstock_automation.bench.planting.kinds import Spot, Wrong, plain, subtle

CLOSE_OFF = 0.12
LEAST_SWAP = 0.05  # what swapped digits must change, as a share


def _times(spot: Spot, factor: float) -> list[Wrong]:
    spot.history.scale(spot.at, spot.at + 1, factor)
    return spot.wrong(form=f"x{factor:.4g}")


@plain()
def bar_100x(spot: Spot) -> list[Wrong]:
    """Cents for dollars."""
    return _times(spot, 100.0)


@plain()
def bar_hundredth(spot: Spot) -> list[Wrong]:
    """Dollars for cents."""
    return _times(spot, 0.01)


@plain()
def bar_10x(spot: Spot) -> list[Wrong]:
    """A slipped decimal point."""
    return _times(spot, 10.0)


@plain()
def print_28(spot: Spot) -> list[Wrong]:
    """The whole bar 28% off, back the next session."""
    return _times(spot, spot.either(1.28, 0.72))


@subtle()
def print_12(spot: Spot) -> list[Wrong]:
    """The whole bar 12% off, back the next session."""
    return _times(spot, spot.either(1.12, 1 / 1.12))


@plain()
def high_below_low(spot: Spot) -> list[Wrong]:
    """High and low in each other's column."""
    row = spot.history.prices[spot.at]
    if row[HIGH] <= row[LOW]:
        return []
    row[HIGH], row[LOW] = row[LOW], row[HIGH]
    return spot.wrong()


@plain()
def close_outside_range(spot: Spot) -> list[Wrong]:
    """A close 1 to 10% above the high or below the low."""
    row, up = spot.history.prices[spot.at], spot.chance()
    off = spot.between(0.01, 0.10)
    close = round(row[HIGH] * (1 + off) if up else row[LOW] * (1 - off), DECIMALS)
    if row[LOW] <= close <= row[HIGH]:
        return []
    row[CLOSE] = close
    return spot.wrong(form="above" if up else "below")


@plain()
def negative_price(spot: Spot) -> list[Wrong]:
    """The close, or the whole bar, below zero."""
    row, whole = spot.history.prices[spot.at], spot.chance()
    if whole:
        row *= -1
    else:
        row[CLOSE] *= -1
    return spot.wrong(form="all" if whole else "close")


@plain()
def zero_price(spot: Spot) -> list[Wrong]:
    """One price of the bar, or all, zero."""
    row, whole = spot.history.prices[spot.at], spot.chance(0.3)
    column = spot.count(OPEN, CLOSE)
    row[slice(None) if whole else column] = 0.0
    return spot.wrong(form="all" if whole else ("open", "high", "low", "close")[column])


@subtle()
def high_wick(spot: Spot) -> list[Wrong]:
    """A high 15 to 60% too high, all else right."""
    row, size = spot.history.prices[spot.at], spot.between(0.15, 0.60)
    row[HIGH] = round(row[HIGH] * (1 + size), DECIMALS)
    return spot.wrong(form=f"+{size:.0%}")


@subtle()
def low_wick(spot: Spot) -> list[Wrong]:
    """A low 15 to 60% too low, all else right."""
    row, size = spot.history.prices[spot.at], spot.between(0.15, 0.60)
    row[LOW] = round(row[LOW] * (1 - size), DECIMALS)
    return spot.wrong(form=f"-{size:.0%}")


def _close_off(spot: Spot) -> str:
    """Puts the close 12% off, either way."""
    up = spot.chance()
    row = spot.history.prices[spot.at]
    row[CLOSE] = round(row[CLOSE] * (1 + CLOSE_OFF if up else 1 - CLOSE_OFF), DECIMALS)
    return "up" if up else "down"


@subtle()
def close_off(spot: Spot) -> list[Wrong]:
    """A close 12% off, high and low as they were."""
    return spot.wrong(form=_close_off(spot))


@subtle()
def close_off_stretched(spot: Spot) -> list[Wrong]:
    """A close 12% off, high and low stretched to hold it."""
    form, row = _close_off(spot), spot.history.prices[spot.at]
    row[HIGH], row[LOW] = max(row[HIGH], row[CLOSE]), min(row[LOW], row[CLOSE])
    return spot.wrong(form=form)


def swapped(price: float, at: int) -> float:
    """`price` to the cent with its digits `at` and `at` + 1 in each other's place, the point not counted."""
    digits = list(f"{round(price * 100):d}")
    if at + 1 < len(digits):
        digits[at], digits[at + 1] = digits[at + 1], digits[at]
    return int("".join(digits)) / 100


def _swaps(price: float) -> list[int]:
    """Where a swap of digits changes the price enough."""
    places = range(len(f"{round(price * 100):d}") - 1)
    return [at for at in places if abs(swapped(price, at) / price - 1) >= LEAST_SWAP]


@subtle()
def digits_of_close(spot: Spot) -> list[Wrong]:
    """Two adjacent digits of the close swapped."""
    row = spot.history.prices[spot.at]
    places = _swaps(row[CLOSE])
    if not places:
        return []
    row[CLOSE] = swapped(row[CLOSE], places[spot.count(0, len(places) - 1)])
    return spot.wrong()


@subtle()
def digits_of_bar(spot: Spot) -> list[Wrong]:
    """The same two digits swapped in all four prices."""
    row = spot.history.prices[spot.at]
    places = _swaps(row[CLOSE])
    if not places or len({len(f"{round(price * 100):d}") for price in row}) > 1:
        return []
    at = places[spot.count(0, len(places) - 1)]
    row[:] = [round(swapped(price, at), DECIMALS) for price in row]
    return spot.wrong()


def _stale_close(spot: Spot, inside: bool) -> list[Wrong]:
    """Yesterday's close under today's open, high and low, where it lies inside or outside of the day's range."""
    prices = spot.history.prices
    row, yesterday = prices[spot.at], float(prices[spot.at - 1][CLOSE])
    moves = abs(prices[spot.at - 12 : spot.at, CLOSE] / prices[spot.at - 12 : spot.at, OPEN] - 1)
    noticed = max(0.015, 2 * float(sorted(moves)[len(moves) // 2]))
    if abs(row[CLOSE] / yesterday - 1) < noticed or (row[LOW] <= yesterday <= row[HIGH]) != inside:
        return []
    row[CLOSE] = yesterday
    return spot.wrong()


@subtle()
def stale_close_inside(spot: Spot) -> list[Wrong]:
    """Yesterday's close as today's on a day that moved, within today's range."""
    return _stale_close(spot, True)


@subtle()
def stale_close_outside(spot: Spot) -> list[Wrong]:
    """Yesterday's close as today's on a day that moved, outside of today's range."""
    return _stale_close(spot, False)
