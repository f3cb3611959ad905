"""The hand that orders backfills, on a market whose symbols are known and want nothing yet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tests.builders import bar
from tests.services import DAYS, System
from tickstock_automation.bars import control
from tickstock_automation.bars.calling import make_calls
from tickstock_automation.bars.drafts import Draft, draft, order
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.sessions import calendar

LAST = DAYS[30]


class Desk:
    """The symbols of a scan that asked for nothing, and the hand that orders backfills."""

    def __init__(self, system: System) -> None:
        self.system = system
        system.scan(LAST)
        system.rows("UPDATE bar_requests SET status = 'cancelled' RETURNING 1")
        system.rows("DELETE FROM backfill_jobs WHERE id NOT IN (SELECT job_id FROM bar_requests) RETURNING 1")
        system.played.at(LAST, closed=True)
        self.ids = {row[0]: row[1] for row in system.rows("SELECT ticker, id FROM symbols")}

    def draft(self, *tickers: str, first: date = DAYS[0], last: date = LAST, reread: bool = False, earliest: date = date.min) -> Draft:  # fmt: skip
        with transaction(Role.APP) as session:
            ids = [self.ids[one] for one in tickers or self.ids]
            return draft(session, ids, first, last, earliest, calendar(), reread=reread)

    def order(self, *tickers: str, max_calls: int | None = None, **about: Any) -> int:
        with transaction(Role.IPO_MONITOR) as session:
            return order(session, self.draft(*tickers, **about), LAST, "ann", max_calls)

    def work(self, vendor: Any = None, most_s: float = float("inf")) -> int:
        return make_calls(vendor or self.system.played.vendor, calendar(), self.system.settings, most_s=most_s).calls

    def job(self, number: int) -> control.JobStatus:
        with transaction(Role.APP) as session:
            return control.job_status(session, number, 0)

    def say(self, what: Callable[..., None], *words: Any) -> None:
        with transaction(Role.IPO_MONITOR) as session:
            what(session, calendar(), *words)

    def stored(self) -> int:
        return int(self.system.rows("SELECT count(*) FROM historical_data")[0][0])


@pytest.fixture
def desk(build: Callable[..., System]) -> Desk:
    """Forty symbols on 31 sessions, so that a whole market is a call a session."""
    return Desk(build([bar(f"T{number:02}", day, 10 + number) for number in range(40) for day in DAYS[:40]]))
