"""Splits that the adjusted prices do not know: all before the day stands at the tape's level."""

from __future__ import annotations

from tickstock_automation.bench.planting.kinds import Split, Spot, Wrong, middle, plain, subtle

LISTED = 0.25  # share of the unadjusted splits that the vendor lists all the same
SMALL = {1.5: "3:2", 1.25: "5:4"}


def _unadjusted(spot: Spot, ratio: float, form: str = "", in_volume: bool = True) -> list[Wrong]:
    """`ratio` new shares for one old on this day: prices before are `ratio` times too high, volumes as much too low.

    Some are listed: of adjusted prices, the adjustment was forgotten; of traded ones, the tape does not show the split.
    """
    listed = spot.chance(LISTED) and (in_volume or spot.market.prices == "adjusted")
    factor = 1 / ratio if listed and spot.market.prices == "traded" else ratio
    spot.history.scale(0, spot.at, factor, 1 / factor if in_volume else 1.0)
    if listed:
        spot.listed.append(Split(spot.history.symbol, spot.day, ratio))
        form = f"{form} listed".strip()
    return spot.wrong(form=form)


@plain(middle)
def split_2_1(spot: Spot) -> list[Wrong]:
    """Two for one."""
    return _unadjusted(spot, 2.0)


@plain(middle)
def split_3_2(spot: Spot) -> list[Wrong]:
    """Three for two."""
    return _unadjusted(spot, 1.5)


@plain(middle)
def split_4_1(spot: Spot) -> list[Wrong]:
    """Four for one."""
    return _unadjusted(spot, 4.0)


@plain(middle)
def split_10_1(spot: Spot) -> list[Wrong]:
    """Ten for one."""
    return _unadjusted(spot, 10.0)


@plain(middle)
def reverse_1_8(spot: Spot) -> list[Wrong]:
    """One for eight."""
    return _unadjusted(spot, 1 / 8)


@subtle(middle)
def split_small(spot: Spot) -> list[Wrong]:
    """Three for two or five for four."""
    ratio = spot.either(*SMALL)
    return _unadjusted(spot, ratio, SMALL[ratio])


@subtle(middle)
def split_prices_only(spot: Spot) -> list[Wrong]:
    """Prices before the day at the old level, volumes already adjusted."""
    ratio = spot.either(1.5, 2.0, 3.0, 4.0)
    return _unadjusted(spot, ratio, f"{ratio:g}:1", in_volume=False)


def _off_by_a_day(spot: Spot, early: bool) -> list[Wrong]:
    """An adjustment, or on the tape the split itself, at the wrong day leaves this one day off by the ratio. Half are listed."""
    ratio = spot.either(1.5, 2.0, 3.0)
    ex_date = spot.history.days[spot.at + 1] if early else spot.day
    factor = ratio if early == (spot.market.prices == "adjusted") else 1 / ratio
    spot.history.scale(spot.at, spot.at + 1, factor, 1 / factor)
    listed = spot.chance()
    if listed:
        spot.listed.append(Split(spot.history.symbol, ex_date, ratio))
    return spot.wrong(form=f"{ratio:g}:1{' listed' if listed else ''}")


@subtle(middle)
def split_day_early(spot: Spot) -> list[Wrong]:
    """The last day before the split was taken for the day of it."""
    return _off_by_a_day(spot, True)


@subtle(middle)
def split_day_late(spot: Spot) -> list[Wrong]:
    """The day of the split was taken for one before it."""
    return _off_by_a_day(spot, False)
