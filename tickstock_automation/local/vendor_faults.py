"""The vendor's faults that a stack was asked to play."""

from __future__ import annotations

from collections.abc import Sequence

from tickstock_automation.errors import UsedWrongly
from tickstock_automation.local.market import MarketChoice
from tickstock_automation.replay.faults.switch import FaultError, switched


def check_names(given: Sequence[str], *, replay: bool) -> None:
    """UsedWrongly where nothing plays the faults, or there is none of a name, or no such day."""
    if given and not replay:
        raise UsedWrongly("--fault is played by the replay, and the vendor itself is used: add --generate or --data")
    try:
        for one in given:
            switched(one)
    except FaultError as error:
        raise UsedWrongly(f"--fault: {error}") from None


def check_days(given: Sequence[str], market: MarketChoice) -> None:
    """UsedWrongly where a fault lies on a day the market never comes to."""
    for one in given:
        if not market.first <= switched(one).day <= market.last:
            raise UsedWrongly(f"--fault {one} is outside the data, which reach from {market.first} to {market.last}")
