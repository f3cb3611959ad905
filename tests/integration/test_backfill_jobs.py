"""Backfill jobs: what they ask for, what they share, and a person's word on them."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from tests.backfilling import LAST, Desk
from tests.services import DAYS, Altered
from tickstock_automation.bars import calls, control, loading, planning
from tickstock_automation.bars.drafts import order
from tickstock_automation.bars.lacking import read_lacking
from tickstock_automation.bars.planning import make_plan
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import NotFound, UsedWrongly, VendorUnavailable
from tickstock_automation.sessions import calendar
from tickstock_automation.vendor.client import BarsAnswer

pytestmark = [pytest.mark.integration, pytest.mark.database]


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
    desk.say(control.resume, number, 2)
    assert desk.work() == 2
    desk.say(control.resume, number, None)
    assert desk.work() == 25
    assert desk.job(number).state == "done"


def test_a_paused_job_costs_no_call_but_takes_what_others_bring(desk: Desk) -> None:
    paused = desk.order()
    desk.say(control.pause, paused, "ann")
    assert (desk.work(), desk.job(paused).why) == (0, "paused by ann")
    other = desk.order(first=DAYS[28])
    assert desk.work() == 3
    assert (desk.job(other).state, desk.job(other).vendor_calls) == ("done", 3)
    desk.say(control.resume, paused, None)
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
    desk.say(control.cancel, number, "bob")
    assert (desk.job(number).state, desk.stored(), desk.work()) == ("cancelled", 120, 0)
    assert desk.system.events("backfill_completed")[-1]["outcome"] == "cancelled"
    with pytest.raises(UsedWrongly, match="has ended"):
        desk.say(control.pause, number, "bob")
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
    desk.say(control.resume, number, None)
    desk.work()
    assert (desk.job(number).state, desk.job(number).bars, desk.job(number).failed) == ("done", 31, 0)
    assert desk.system.rows("SELECT count(*) FROM unloaded_bars") == [(0,)]


def test_a_job_that_pauses_leaves_the_calls_that_another_waits_for(desk: Desk) -> None:
    paused, other = desk.order(), desk.order(first=DAYS[25])
    with transaction(Role.IPO_MONITOR) as session:
        make_plan(session, calendar())
    assert desk.system.rows("SELECT count(*) FROM bar_calls WHERE status = 'waiting'") == [(31,)]
    desk.say(control.pause, paused, "ann")
    assert desk.system.rows("SELECT min(first_session), count(*) FROM bar_calls WHERE status = 'waiting'") == [(DAYS[25], 6)]  # fmt: skip
    assert desk.work() == 6
    assert (desk.job(other).state, desk.job(paused).state, desk.job(paused).bars) == ("done", "paused", 240)


def test_what_could_not_be_had_is_asked_for_again_by_a_new_order(desk: Desk) -> None:
    desk.system.rows("INSERT INTO unloaded_bars (symbol_id, session, outcome, reason) SELECT id, :day, 'failed', 'html' FROM symbols WHERE ticker = 'T01' RETURNING 1", day=DAYS[4])  # fmt: skip
    desk.order("T01")
    assert desk.work() == 1
    assert (desk.stored(), desk.system.rows("SELECT count(*) FROM unloaded_bars")) == (31, [(0,)])


def test_a_re_read_notes_what_is_not_there_and_keeps_what_it_does_not_bring(desk: Desk) -> None:
    desk.order("T01", last=DAYS[28])
    desk.work()

    def less(answer: BarsAnswer) -> BarsAnswer:
        return replace(answer, rows=tuple(row for row in answer.rows[:-3]))

    number = desk.order("T01", reread=True)
    desk.work(Altered(desk.system.played.vendor, range_bars=less))
    job = desk.job(number)
    assert (job.state, job.pairs, job.bars, job.empty) == ("done", 31, 29, 2)
    assert desk.stored() == 29
    assert desk.system.rows("SELECT session FROM known_empty ORDER BY 1") == [(DAYS[29],), (DAYS[30],)]


def test_a_call_whose_worker_died_is_made_again_after_its_lease_and_loaded_once(desk: Desk) -> None:
    number = desk.order("T01")

    def died(answer: BarsAnswer) -> BarsAnswer:
        raise SystemExit  # as a killed process: nothing of ours is run any more

    with pytest.raises(SystemExit):
        desk.work(Altered(desk.system.played.vendor, range_bars=died))
    assert desk.work() == 0, "it is still that worker's"
    desk.system.rows("UPDATE bar_calls SET lease_until = now() - interval '1 s' RETURNING 1")
    assert desk.work() == 1
    assert desk.system.rows("SELECT attempts, status FROM bar_calls") == [(2, "done")]
    assert (desk.job(number).vendor_calls, desk.stored()) == (1, 31)


@pytest.mark.parametrize("ends", ["done", "put back"])
def test_a_call_that_ends_while_another_worker_plans_is_made_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    number = desk.order()
    vendor, settings = desk.system.played.vendor, desk.system.settings
    with transaction(Role.IPO_MONITOR) as session:
        make_plan(session, calendar())
    with transaction(Role.IPO_MONITOR) as session:
        call = calls.claim_call(session, lease_s=60, most_attempts=3)
    assert call is not None

    def read_and_then_it_ends(*about: Any) -> Any:
        found = read_lacking(*about)
        if ends == "done":
            loading.make(call, vendor, calendar(), settings)
        else:
            with transaction(Role.IPO_MONITOR) as another:
                calls.put_back(another, call, "5 calls a minute are spent", after_s=0.0)
        return found

    with monkeypatch.context() as meanwhile, transaction(Role.IPO_MONITOR) as session:
        meanwhile.setattr(planning, "read_lacking", read_and_then_it_ends)
        make_plan(session, calendar())
    assert desk.work() == (30 if ends == "done" else 31)
    assert desk.system.rows("SELECT count(*), min(inserted) FROM loads") == [(31, 40)]
    assert (desk.job(number).state, desk.job(number).vendor_calls, desk.stored()) == ("done", 31, 1240)


def test_the_call_for_splits_stands_for_no_bar(desk: Desk) -> None:
    """A re-read of years long past: its first call is for all splits of them."""
    with transaction(Role.IPO_MONITOR) as session:
        number = order(session, desk.draft("T01", reread=True), date(2026, 1, 5), "ann", None)
        make_plan(session, calendar())
    rows = desk.system.rows("SELECT endpoint, ticker, first_session, last_session FROM bar_calls ORDER BY endpoint")
    assert rows == [("range", "T01", DAYS[0], LAST), ("splits", None, DAYS[0], date(2026, 1, 5))]
    assert desk.draft(first=DAYS[0], last=DAYS[1]).waiting == 0, "the market's first session is not planned by it"
    desk.system.rows("UPDATE bar_calls SET status = 'done', finished_at = now() WHERE endpoint = 'splits' RETURNING 1")
    desk.order("T02")  # the plan is made anew
    assert desk.work() == 2
    assert (desk.job(number).state, desk.job(number).vendor_calls, desk.stored()) == ("done", 1, 62)
