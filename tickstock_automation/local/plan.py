"""Which sessions a start runs: those that were asked for, or those that come next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from tickstock_automation.errors import UsedWrongly
from tickstock_automation.local.market import MarketChoice
from tickstock_automation.sessions import SessionCalendar

MOST_CATCHING_UP = 30


def plan_sessions(
    market: MarketChoice, as_of: date | None, days: int | None, calendar: SessionCalendar, now: datetime
) -> Callable[[date | None], list[date]]:
    """Checks what was asked for, and gives a function from the last session that is loaded to the sessions to run.

    Without a date: the sessions after the last one loaded, up to the last that closed; on the first start the newest.
    UsedWrongly where the market has no bars of that date, or fewer sessions than asked for.
    """
    horizon = min(calendar.last_closed(now), market.last)
    if as_of is not None:
        if not market.first <= as_of <= market.last:
            raise UsedWrongly(f"--as-of {as_of} is outside the data, which reach from {market.first} to {market.last}")
        wanted = calendar.following(as_of, days or 1)
        if wanted[-1] > max(horizon, wanted[0]) or wanted[0] > market.last:
            there = calendar.between(as_of, horizon)
            raise UsedWrongly(
                f"only {len(there)} sessions from {as_of} on have closed and have data (to {horizon}), not {days}"
            )
        return lambda _last: wanted

    def next_ones(last: date | None) -> list[date]:
        if last is None:
            return calendar.between(market.first, horizon)[-(days or 1) :]
        coming = calendar.between(calendar.after(last), horizon)
        return coming[: days or MOST_CATCHING_UP] or calendar.between(market.first, horizon)[-1:]

    return next_ones
