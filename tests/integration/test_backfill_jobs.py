"""Backfill jobs: what they ask for, what they share, and a person's word on them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from tests.builders import bar
from tests.services import DAYS, Altered, System
from tickstock_automation.bars import control
from tickstock_automation.bars.calling import make_calls
from tickstock_automation.bars.drafts import Draft, draft, order
from tickstock_automation.bars.planning import make_plan
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import NotFound, UsedWrongly, VendorUnavailable
from tickstock_automation.sessions import calendar
from tickstock_automation.vendor.client import BarsAnswer

pytestmark = [pytest.mark.integration, pytest.mark.database]

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
            what(session, *words, calendar())

    def stored(self) -> int:
        return int(self.system.rows("SELECT count(*) FROM historical_data")[0][0])


@pytest.fixture
def desk(build: Callable[..., System]) -> Desk:
    """Forty symbols on 31 sessions, so that a whole market is a call a session."""
    return Desk(build([bar(f"T{number:02}", day, 10 + number) for number in range(40) for day in DAYS[:40]]))


def test_a_job_brings_all_with_the_fewest_calls_and_tells_its_life_once(desk: Desk) -> None:
    drafted = desk.draft()
    assert (len(drafted.calls), drafted.grouped, drafted.pairs) == (31, 31, 40 * 31)
    number = desk.order()
    assert desk.work() == 31
    job = desk.job(number)
    assert (job.state, job.pairs, job.bars, job.vendor_calls, job.percent) == ("done", 1240, 1240, 31, 100)
    assert [one["job_id"] for one in desk.system.events("backfill_started")] == [number]
    assert [one["percent"] // 10 for one in desk.system.events("backfill_progress")] == list(range(1, 11))
    assert [one["outcome"] for one in desk.system.events("backfill_completed")] == ["done"]
    order_of_loads = [row[0] for row in desk.system.rows("SELECT session FROM loads ORDER BY id")]
    assert order_of_loads == sorted(order_of_loads, reverse=True), "the newest first"


def test_few_symbols_over_long_and_a_market_over_short_are_the_sum_of_their_calls(desk: Desk) -> None:
    desk.order(first=DAYS[26])
    desk.order("T01", "T02")
    assert desk.work() == 5 + 2
    assert desk.stored() == 40 * 5 + 2 * 26


def test_what_is_stored_or_known_to_be_empty_is_not_asked_for_again(desk: Desk) -> None:
    desk.order("T01", "T02")
    desk.work()
    again = desk.draft("T01", "T02", "T03")
    assert (len(again.calls), again.pairs, again.settled) == (1, 31, 62)
    desk.system.rows("INSERT INTO known_empty (symbol_id, session, reason) SELECT id, d, 'no bar' FROM symbols, unnest(CAST(:days AS date[])) d WHERE ticker = 'T03' RETURNING 1", days=DAYS[:31])  # fmt: skip
    assert desk.draft("T01", "T02", "T03").calls == []


def test_a_re_read_compares_and_keeps_what_it_changed_and_why(desk: Desk) -> None:
    desk.order("T01")
    desk.work()

    def corrected(answer: BarsAnswer) -> BarsAnswer:
        return replace(answer, rows=(answer.rows[0] | {"c": 11.11}, *answer.rows[1:]))

    number = desk.order("T01", reread=True)
    desk.work(Altered(desk.system.played.vendor, range_bars=corrected))
    assert desk.system.rows("SELECT old ->> 'close', new ->> 'close', reason FROM bar_corrections") == [("11", "11.11", "backfill")]  # fmt: skip
    assert (desk.job(number).state, desk.stored()) == ("done", 31)


def test_what_the_vendors_plan_does_not_reach_and_what_was_not_listed_is_named_and_not_asked_for(desk: Desk) -> None:
    desk.system.rows("UPDATE symbols SET list_date = :day, details_on = :day WHERE ticker = 'T02' RETURNING 1", day=DAYS[20])  # fmt: skip
    drafted = desk.draft("T01", "T02", earliest=DAYS[10])
    assert (drafted.outside, drafted.unlisted, drafted.pairs) == (2 * 10, 10, 21 + 11)
    with transaction(Role.IPO_MONITOR) as session:
        order(session, drafted, LAST, "ann", None)
    desk.work()
    assert desk.system.rows(
        "SELECT s.ticker, min(date) FROM historical_data h JOIN symbols s ON s.id = h.symbol_id GROUP BY 1 ORDER BY 1"
    ) == [("T01", DAYS[10]), ("T02", DAYS[20])]


def test_a_job_pauses_when_its_calls_are_spent_and_goes_on_when_told(desk: Desk) -> None:
    number = desk.order(max_calls=4)
    assert desk.work() == 4
    job = desk.job(number)
    assert (job.state, job.why, job.vendor_calls, job.calls_left) == ("paused", "its 4 calls are spent", 4, 27)
    desk.say(lambda session, calendar: control.resume(session, number, 2, calendar))
    assert desk.work() == 2
    desk.say(lambda session, calendar: control.resume(session, number, None, calendar))
    assert desk.work() == 25
    assert desk.job(number).state == "done"


def test_a_paused_job_costs_no_call_but_takes_what_others_bring(desk: Desk) -> None:
    paused = desk.order()
    desk.say(lambda session, calendar: control.pause(session, paused, "ann", calendar))
    assert (desk.work(), desk.job(paused).why) == (0, "paused by ann")
    other = desk.order(first=DAYS[28])
    assert desk.work() == 3
    assert (desk.job(other).state, desk.job(other).vendor_calls) == ("done", 3)
    desk.say(lambda session, calendar: control.resume(session, paused, None, calendar))
    assert desk.work() == 28, "without the three that the other job paid for"
    assert (desk.job(paused).pairs, desk.job(paused).bars) == (1120, 1120)


def test_two_jobs_that_want_the_same_call_share_it(desk: Desk) -> None:
    jobs = [desk.order(), desk.order(first=DAYS[10])]
    assert desk.work() == 31
    assert [(desk.job(one).state, desk.job(one).vendor_calls) for one in jobs] == [("done", 31), ("done", 21)]
    assert desk.system.rows("SELECT count(*) FROM loads") == [(31,)]


def test_a_cancelled_job_keeps_its_bars_and_ends(desk: Desk) -> None:
    number = desk.order(max_calls=3)
    desk.work()
    desk.say(lambda session, calendar: control.cancel(session, number, "bob", calendar))
    assert (desk.job(number).state, desk.stored(), desk.work()) == ("cancelled", 120, 0)
    assert desk.system.events("backfill_completed")[-1]["outcome"] == "cancelled"
    with pytest.raises(UsedWrongly, match="has ended"):
        desk.say(lambda session, calendar: control.pause(session, number, "bob", calendar))
    with pytest.raises(NotFound):
        desk.job(99)


def test_more_urgent_wants_go_first_and_replan_without_repeating(desk: Desk) -> None:
    desk.order()

    def away(_answer: BarsAnswer) -> BarsAnswer:
        raise VendorUnavailable("5 calls a minute are spent", after_s=0.0)

    desk.work(Altered(desk.system.played.vendor, grouped_bars=away))
    with transaction(Role.IPO_MONITOR) as session:
        session.execute(
            text("INSERT INTO bar_requests (symbol_id, first_session, last_session, reason, priority) VALUES (:id, :day, :day, 'suspect', 100)"),
            {"id": desk.ids["T05"], "day": DAYS[3]},
        )  # fmt: skip
    assert desk.work() == 31
    first, *_ = desk.system.rows("SELECT session, job FROM loads ORDER BY id LIMIT 1")
    assert first[0] == DAYS[3]
    assert desk.stored() == 1240


def test_a_failed_job_tries_what_failed_again(desk: Desk) -> None:
    number = desk.order("T01")
    with transaction(Role.IPO_MONITOR) as session:
        make_plan(session, calendar())
    desk.system.rows("UPDATE bar_calls SET status = 'running', attempts = 5, lease_until = now() - interval '1 s' RETURNING 1")  # fmt: skip
    desk.work()
    job = desk.job(number)
    assert (job.state, job.failed) == ("failed", 31)
    reasons = desk.system.rows("SELECT DISTINCT outcome, reason FROM unloaded_bars")
    assert reasons == [("failed", "its worker ended 5 times in the middle")]
    assert desk.draft("T01").calls == [], "only who asks again asks again"
    desk.say(lambda session, calendar: control.resume(session, number, None, calendar))
    desk.work()
    assert (desk.job(number).state, desk.job(number).bars, desk.job(number).failed) == ("done", 31, 0)
    assert desk.system.rows("SELECT count(*) FROM unloaded_bars") == [(0,)]
