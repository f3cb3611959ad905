"""Times as people type them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from tickstock_automation.errors import UsedWrongly
from tickstock_automation.sessions import calendar

AGO = re.compile(r"(\d+)([smhd])")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment_or_id(words: str) -> datetime | UUID:
    """What --since means: a time (without a zone: UTC), how long ago, or an event's id."""
    ago = AGO.fullmatch(words)
    if ago:
        return datetime.now(UTC) - timedelta(**{UNITS[ago[2]]: int(ago[1])})
    try:
        return UUID(words)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        raise UsedWrongly(
            f"{words!r} is no event's id, no time (2026-11-23 or 2026-11-23T09:30, UTC) and no 10m, 2h, 1d"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def session_of(as_of: datetime | None, last: date) -> date:
    """The session that --as-of means; without it `last`, behind which lies the future."""
    if as_of is None:
        return last
    if as_of.date() > last:
        raise UsedWrongly(f"{as_of:%Y-%m-%d} is in the future: the last session to ask for is {last}")
    return calendar().on_or_after(as_of.date())
