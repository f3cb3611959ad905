"""The end of a day: a vendor that is late, a day on which nothing traded, bars that lack, days that were missed; and the morning."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.builders import bar
from tests.services import DAYS, Altered, System
from tickstock_automation.bars.calling import make_calls
from tickstock_automation.bars.eod import load_missed, load_session, missed_sessions
from tickstock_automation.bars.reread import reread
from tickstock_automation.bars.session_state import settle
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import BadAnswer, VendorUnavailable
from tickstock_automation.sessions import calendar
from tickstock_automation.vendor.client import BarsAnswer

pytestmark = [pytest.mark.integration, pytest.mark.database]

MONDAY, LATER = DAYS[30], DAYS[31:]


def nothing(answer: BarsAnswer) -> BarsAnswer:
    return replace(answer, rows=())


def closed(day: date, **later: float) -> datetime:
    """So long after the session's close."""
    return calendar().session(day).closes + timedelta(**later)


def wide(build: Callable[..., System], without: tuple[tuple[str, date], ...] = ()) -> System:
    """Forty symbols, swept clean: all is loaded up to the session before MONDAY."""
    names = [f"T{number:02}" for number in range(40)]
    system = build([bar(name, day) for name in names for day in DAYS if (name, day) not in without])
    system.free_pace()
    system.scan(MONDAY)
    system.backfill(MONDAY)
    return system


def test_a_late_vendor_is_waited_for_and_past_the_limit_told_once(build: Callable[..., System]) -> None:
    system = wide(build)
    system.played.at(MONDAY, closed=True)
    late = Altered(system.played.vendor, grouped_bars=nothing)
    for _ in range(2):
        with pytest.raises(VendorUnavailable, match=f"no bars of {MONDAY} yet"):
            load_session(MONDAY, late, calendar(), system.settings, now=closed(MONDAY, hours=1))
    assert system.rows("SELECT outcome FROM eod_runs") == [("running",)]
    assert system.rows("SELECT count(*) FROM operational_findings") == [(0,)]
    for _ in range(2):
        with pytest.raises(BadAnswer, match="6 hours after the close"):
            load_session(MONDAY, late, calendar(), system.settings, now=closed(MONDAY, hours=7))
    assert system.rows("SELECT check_name, severity FROM operational_findings") == [("vendor_late", "critical")]
    assert len([one for one in system.events("maintenance_completed") if one["outcome"] == "failed"]) == 1
    assert system.eod(MONDAY).state == "ready"


def test_a_closure_that_the_calendar_does_not_know_is_no_gap(build: Callable[..., System]) -> None:
    system = wide(build)
    system.played.market.faults.set([f"special-closure@{MONDAY}*all"])
    system.played.at(MONDAY, closed=True)
    with pytest.raises(VendorUnavailable):
        load_session(MONDAY, system.played.vendor, calendar(), system.settings, now=closed(MONDAY, hours=1))
    system.scan(LATER[0])
    system.played.at(LATER[0], closed=True)
    reports = load_missed(system.played.vendor, calendar(), system.settings, closed(LATER[0], hours=1))
    assert [one.state for one in reports] == ["ready", "ready"]
    [(state, shut, expected, reasons)] = system.rows("SELECT state, closed, expected, reasons FROM session_status WHERE session = :day", day=MONDAY)  # fmt: skip
    assert (state, shut, expected) == ("ready", True, 0)
    assert "did not trade" in reasons[0]
    assert system.rows("SELECT check_name, severity FROM operational_findings") == [("special_closure", "low")]
    reread(LATER[1], system.played.vendor, calendar(), system.settings)
    assert system.rows("SELECT count(*) FROM bar_requests WHERE status = 'waiting'") == [(0,)]


def test_what_lacks_is_asked_for_again_after_each_pause_and_only_then_known_to_be_empty(
    build: Callable[..., System],
) -> None:
    system = wide(build, without=(("T07", MONDAY),))
    system.settings = system.settings.model_copy(update={"missing_pauses_s": (300.0, 1800.0)})
    assert system.eod(MONDAY).state == "pending"

    def waits() -> list[tuple[Any, ...]]:
        return list(system.rows("SELECT asks_left, round(extract(epoch FROM not_before - now()) / 100) FROM bar_requests WHERE status = 'waiting'"))  # fmt: skip

    calls = system.played.vendor.calls
    system.backfill(MONDAY)
    assert (waits(), system.played.vendor.calls - calls) == ([(1, 3)], 0), "not before its pause is over"
    assert system.rows("SELECT status, error_message FROM equity_processing_queue WHERE reason = 'missing'") == [
        ("pending", "its bars are asked for again after a pause")
    ]
    for left in ([(0, 18)], []):
        system.rows("UPDATE bar_requests SET not_before = now() RETURNING 1")
        system.rows("UPDATE equity_processing_queue SET scheduled_time = now() RETURNING 1")
        system.backfill(MONDAY)
        assert waits() == left
    assert system.played.vendor.calls - calls == 2
    found = system.rows("SELECT state, expected, stored, known_empty, refused, failed FROM session_status")
    assert found == [("ready", 40, 39, 1, 0, 0)]


def test_a_machine_that_was_off_makes_good_exactly_what_lacks_in_order(build: Callable[..., System]) -> None:
    system = wide(build)
    system.eod(MONDAY)
    back = LATER[8]
    system.scan(LATER[9])
    system.played.at(back, closed=True)
    missed = missed_sessions(calendar(), closed(back, minutes=30))
    assert missed == calendar().between(LATER[0], back), "holidays are none: 19 February lies between"
    broken = LATER[3]

    def spoiled(answer: BarsAnswer) -> BarsAnswer:
        if answer.arguments["date"] == broken.isoformat():
            raise BadAnswer("the answer is not JSON")
        return answer

    calls = system.played.vendor.calls
    with pytest.raises(BadAnswer):
        load_missed(Altered(system.played.vendor, grouped_bars=spoiled), calendar(), system.settings, closed(back, minutes=30))  # fmt: skip
    assert missed_sessions(calendar(), closed(back, minutes=30)) == [broken], "it kept none of the others from it"
    load_missed(system.played.vendor, calendar(), system.settings, closed(back, minutes=30))
    assert system.played.vendor.calls - calls == 2 * (len(missed) + 1), "the day's bars and the splits, each once"
    assert system.rows("SELECT DISTINCT state FROM session_status") == [("ready",)]
    order = [row[0] for row in system.rows("SELECT session FROM loads WHERE job LIKE 'eod:%' ORDER BY id")]
    assert order == [MONDAY, *(day for day in missed if day != broken), broken]


def test_the_morning_reads_again_corrects_tells_and_asks_for_old_gaps(build: Callable[..., System]) -> None:
    system = wide(build)
    for day in (MONDAY, *LATER[:3]):
        system.scan(day)
        system.eod(day)
    system.rows("DELETE FROM historical_data h USING symbols s WHERE s.id = h.symbol_id AND ticker = 'T03' AND date IN (:a, :b) RETURNING 1", a=DAYS[9], b=LATER[2])  # fmt: skip

    def corrected(answer: BarsAnswer) -> BarsAnswer:
        return replace(answer, rows=tuple(row | {"v": 7.0} if row["T"] == "T11" else row for row in answer.rows))

    before = system.played.vendor.calls
    vendor = Altered(system.played.vendor, grouped_bars=corrected)
    report = reread(LATER[3], vendor, calendar(), system.settings)
    assert report is not None
    assert (report.sessions, report.updated, report.loaded, report.gaps) == (3, 3, 1, 1)
    assert system.played.vendor.calls - before == 3
    told = system.events("maintenance_completed")[-1]
    assert (told["task"], told["session"], told["figures"]["updated"]) == ("reread", LATER[3].isoformat(), 3)
    assert told["corrected"] == [f"T11 {day}" for day in (LATER[2], LATER[1], LATER[0])]
    assert system.rows("SELECT DISTINCT reason FROM bar_corrections") == [("reread",)]
    assert system.rows("SELECT first_session, last_session, reason FROM bar_requests WHERE status = 'waiting'") == [(DAYS[9], DAYS[9], "missing")]  # fmt: skip
    system.backfill(LATER[3])
    assert system.rows("SELECT count(*) FROM historical_data") == [(40 * 34,)]
    assert reread(LATER[3], vendor, calendar(), system.settings) is None


def test_a_morning_whose_worker_was_killed_pays_for_no_session_twice(build: Callable[..., System]) -> None:
    system = wide(build)
    for day in (MONDAY, *LATER[:2]):
        system.scan(day)
        system.eod(day)
    calls = 0

    def away(answer: BarsAnswer) -> BarsAnswer:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise SystemExit  # as a killed process: nothing of ours is run any more
        return answer

    with pytest.raises(SystemExit):
        reread(LATER[2], Altered(system.played.vendor, grouped_bars=away), calendar(), system.settings)
    assert reread(LATER[2], system.played.vendor, calendar(), system.settings) is None, "it is still that worker's"
    system.rows("UPDATE reread_runs SET lease_until = now() - interval '1 s' RETURNING 1")
    report = reread(LATER[2], Altered(system.played.vendor, grouped_bars=away), calendar(), system.settings)
    assert report is not None
    assert (report.sessions, calls) == (3, 4)


def test_completeness_is_told_by_exchange(build: Callable[..., System]) -> None:
    names = [f"T{number:02}" for number in range(40)]
    tickers = "ticker,primary_exchange\n" + "".join(
        f"{name},{'XNYS' if at < 20 else 'XNAS'}\n" for at, name in enumerate(names)
    )
    system = build([bar(name, day) for name in names for day in DAYS if name < "T33" or day != MONDAY], tickers)
    system.scan(MONDAY)
    system.eod(MONDAY)
    [(state, exchanges, reasons)] = system.rows("SELECT state, exchanges, reasons FROM session_status")
    assert (state, exchanges["XNYS"]["stored"], exchanges["XNAS"]) == (
        "pending", 20, {"expected": 20, "stored": 13, "known_empty": 0, "refused": 0, "failed": 0},
    )  # fmt: skip
    assert "of XNAS 13 of 20 bars are there" in reasons


def test_half_days_are_loaded_after_their_own_close_and_holidays_are_none(build: Callable[..., System]) -> None:
    days = calendar().between(date(2024, 7, 1), date(2024, 7, 10))
    system = build([bar(name, day) for name in ("AAA", "BBB") for day in days])
    system.scan(days[1])
    system.eod(days[1])
    half = date(2024, 7, 3)
    assert missed_sessions(calendar(), datetime(2024, 7, 3, 17, 30, tzinfo=UTC)) == [half], "it closed at one o'clock"
    assert missed_sessions(calendar(), datetime(2024, 7, 3, 16, 30, tzinfo=UTC)) == []
    on_the_fourth = datetime(2024, 7, 4, 22, 0, tzinfo=UTC)
    system.played.at(half, closed=True)
    assert [one.state for one in load_missed(system.played.vendor, calendar(), system.settings, on_the_fourth)] == [
        "ready"
    ]
    assert load_missed(system.played.vendor, calendar(), system.settings, on_the_fourth) == []
    system.rows("UPDATE bar_requests SET status = 'cancelled' RETURNING 1")
    system.played.at(date(2024, 7, 8), closed=False)
    system.eod(date(2024, 7, 5))
    report = reread(date(2024, 7, 8), system.played.vendor, calendar(), system.settings)
    assert report is not None
    assert (report.sessions, report.gaps) == (3, 0), "the fourth is no gap"


def test_who_is_listed_later_has_no_gap_before(build: Callable[..., System]) -> None:
    rows = [bar(name, day) for name in ("AAA", "BBB") for day in DAYS] + [bar("NEW", day) for day in LATER[1:]]
    system = build(rows)
    system.free_pace()
    for day in (MONDAY, *LATER[:4]):
        system.scan(day)
        system.backfill(day)
        system.eod(day)
    report = reread(LATER[4], system.played.vendor, calendar(), system.settings)
    assert report is not None
    assert (report.gaps, system.rows("SELECT count(*) FROM bar_requests WHERE status = 'waiting'")) == (0, [(0,)])


def test_a_session_with_refused_failed_and_empty_bars_still_adds_up(build: Callable[..., System]) -> None:
    gone = {"T01", "T02"}
    system = wide(build, without=tuple((name, MONDAY) for name in gone))

    def spoiled(answer: BarsAnswer) -> BarsAnswer:
        return replace(answer, rows=tuple(row | {"c": "?"} if row["T"] == "T05" else row for row in answer.rows))

    broken = Altered(system.played.vendor, grouped_bars=spoiled)
    system.eod(MONDAY, broken)
    system.rows("UPDATE bar_requests SET not_before = now() RETURNING 1")
    make_calls(broken, calendar(), system.settings)
    assert system.rows("SELECT outcome, count(*) FROM unloaded_bars GROUP BY 1 ORDER BY 1") == [("failed", 2), ("refused", 1)]  # fmt: skip
    system.rows("DELETE FROM unloaded_bars WHERE symbol_id = (SELECT id FROM symbols WHERE ticker = 'T01') RETURNING 1")
    system.rows("INSERT INTO known_empty (symbol_id, session, reason) SELECT id, :day, 'halted' FROM symbols WHERE ticker = 'T01' RETURNING 1", day=MONDAY)  # fmt: skip
    with transaction(Role.IPO_MONITOR) as session:
        settle(session, [MONDAY])
    found = system.rows("SELECT state, expected, stored, known_empty, refused, failed FROM session_status WHERE session = :day", day=MONDAY)  # fmt: skip
    assert found == [("degraded", 40, 37, 1, 1, 1)]
