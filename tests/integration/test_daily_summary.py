"""The daily summary over sessions that the services loaded: counted once, right, and told once."""

import threading
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tests.quality_days import FIRST, LEAP, REAL, SECOND, THIRD, WRONG, find, load, step
from tests.services import Altered, System
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.operational import report
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import UsedWrongly
from tickstock_automation.events.catalogue import DailySummary
from tickstock_automation.quality.summary import sum_up
from tickstock_automation.sessions import calendar
from tickstock_automation.vendor.client import BarsAnswer

pytestmark = [pytest.mark.integration, pytest.mark.database]


def figures(system: System, day: date, scope: str = "summary") -> list[dict[str, Any]]:
    return [
        row[0]
        for row in system.rows(
            "SELECT figures FROM quality_metrics WHERE session = :day AND scope = :scope ORDER BY check_name, symbol_id",
            day=day, scope=scope,
        )
    ]  # fmt: skip


def test_a_summary_tells_what_is_new_open_there_and_fresh(market: System) -> None:
    find(market, LEAP, WRONG, REAL)
    market.sweep(FIRST)
    [told] = market.events("daily_summary")
    assert DailySummary.model_validate(told).session == FIRST
    assert (told["symbols_checked"], told["findings"]) == (4, 3)
    assert told["by_check"] == {"price_move": 2, "price_outlier": 1}
    assert told["by_verdict"] == {"data_error": 1, "market_event": 1, "undetermined": 1}
    assert told["by_severity"] == {"medium": 1, "high": 1, "critical": 1}
    assert (told["bars_present"], told["bars_expected"], told["completeness"]) == (4, 4, 1.0)
    assert (told["newest_bar"], told["lagging"], told["without_bars"]) == (str(FIRST), 0, 0)
    assert told["worst"] == [f"CCC {FIRST} price_outlier: odd", f"AAA {FIRST} price_move: odd"], (
        "a real move is settled"
    )
    assert (told["open_by_state"], told["open_by_severity"]) == ({"open": 2}, {"high": 1, "critical": 1})
    assert (told["findings_yesterday"], told["findings_mean_30"]) == (None, None)
    assert told["against"]["completeness"] == {"today": 1.0, "yesterday": None, "mean_30": None}


def test_what_the_sweep_finds_itself_is_in_its_summary(market: System) -> None:
    with transaction(Role.IPO_MONITOR) as session:
        report(
            session, check="vendor_coverage", severity="critical", day=FIRST, reported_by="ipo_monitor", message="few"
        )
    swept = market.sweep(FIRST)
    [told] = market.events("daily_summary")
    assert told["by_check"] == swept.by_check == {"vendor_coverage": 1}
    assert (told["by_verdict"], told["by_severity"], told["worst"]) == ({}, {}, [f"{FIRST} vendor_coverage: few"])


def test_the_next_summary_counts_only_what_came_since_and_compares(market: System) -> None:
    find(market, LEAP)
    market.sweep(FIRST)
    find(market, WRONG, REAL)
    load(market, THIRD)
    market.sweep(THIRD)
    told = market.events("daily_summary")[-1]
    assert (told["by_check"]["price_outlier"], told["by_check"]["price_move"]) == (1, 1)
    assert (told["findings_yesterday"], told["findings_mean_30"]) == (1, 1.0)
    assert told["against"]["findings"] == {"today": float(told["findings"]), "yesterday": 1.0, "mean_30": 1.0}
    assert told["against"]["open"]["yesterday"] == 1.0


def test_a_bar_that_lacks_tells_in_completeness_and_freshness(market: System) -> None:
    load(market, SECOND)
    market.sweep(SECOND)
    [told] = market.events("daily_summary")
    assert (told["bars_present"], told["bars_expected"], told["completeness"]) == (3, 4, 0.75)
    assert (told["newest_bar"], told["lagging"], told["without_bars"]) == (str(SECOND), 1, 0)
    [bbb] = figures(market, SECOND, "symbol")
    assert (bbb["newest_bar"], bbb["sessions_behind"]) == (str(FIRST), 1)


def test_each_check_and_each_symbol_with_something_to_say_has_figures(market: System) -> None:
    find(market, LEAP, WRONG, REAL)
    market.sweep(FIRST)
    [move, outlier] = figures(market, FIRST, "check")
    assert (move["findings"], move["open"], move["by_severity"]) == (2, 1, {"medium": 1, "high": 1})
    assert (outlier["findings"], outlier["by_verdict"]) == (1, {"data_error": 1})
    [aaa, ccc, ddd] = figures(market, FIRST, "symbol")
    assert (aaa["by_check"], aaa["open"]) == ({"price_move": 1}, 1)
    assert (ccc["open_by_severity"], ddd["open"]) == ({"critical": 1}, 0)


def test_what_was_found_between_two_sweeps_is_counted_by_the_next_and_by_no_other(market: System) -> None:
    market.sweep(FIRST)
    find(market, WRONG)
    for day in (SECOND, THIRD):
        load(market, day)
        market.sweep(day)
    counted = [figures(market, day)[0]["by_check"].get("price_outlier", 0) for day in (FIRST, SECOND, THIRD)]
    assert counted == [0, 1, 0]


def test_what_remediation_put_right_is_counted_once(market: System) -> None:
    alerts = find(market, WRONG)
    market.sweep(FIRST)
    step(alerts, "remediating", "resolved")
    for day in (SECOND, THIRD):
        load(market, day)
        market.sweep(day)
    told = market.events("daily_summary")
    assert [one["repaired_by_check"].get("price_outlier", 0) for one in told] == [0, 1, 0]


def test_of_a_finding_about_the_market_the_bars_repaired_for_it_are_counted(market: System) -> None:
    [alert] = find(market, WRONG)
    market.rows("UPDATE quality_alerts SET symbol_id = NULL RETURNING 1")
    market.rows(
        "INSERT INTO repair_requests (alert_id, symbol_id, session, action, state, author)"
        " SELECT :alert, id, :day, 'reload', CASE ticker WHEN 'DDD' THEN 'failed' ELSE 'applied' END, 'remediation' FROM symbols RETURNING 1",
        alert=alert, day=FIRST,
    )  # fmt: skip
    step([alert], "remediating", "resolved")
    market.sweep(FIRST)
    [told] = market.events("daily_summary")
    assert (told["repaired"], told["repaired_by_check"]) == (3, {"price_outlier": 3})


def test_a_repairs_change_is_no_correction_of_the_vendors(market: System) -> None:
    market.rows(
        "INSERT INTO bar_corrections (symbol_id, session, old, new, reason, load_id) SELECT s.id, :day, '{}', '{}', r, l.id"
        " FROM symbols s CROSS JOIN unnest(ARRAY['repair', 'by hand', 'undo', 'reread']) r CROSS JOIN (SELECT max(id) AS id FROM loads) l"
        " WHERE s.ticker = 'AAA' RETURNING 1",
        day=FIRST,
    )
    market.sweep(FIRST)
    assert market.events("daily_summary")[0]["corrected"] == 1


def test_what_closed_without_a_repair_is_none(market: System) -> None:
    step(find(market, WRONG), "resolved")
    market.sweep(FIRST)
    assert market.events("daily_summary")[0]["repaired"] == 0


def test_the_vendors_corrections_are_counted(market: System) -> None:
    market.sweep(FIRST)
    market.rows("DELETE FROM eod_runs RETURNING 1")

    def corrected(answer: BarsAnswer) -> BarsAnswer:
        return replace(answer, rows=tuple(row | {"c": 10.1} if row["T"] == "CCC" else row for row in answer.rows))

    market.eod(FIRST, Altered(market.played.vendor, grouped_bars=corrected))
    load(market, SECOND)
    market.sweep(SECOND)
    assert market.events("daily_summary")[-1]["corrected"] == 1


def test_completeness_is_that_of_the_session_status(market: System) -> None:
    def thin(answer: BarsAnswer) -> BarsAnswer:
        return replace(answer, rows=tuple(row for row in answer.rows if row["T"] in ("AAA", "BBB")))

    market.scan(THIRD)
    market.eod(THIRD, Altered(market.played.vendor, grouped_bars=thin))
    market.sweep(THIRD)
    [told] = market.events("daily_summary")
    status = market.rows("SELECT completeness FROM get_session_status(:day)", day=THIRD)
    assert [(told["completeness"],)] == status == [(0.5,)]


def test_a_session_without_a_status_is_counted_from_its_bars(market: System) -> None:
    market.rows("DELETE FROM session_status RETURNING 1")
    market.sweep(FIRST)
    [told] = market.events("daily_summary")
    assert (told["bars_present"], told["bars_expected"], told["completeness"]) == (4, 4, 1.0)


def test_a_day_that_the_exchange_was_closed_lacks_nothing(market: System) -> None:
    market.rows(
        "INSERT INTO session_status (session, state, closed) VALUES (:day, 'ready', true) RETURNING 1", day=SECOND
    )
    market.sweep(SECOND)
    told = market.events("daily_summary")[-1]
    assert (told["completeness"], told["lagging"], told["newest_bar"]) == (1.0, 0, str(FIRST))


def test_two_sweeps_at_once_make_one_summary(market: System) -> None:
    threads = [threading.Thread(target=market.sweep, args=(FIRST,)) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(market.events("daily_summary")) == 1
    assert market.rows("SELECT count(*) FROM quality_metrics WHERE scope = 'summary'") == [(1,)]


def test_a_day_is_summed_up_once_even_where_it_is_asked_for_again(market: System) -> None:
    market.sweep(FIRST)
    before = market.rows("SELECT scope, check_name, symbol_id, figures FROM quality_metrics ORDER BY id")
    with pytest.raises(UsedWrongly, match="stands already"), transaction(Role.QUALITY_MONITOR) as session:
        sum_up(session, FIRST, calendar(), checked=4)
    with pytest.raises(UsedWrongly, match="nobody has claimed"), transaction(Role.QUALITY_MONITOR) as session:
        sum_up(session, FIRST + timedelta(days=1), calendar(), checked=4)
    assert market.rows("SELECT scope, check_name, symbol_id, figures FROM quality_metrics ORDER BY id") == before


def test_a_summary_after_one_of_an_earlier_version_begins_at_its_time(market: System) -> None:
    find(market, WRONG)
    market.sweep(FIRST)
    market.rows(
        'UPDATE quality_metrics SET figures = \'{"checked": 4, "findings": 7, "by_check": {}}\' WHERE scope = \'summary\' RETURNING 1'
    )
    load(market, SECOND)
    market.sweep(SECOND)
    told = market.events("daily_summary")[-1]
    assert "price_outlier" not in told["by_check"]
    assert (told["findings_yesterday"], told["against"]["open"]["yesterday"]) == (7, None)
