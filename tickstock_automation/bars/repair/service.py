"""The bars service's share of a repair: what is decided is done, what waits is asked of the vendor."""

from __future__ import annotations

from dataclasses import dataclass

from tickstock_automation.bars.repair.applying import apply_decided
from tickstock_automation.bars.repair.fetching import fetch
from tickstock_automation.bars.repair.reloading import begin_reloads, end_reloads
from tickstock_automation.errors import TryAgain
from tickstock_automation.sessions import SessionCalendar
from tickstock_automation.settings import Settings
from tickstock_automation.vendor.client import Vendor


@dataclass(frozen=True)
class Repaired:
    """Requests that ended, calls that were answered or given up, bars that are asked for by the plan of calls from now on.

    `waits`: the vendor is not to be had, and when to ask again.
    """

    ended: int
    calls: int
    reloads: int
    waits: TryAgain | None = None

    @property
    def moved(self) -> bool:
        """Whether quality has something to judge or to tell."""
        return bool(self.ended or self.calls)


def repair(vendor: Vendor, calendar: SessionCalendar, settings: Settings, *, most_s: float = float("inf")) -> Repaired:
    """Does what is decided, then makes the calls that are due, for `most_s` at most. Safe to run any number of times at once."""
    ended = apply_decided()
    reloads = begin_reloads()
    ended += end_reloads()
    fetched = fetch(vendor, calendar, settings, most_s=most_s)
    return Repaired(ended, fetched.ended, reloads, fetched.waits)
