"""What is known of a session before any price is: storms, half days, expiries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from tickstock_automation.sessions import calendar

FULL_DAY = timedelta(hours=6)
QUARTERS = (3, 6, 9, 12)  # months in which futures and options expire together
FRIDAY = 4

# first and last day, the market's volatility as a multiple of a quiet day's
STORMS = (
    (date(2015, 8, 20), date(2015, 9, 4), 3.0),
    (date(2018, 2, 2), date(2018, 2, 12), 3.0),
    (date(2018, 12, 4), date(2018, 12, 31), 2.5),
    (date(2020, 2, 24), date(2020, 3, 6), 4.0),
    (date(2020, 3, 9), date(2020, 4, 8), 7.0),
    (date(2020, 6, 8), date(2020, 6, 26), 2.0),
    (date(2022, 5, 2), date(2022, 6, 24), 2.0),
)


@dataclass(frozen=True)
class Days:
    """The sessions and, of each, `storm`: how much wilder than a quiet day; `trade`: how much of a usual day's volume."""

    sessions: list[date]
    storm: NDArray[np.float64]
    trade: NDArray[np.float64]


def days_of(sessions: list[date]) -> Days:
    """What is known of the sessions of New York."""
    storm = np.ones(len(sessions))
    for first, last, size in STORMS:
        storm[[first <= day <= last for day in sessions]] = size
    return Days(sessions, storm, np.array([_trade(day) for day in sessions]))


def _trade(day: date) -> float:
    session = calendar().session(day)
    if session.closes - session.opens < FULL_DAY:
        return 0.42
    if day.month in QUARTERS and day.weekday() == FRIDAY and 15 <= day.day <= 21:
        return 1.7
    return 1.0
