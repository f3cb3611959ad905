"""Faults in the volume, prices untouched."""

from __future__ import annotations

from tickstock_automation.bench.planting.kinds import Spot, Wrong, plain, subtle, with_room

LEAST = 20_000.0  # shares; below, a two-hundredth is hardly a volume


@plain()
def volume_50x(spot: Spot) -> list[Wrong]:
    """Fifty times the day's volume."""
    spot.history.volume[spot.at] *= 50
    return spot.wrong()


@plain()
def zero_volume(spot: Spot) -> list[Wrong]:
    """No volume on a day that traded."""
    if spot.history.volume[spot.at] == 0:
        return []
    spot.history.volume[spot.at] = 0
    return spot.wrong()


@plain()
def volume_200th(spot: Spot) -> list[Wrong]:
    """A two-hundredth of the day's volume."""
    if spot.history.volume[spot.at] < LEAST:
        return []
    spot.history.volume[spot.at] = round(spot.history.volume[spot.at] / 200)
    return spot.wrong()


@subtle(with_room)
def volume_frozen(spot: Spot) -> list[Wrong]:
    """The same volume on 3 to 8 sessions, of which the first is right."""
    count = spot.count(3, 8)
    spot.history.volume[spot.at : spot.at + count] = spot.history.volume[spot.at]
    return spot.moved(spot.at + 1).wrong(count - 1, f"{count} sessions")


@subtle(with_room)
def block_in_lots(spot: Spot) -> list[Wrong]:
    """4 to 15 sessions with the volume in lots of a hundred."""
    count = spot.count(4, 15)
    part = slice(spot.at, spot.at + count)
    if spot.history.volume[part].min() < LEAST:
        return []
    spot.history.volume[part] = (spot.history.volume[part] / 100).round()
    return spot.wrong(count, f"{count} sessions")
