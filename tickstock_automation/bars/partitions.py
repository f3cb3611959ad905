"""Partitions of the bars, made ahead: a load finds the one it writes to."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

AHEAD = timedelta(days=365)


def ensure_partitions(session: Session, first: date, last: date) -> int:
    """Makes those for the days from `first` to `last`; says how many were new. Without new ones a look-up, and no lock.

    There is no default partition: a bar of a day that nobody planned for is refused by the table.
    """
    made = session.execute(
        text("SELECT create_bar_partitions(:first, :last)"), {"first": first, "last": last}
    ).scalar_one()
    return int(made)
