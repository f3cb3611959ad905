"""The exchange's sessions: which days, when they close, which session a moment belongs to.

Source: exchange_calendars, XNYS (New York), with half days, holidays and special closures such as 2018-12-05.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tickstock_automation.errors import UsedWrongly

NEW_YORK = ZoneInfo("America/New_York")
FIRST_DAY = date(2000, 1, 3)


@dataclass(frozen=True)
class Session:
    """One trading day: its date in New York, and the moments it opens and closes (UTC)."""

    day: date
    opens: datetime
    closes: datetime


class SessionCalendar:
    """The sessions of one exchange, in order."""

    def __init__(self, sessions: tuple[Session, ...]) -> None:
        self._sessions = sessions
        self._days = [session.day for session in sessions]

    def without(self, days: Collection[date]) -> SessionCalendar:
        """The same calendar without some days; itself where there are none."""
        if not days:
            return self
        return SessionCalendar(tuple(one for one in self._sessions if one.day not in days))

    def is_session(self, day: date) -> bool:
        """Whether the exchange trades on this day."""
        at = bisect_left(self._days, day)
        return at < len(self._days) and self._days[at] == day

    def between(self, first: date, last: date) -> list[date]:
        """The session days from `first` to `last`, both included."""
        return self._days[bisect_left(self._days, first) : bisect_right(self._days, last)]

    def on_or_after(self, day: date) -> date:
        """The first session day not before `day`."""
        return self._days[bisect_left(self._days, day)]

    def before(self, day: date) -> date:
        """The last session day before `day`; IndexError before the calendar begins."""
        at = bisect_left(self._days, day)
        if at == 0:
            raise IndexError(f"no session is known before {day}")
        return self._days[at - 1]

    def after(self, day: date) -> date:
        """The first session day after `day`."""
        return self._days[bisect_right(self._days, day)]

    def following(self, day: date, count: int) -> list[date]:
        """The first `count` session days not before `day`."""
        at = bisect_left(self._days, day)
        return self._days[at : at + count]

    def session(self, day: date) -> Session:
        """The session of this day; KeyError where the exchange is closed."""
        at = bisect_left(self._days, day)
        if at == len(self._days) or self._days[at] != day:
            raise KeyError(day)
        return self._sessions[at]

    def last_closed(self, now: datetime) -> date:
        """The day of the last session that has closed at `now` (aware)."""
        at = bisect_right(self._sessions, now, key=lambda session: session.closes)
        return self._days[at - 1]

    def to_scan(self, now: datetime) -> date:
        """The session that a scan at `now` prepares: today's until it closes, then the next one."""
        at = bisect_right(self._sessions, now, key=lambda session: session.closes)
        return self._days[at]


@lru_cache(maxsize=4)
def calendar(code: str = "XNYS", first: date = FIRST_DAY, last: date | None = None) -> SessionCalendar:
    """The calendar of an exchange, by its code, from 2000 to a year from now where nothing else is said.

    Raises UsedWrongly for a code that no exchange has.
    """
    import exchange_calendars

    end = min(last or date.max, datetime.now(UTC).date() + timedelta(days=364))
    try:
        found = exchange_calendars.get_calendar(code, start=min(first, end).isoformat(), end=end.isoformat())
    except exchange_calendars.errors.InvalidCalendarName:
        known = ", ".join(sorted(exchange_calendars.get_calendar_names(include_aliases=False)))
        raise UsedWrongly(f"there is no exchange calendar {code}; there are {known}") from None
    except ValueError as error:
        raise UsedWrongly(f"the calendar {code} does not reach so far: {error}") from None
    schedule = found.schedule[["open", "close"]]
    return SessionCalendar(
        tuple(
            Session(day.date(), opens.to_pydatetime(), closes.to_pydatetime())
            for day, opens, closes in schedule.itertuples()
        )
    )


def new_york_date(moment: datetime) -> date:
    """The calendar date in New York of an aware moment."""
    return moment.astimezone(NEW_YORK).date()
