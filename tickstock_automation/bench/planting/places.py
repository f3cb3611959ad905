"""Faults that are hard for where they stand: at either end, in the first week, in a storm, several together."""

from __future__ import annotations

from collections.abc import Sequence

from tickstock_automation.bench.planting import prices, rows, volumes
from tickstock_automation.bench.planting.history import History
from tickstock_automation.bench.planting.kinds import Kind, Market, Spot, Wrong, anywhere, subtle, with_room

FIRST_SESSIONS = 5
SINGLE: tuple[Kind, ...] = (
    prices.bar_100x, prices.bar_hundredth, prices.bar_10x, prices.print_28, prices.print_12, prices.high_wick,
    prices.low_wick, prices.close_off_stretched, prices.close_outside_range, volumes.zero_volume,
)  # fmt: skip
TOGETHER: tuple[Kind, ...] = (*SINGLE, rows.missing_session, rows.duplicate_different, volumes.volume_50x)


def _first(history: History, market: Market) -> Sequence[int]:
    return (0,)


def _last(history: History, market: Market) -> Sequence[int]:
    return (len(history) - 1,)


def _first_week(history: History, market: Market) -> Sequence[int]:
    return range(FIRST_SESSIONS)


def _storm(history: History, market: Market) -> Sequence[int]:
    return [at for at in anywhere(history, market) if history.days[at] in market.storm]


def _one_of(spot: Spot, kinds: Sequence[Kind]) -> list[Wrong]:
    """A fault of one of these kinds, its name as the form."""
    kind = kinds[spot.count(0, len(kinds) - 1)]
    return [Wrong(wrong.days, f"{kind.name} {wrong.form}".strip()) for wrong in kind.write(spot)]


@subtle(_first)
def first_bar(spot: Spot) -> list[Wrong]:
    """The first bar of a history at another level, 1.5 to 100 times."""
    factor = spot.either(spot.between(1.5, 4), 10.0, 100.0, 0.5, 0.01)
    spot.history.scale(spot.at, spot.at + 1, factor)
    return spot.wrong(form=f"x{factor:.4g}")


@subtle(_last)
def last_bar(spot: Spot) -> list[Wrong]:
    """The newest bar at another level, with nothing after it to compare with."""
    factor = spot.either(10.0, 1.3, 100.0)
    spot.history.scale(spot.at, spot.at + 1, factor)
    return spot.wrong(form=f"x{factor:.4g}")


@subtle(_first_week)
def first_sessions(spot: Spot) -> list[Wrong]:
    """A fault in the first five sessions, where there is no history to hold it against."""
    return _one_of(spot, SINGLE)


@subtle(_storm)
def in_storm(spot: Spot) -> list[Wrong]:
    """A fault on a day when every company moves."""
    return _one_of(spot, SINGLE)


@subtle(with_room)
def several_at_once(spot: Spot) -> list[Wrong]:
    """Two or three faults of different kinds within ten sessions."""
    steps = sorted(spot.rng.choice(10, size=spot.count(2, 3), replace=False))
    kinds = spot.rng.permutation(len(TOGETHER))
    return [
        wrong
        for step, kind in zip(steps, kinds, strict=False)
        for wrong in _one_of(spot.moved(spot.at + int(step)), [TOGETHER[kind]])
    ]
