"""Scan, backfill, end of day and sweep against a real database and the replay: what is stored, told, and not."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.builders import bar, lively
from tests.services import DAYS, Altered, System
from tickstock_automation import stopping
from tickstock_automation.bars.backfill import process_batch
from tickstock_automation.bars.eod import missed_sessions
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import BadAnswer, DatabaseConflict, LeaseLost, VendorRefused, VendorUnavailable
from tickstock_automation.processing.dispatcher import dispatch
from tickstock_automation.processing.queue import Batch, renew
from tickstock_automation.quality.sweep import sessions_to_sweep
from tickstock_automation.sessions import calendar
from tickstock_automation.settings import Settings
from tickstock_automation.vendor.client import BarsAnswer, ListingAnswer, Vendor
from tickstock_automation.vendor.polygon import PolygonVendor

pytestmark = [pytest.mark.integration, pytest.mark.database]

MONDAY = DAYS[30]
LATER = DAYS[31:]
NAMES = ("AAA", "BBB", "CCC")


def test_the_first_scan_stores_all_and_backfills_with_one_call_a_session(build: Callable[..., System]) -> None:
    system = build([bar(f"T{number:02}", day) for number in range(60) for day in DAYS])
    report = system.scan(MONDAY)
    assert (report.listed, len(report.new)) == (60, 60)
    assert {event["reason"] for event in system.events("new_symbol")} == {"bootstrap"}
    calls = system.played.vendor.calls
    system.backfill(MONDAY)
    sessions = len(calendar().between(date(2023, 11, 16), DAYS[29]))
    assert system.played.vendor.calls - calls == 30 + 1 + 3, (
        "the sessions with bars, the last without, and three witnesses"
    )
    assert system.rows("SELECT count(*), count(DISTINCT symbol_id) FROM historical_data") == [(60 * 30, 60)]
    [completed] = system.events("backfill_completed")
    before_history = 60 * (sessions - 30)
    assert (completed["bars"], completed["empty"], completed["failed"]) == (1800, before_history, 0)
    assert system.rows("SELECT reason, count(*) FROM known_empty GROUP BY 1") == [
        ("before the vendor's history begins", before_history)
    ]
    assert system.rows("SELECT DISTINCT status FROM equity_processing_queue") == [("done",)]


def test_a_scan_of_the_same_session_is_done_once(build: Callable[..., System]) -> None:
    system = build()
    assert system.scan(MONDAY) is not None
    before = system.rows("SELECT count(*) FROM outbox")
    assert system.scan(MONDAY) is None
    assert system.rows("SELECT count(*) FROM outbox") == before


def test_a_listing_a_rename_and_a_delisting_are_followed(build: Callable[..., System]) -> None:
    switch, ends, begins = LATER[1], LATER[2], LATER[0]
    rows = [bar("OLD", day) for day in DAYS if day < switch] + [bar("NEW", day) for day in DAYS if day >= switch]
    rows += [bar("END", day) for day in DAYS if day <= ends] + [bar("IPO", day) for day in DAYS if day >= begins]
    rows += [bar(f"T{number}", day) for number in range(40) for day in DAYS]
    tickers = f"ticker,composite_figi,list_date,delisted_utc\nOLD,F1,2020-01-01,{switch}T00:00:00Z\nNEW,F1,{switch},\n"
    system = build(rows, tickers)
    reports = {day: system.scan(day) for day in [MONDAY, *LATER[:6]]}
    assert reports[begins].new == ["IPO"]
    assert reports[switch].changed == ["NEW"]
    assert reports[switch].new == []
    assert [day for day in reports if reports[day].archived] == [LATER[3]], "the vendor says so"
    [changed] = system.events("symbol_changed")
    assert changed["changes"]["ticker"] == {"old": "OLD", "new": "NEW"}
    [archived] = system.events("symbol_archived")
    assert (archived["symbol"], archived["delist_date"]) == ("END", LATER[3].isoformat())
    assert archived["reason"] == "vendor_says_delisted"
    aliases = system.rows(
        "SELECT ticker, valid_to FROM symbol_aliases WHERE symbol_id = (SELECT id FROM symbols WHERE ticker = 'NEW') ORDER BY id"
    )
    assert aliases == [("OLD", switch), ("NEW", None)]


def test_bars_from_before_a_rename_are_asked_for_under_the_old_ticker(build: Callable[..., System]) -> None:
    switch = DAYS[20]
    rows = [bar("OLD", day) for day in DAYS if day < switch] + [bar("NEW", day) for day in DAYS if day >= switch]
    tickers = f"ticker,composite_figi,list_date,delisted_utc\nOLD,F1,2020-01-01,{switch}T00:00:00Z\nNEW,F1,{switch},\n"
    system = build(rows, tickers)
    system.scan(DAYS[10])
    system.scan(switch)
    system.free_pace()
    system.backfill(switch)
    system.rows("SELECT queue_symbols_for_processing('STOCK_EOD', ARRAY['NEW'])")
    system.played.at(DAYS[30], closed=True)
    system.backfill(DAYS[30])
    assert system.rows("SELECT min(date), max(date), count(*) FROM historical_data") == [(DAYS[0], DAYS[30], 31)]


def test_a_reused_tickers_old_bars_are_not_stored_for_the_new_company(build: Callable[..., System]) -> None:
    ends, begins = LATER[0], LATER[5]
    rows = [bar("M", day) for day in DAYS if day <= ends or day >= begins]
    rows += [bar(f"T{number}", day) for number in range(40) for day in DAYS]
    tickers = f"ticker,composite_figi,list_date,delisted_utc\nM,F1,2020-01-01,{LATER[1]}T00:00:00Z\nM,F2,{begins},\n"
    system = build(rows, tickers)
    system.free_pace()
    for day in [MONDAY, *LATER[:7]]:
        system.scan(day)
        system.backfill(day)
        system.eod(day)
    found = system.rows(
        "SELECT s.composite_figi, min(h.date), max(h.date) FROM symbols s JOIN historical_data h ON h.symbol_id = s.id"
        " WHERE s.ticker = 'M' GROUP BY 1 ORDER BY 1"
    )
    assert found == [("F1", DAYS[0], ends), ("F2", begins, LATER[6])]


def test_a_third_of_the_market_missing_archives_nothing_and_raises_one_alert(build: Callable[..., System]) -> None:
    system = build([bar(f"T{number:02}", day) for number in range(60) for day in DAYS])
    system.scan(MONDAY)

    def thin(answer: ListingAnswer) -> ListingAnswer:
        return replace(answer, listings=answer.listings[:40])

    for day in LATER[:2]:
        assert system.scan(day, Altered(system.played.vendor, listings=thin)).archived == []
    assert system.rows("SELECT count(*) FROM symbols WHERE NOT active OR absent_since IS NOT NULL") == [(0,)]
    assert [event["outcome"] for event in system.events("maintenance_completed")] == ["done", "held", "held"]
    system.sweep(LATER[0])
    system.sweep(LATER[1])
    gaps = [event for event in system.events("data_gap") if event["check"] == "vendor_coverage"]
    assert [(event["severity"], event["symbol"]) for event in gaps] == [("critical", None)] * 2
    assert "66.7%" in gaps[0]["evidence"]["words"]


def test_a_scan_that_fails_says_so_changes_nothing_and_is_made_good(build: Callable[..., System]) -> None:
    system = build()
    system.scan(MONDAY)

    def broken(_answer: ListingAnswer) -> ListingAnswer:
        raise BadAnswer("the answer is not JSON")

    with pytest.raises(BadAnswer):
        system.scan(LATER[0], Altered(system.played.vendor, listings=broken))
    assert system.events("maintenance_completed")[-1]["error"] == "the answer is not JSON"
    assert system.rows("SELECT check_name FROM operational_findings") == [("vendor_answer",)]
    assert system.scan(LATER[0]).listed == 3
    assert [event["outcome"] for event in system.events("maintenance_completed")] == ["done", "failed", "done"]


def test_passing_trouble_leaves_the_run_to_the_next_try(build: Callable[..., System]) -> None:
    system = build()

    def away(_answer: ListingAnswer) -> ListingAnswer:
        raise VendorUnavailable("no answer")

    with pytest.raises(VendorUnavailable):
        system.scan(MONDAY, Altered(system.played.vendor, listings=away))
    assert system.scan(MONDAY).listed == 3
    assert len(system.events("maintenance_started")) == 1


def test_loading_a_session_twice_changes_nothing(build: Callable[..., System]) -> None:
    system = build()
    system.scan(MONDAY)
    report = system.eod(MONDAY)
    assert (report.loaded, report.updated, report.missing, report.state) == (3, 0, 0, "ready")
    assert system.eod(MONDAY) is None
    system.rows("DELETE FROM eod_runs RETURNING 1")
    again = system.eod(MONDAY)
    assert (again.loaded, again.updated) == (0, 0)
    assert system.rows("SELECT unchanged FROM loads ORDER BY id DESC LIMIT 1") == [(3,)]


def test_a_corrected_bar_is_updated_and_both_values_are_kept(build: Callable[..., System]) -> None:
    system = build()
    system.scan(MONDAY)
    system.eod(MONDAY)
    system.rows("DELETE FROM eod_runs RETURNING 1")

    def corrected(answer: BarsAnswer) -> BarsAnswer:
        return replace(answer, rows=tuple(row | {"c": 10.1} if row["T"] == "AAA" else row for row in answer.rows))

    report = system.eod(MONDAY, Altered(system.played.vendor, grouped_bars=corrected))
    assert (report.loaded, report.updated) == (0, 1)
    [(old, new)] = system.rows("SELECT old, new FROM bar_corrections")
    assert (old["close"], new["close"]) == (10.0, 10.1)
    assert system.events("maintenance_completed")[-1]["corrected"] == [f"AAA {MONDAY}"]
    assert system.rows(
        "SELECT close FROM historical_data h JOIN symbols s ON s.id = h.symbol_id WHERE ticker = 'AAA'"
    ) == [(10.1,)]


def test_refused_rows_are_kept_aside_and_nobody_elses_bars_are_stored(build: Callable[..., System]) -> None:
    system = build()
    system.scan(MONDAY)

    def spoiled(answer: BarsAnswer) -> BarsAnswer:
        strangers = ({**answer.rows[0], "T": "WHO"}, {**answer.rows[0], "T": "EVIL\x00"})
        return replace(answer, rows=({**answer.rows[0], "c": "\x00oops"}, *answer.rows[1:], answer.rows[1], *strangers))

    report = system.eod(MONDAY, Altered(system.played.vendor, grouped_bars=spoiled))
    assert (report.loaded, report.refused, report.missing) == (2, 3, 1)
    assert sorted(system.rows("SELECT ticker, reason FROM quarantined_bars")) == [
        ("AAA", "unreadable"),
        ("BBB", "duplicate"),
        ("EVIL\\x00", "impossible_ticker"),
    ]
    assert system.rows("SELECT rows, refused, not_asked FROM loads") == [(6, 3, 1)]
    assert system.rows("SELECT count(*) FROM historical_data") == [(2,)]


def test_what_is_missing_is_asked_for_again_and_then_known_to_be_empty(build: Callable[..., System]) -> None:
    rows = [bar(name, day) for name in ("AAA", "BBB", "CCC") for day in DAYS if (name, day) != ("BBB", MONDAY)]
    system = build(rows)
    system.free_pace()
    system.scan(MONDAY)
    system.backfill(MONDAY)
    report = system.eod(MONDAY)
    assert (report.missing, report.state) == (1, "pending")
    system.backfill(MONDAY)
    assert system.rows("SELECT state, expected, stored, known_empty FROM session_status") == [("ready", 3, 2, 1)]
    assert system.rows("SELECT state, completeness FROM get_session_status(:day)", day=MONDAY) == [("ready", 1.0)]
    calls = system.played.vendor.calls
    system.rows("SELECT queue_symbols_for_processing('STOCK_EOD', ARRAY['BBB'])")
    system.backfill(MONDAY)
    assert system.played.vendor.calls == calls, "what is known to be empty is not asked for again"


def test_a_market_that_the_vendor_dropped_is_not_called_empty(build: Callable[..., System]) -> None:
    rows = [bar(f"T{number:02}", day) for number in range(30) for day in DAYS if day != MONDAY or number < 20]
    system = build(rows)
    system.free_pace()
    system.scan(MONDAY)
    system.backfill(MONDAY)
    assert system.eod(MONDAY).missing == 10
    system.backfill(MONDAY)
    assert system.rows("SELECT count(*) FROM known_empty WHERE session = :day", day=MONDAY) == [(0,)]
    assert system.rows("SELECT state, failed FROM session_status") == [("degraded", 10)]


def test_splits_keep_bars_as_traded_and_the_view_adjusts_them(build: Callable[..., System]) -> None:
    split = LATER[1]
    system = build(
        [lively(name, day) for name in NAMES for day in DAYS],
        splits=f"ticker,execution_date,split_from,split_to\nAAA,{split},1,7\n",
    )
    system.free_pace()
    for day in [MONDAY, *LATER[:3]]:
        system.scan(day)
        system.backfill(day)
        system.eod(day)
        system.sweep(day)
    closes = system.rows(
        "SELECT h.close, a.close, h.volume, a.volume FROM historical_data h JOIN adjusted_bars a USING (symbol_id, date)"
        " WHERE a.ticker = 'AAA' AND date >= :day ORDER BY date",
        day=LATER[0],
    )
    before, after = (lively("AAA", day)[5:] for day in LATER[:2])
    assert closes[0] == pytest.approx((7 * before[0], before[0], round(before[1] / 7), 7 * round(before[1] / 7)))
    assert closes[1] == pytest.approx((after[0], after[0], after[1], after[1]))
    assert [system.events(kind) for kind in ("price_anomaly", "volume_anomaly", "data_gap")] == [[], [], []]


def test_the_same_finding_is_one_alert_and_one_event_however_often_it_is_seen(build: Callable[..., System]) -> None:
    tenfold = {("AAA", MONDAY), ("BBB", LATER[0])}
    system = build([lively(name, day, 100.0 if (name, day) in tenfold else 10.0) for name in NAMES for day in DAYS])
    system.free_pace()
    system.scan(MONDAY)
    system.backfill(MONDAY)
    system.eod(MONDAY)
    assert system.sweep(MONDAY).by_check == {"price_outlier": 1}
    assert system.sweep(MONDAY) is None
    system.eod(LATER[0])
    assert system.sweep(LATER[0]).by_check == {"price_outlier": 1}, (
        "the old one is known, though it says more of it by now"
    )
    alerts = system.rows("SELECT session FROM quality_alerts ORDER BY 1")
    assert alerts == [(MONDAY,), (LATER[0],)]
    assert [event["alert_id"] for event in system.events("price_anomaly")] == [
        row[0] for row in system.rows("SELECT id FROM quality_alerts ORDER BY session")
    ]
    summaries = system.events("daily_summary")
    assert [(one["session"], one["findings"], one["findings_yesterday"]) for one in summaries] == [
        (MONDAY.isoformat(), 1, None), (LATER[0].isoformat(), 1, 1),
    ]  # fmt: skip
    assert summaries[0]["completeness"] == 1.0


def test_a_refused_key_gives_the_batch_back_and_tells_a_person(build: Callable[..., System]) -> None:
    system = build()
    system.scan(MONDAY)
    batches: list[Batch] = []
    dispatch(system.settings, lambda batch, _queue: batches.append(batch))
    refused = PolygonVendor("wrong", system.played.base, 2.0)
    with pytest.raises(VendorRefused):
        process_batch(batches[0].token, "STOCK_EOD", MONDAY, refused, calendar(), system.settings)
    assert system.rows("SELECT DISTINCT status, attempts FROM equity_processing_queue") == [("pending", 0)]
    assert system.rows("SELECT DISTINCT status FROM bar_requests") == [("waiting",)]
    assert system.rows("SELECT DISTINCT status, attempts, due_at > now() FROM bar_calls") == [("waiting", 0, True)]
    assert system.rows("SELECT check_name, severity FROM operational_findings") == [("vendor_refused", "critical")]


def test_waiting_for_the_vendor_is_no_attempt(build: Callable[..., System]) -> None:
    system = build()
    system.scan(MONDAY)
    batches: list[Batch] = []
    dispatch(system.settings, lambda batch, _queue: batches.append(batch))

    def spent(_answer: BarsAnswer) -> BarsAnswer:
        raise VendorUnavailable("5 calls a minute are spent", after_s=40.0)

    process_batch(
        batches[0].token,
        "STOCK_EOD",
        MONDAY,
        Altered(system.played.vendor, grouped_bars=spent, range_bars=spent),
        calendar(),
        system.settings,
    )
    rows = system.rows(
        "SELECT DISTINCT status, attempts, round(extract(epoch FROM scheduled_time - now()) / 10) FROM equity_processing_queue"
    )
    assert rows == [("pending", 0, 4)]


def test_a_batch_whose_lease_was_lost_stores_nothing_more(build: Callable[..., System]) -> None:
    system = build()
    system.free_pace()
    system.scan(MONDAY)
    batches: list[Batch] = []
    dispatch(system.settings, lambda batch, _queue: batches.append(batch))
    [lost] = batches
    loads: list[object] = []

    def overtaken(answer: BarsAnswer) -> BarsAnswer:
        """While this worker waited for the vendor, its leases ran out, and another did the whole batch."""
        if not loads:
            system.rows("UPDATE equity_processing_queue SET lease_until = now() - interval '1 s' RETURNING 1")
            system.rows(
                "UPDATE bar_calls SET lease_until = now() - interval '1 s' WHERE status = 'running' RETURNING 1"
            )
            dispatch(system.settings, lambda batch, _queue: batches.append(batch))
            process_batch(batches[1].token, "STOCK_EOD", MONDAY, system.played.vendor, calendar(), system.settings)
            loads.extend(system.rows("SELECT id FROM loads"))
        return replace(answer, rows=tuple(row | {"c": 11.0} for row in answer.rows))

    slow = Altered(system.played.vendor, grouped_bars=overtaken, range_bars=overtaken)
    with pytest.raises(LeaseLost):
        process_batch(lost.token, "STOCK_EOD", MONDAY, slow, calendar(), system.settings)
    assert batches[1].token > lost.token
    assert system.rows("SELECT count(*), max(close) FROM historical_data") == [(90, 10.0)]
    assert system.rows("SELECT id FROM loads") == loads, "of the late answer not even the load is kept"
    assert system.rows("SELECT DISTINCT status FROM equity_processing_queue") == [("done",)]


def test_a_worker_that_is_told_to_stop_gives_its_batch_back_and_keeps_what_it_has(build: Callable[..., System]) -> None:
    system = build()
    system.free_pace()
    system.scan(MONDAY)
    batches: list[Batch] = []
    dispatch(system.settings, lambda batch, _queue: batches.append(batch))

    def told(answer: BarsAnswer) -> BarsAnswer:
        stopping.request()
        return answer

    try:
        vendor = Altered(system.played.vendor, grouped_bars=told, range_bars=told)
        process_batch(batches[0].token, "STOCK_EOD", MONDAY, vendor, calendar(), system.settings)
    finally:
        stopping._told[0] = 0
    assert vendor.calls == 1
    assert system.rows("SELECT DISTINCT status, attempts FROM equity_processing_queue") == [("pending", 0)]
    assert system.rows("SELECT status, count(*) FROM bar_calls GROUP BY 1 ORDER BY 1") == [("done", 1), ("waiting", 2)]
    before = system.played.vendor.calls
    process_due(system, system.played.vendor)
    assert system.played.vendor.calls - before == 2, "what the first had brought is not asked for again"
    assert system.rows("SELECT count(*) FROM historical_data") == [(90,)]


def test_after_its_last_attempt_a_symbol_is_failed_with_the_reason(build: Callable[..., System]) -> None:
    system = build()
    system.free_pace()
    system.scan(MONDAY)

    def begin(batch: Batch, _queue: str) -> None:
        with transaction(Role.IPO_MONITOR) as session:
            renew(session, batch.token, system.settings.lease_s)

    for _ in range(system.settings.max_attempts):
        assert dispatch(system.settings, begin) == 1
        system.rows("UPDATE equity_processing_queue SET lease_until = now() - interval '1 s' RETURNING 1")
    assert dispatch(system.settings, begin) == 0
    [(status, attempts, error)] = system.rows(
        "SELECT DISTINCT status, attempts, error_message FROM equity_processing_queue"
    )
    assert (status, attempts, error) == ("failed", 5, "its worker ended in the middle of attempt 5")


def test_a_type_goes_at_its_pace_and_to_its_queue(build: Callable[..., System]) -> None:
    system = build([bar(f"T{number:03}", day) for number in range(130) for day in DAYS[28:]])
    system.scan(MONDAY)
    system.rows("UPDATE symbols SET equity_type = 'ETF' WHERE ticker < 'T020' RETURNING 1")
    system.rows(
        "UPDATE equity_processing_queue q SET equity_type = s.equity_type FROM symbols s WHERE s.id = q.symbol_id RETURNING 1"
    )
    sent: list[tuple[str, int, str]] = []
    for _ in range(2):
        dispatch(system.settings, lambda batch, queue: sent.append((batch.equity_type, len(batch.symbol_ids), queue)))
    assert sent == [("ETF", 20, "priority.90"), ("STOCK_EOD", 100, "priority.50")], "the other ten wait for 12 s"
    system.rows("UPDATE equity_types SET rate_limit_ms = 0 RETURNING 1")
    system.rows("UPDATE equity_processing_queue SET scheduled_time = now() - interval '2 hours' RETURNING 1")
    dispatch(system.settings, lambda batch, queue: sent.append((batch.equity_type, len(batch.symbol_ids), queue)))
    assert sent[2:] == [("STOCK_EOD", 10, "priority.100")], "what waited past the bound goes first"


def test_a_fault_of_our_own_gives_the_batch_back_as_an_attempt(build: Callable[..., System]) -> None:
    system = build()
    system.scan(MONDAY)
    batches: list[Batch] = []
    dispatch(system.settings, lambda batch, _queue: batches.append(batch))

    def bug(_answer: BarsAnswer) -> BarsAnswer:
        raise ZeroDivisionError

    spoiled = Altered(system.played.vendor, grouped_bars=bug, range_bars=bug)
    with pytest.raises(ZeroDivisionError):
        process_batch(batches[0].token, "STOCK_EOD", MONDAY, spoiled, calendar(), system.settings)
    assert system.rows("SELECT DISTINCT status, attempts, error_message FROM equity_processing_queue") == [
        ("pending", 1, "ZeroDivisionError()")
    ]
    assert system.rows("SELECT DISTINCT status FROM bar_requests") == [("waiting",)]


def test_a_new_years_partition_is_made_while_others_read_the_bars(
    build: Callable[..., System], settings: Settings
) -> None:
    system = build()
    with transaction(Role.APP) as reader:
        reader.execute(text("SELECT count(*) FROM historical_data"))
        with transaction(Role.IPO_MONITOR) as maker:
            maker.execute(text("SET LOCAL lock_timeout = '2s'"))
            made = maker.execute(text("SELECT create_bar_partitions('1999-12-30', '2001-01-02')")).scalar()
    assert made == 3
    assert system.rows("SELECT create_bar_partitions('1999-12-30', '2001-01-02')") == [(0,)]


def test_two_transactions_in_each_others_way_are_passing_trouble(build: Callable[..., System]) -> None:
    """A deadlock: PostgreSQL breaks one of them off, and that one may be tried again."""
    system = build()
    system.scan(MONDAY)
    lock = text("UPDATE symbols SET name = name WHERE ticker = :ticker")
    met = threading.Barrier(2)
    outcomes: list[object] = []

    def run(*tickers: str) -> None:
        try:
            with transaction(Role.IPO_MONITOR) as session:
                session.execute(lock, {"ticker": tickers[0]})
                met.wait(10)
                session.execute(lock, {"ticker": tickers[1]})
            outcomes.append("done")
        except DatabaseConflict as conflict:
            outcomes.append(conflict)

    threads = [threading.Thread(target=run, args=order) for order in (("AAA", "BBB"), ("BBB", "AAA"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(type(one).__name__ for one in outcomes) == ["DatabaseConflict", "str"]


def test_a_bootstrap_that_was_interrupted_goes_on_as_one(
    build: Callable[..., System], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = build([bar(f"T{number:02}", day) for number in range(30) for day in DAYS[28:]])
    monkeypatch.setattr("tickstock_automation.symbols.service.CHUNK", 10)
    system.rows(
        "CREATE FUNCTION fail_third() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN IF NEW.ticker = 'T25' THEN RAISE EXCEPTION 'killed'; END IF; RETURN NEW; END $$;"
        " CREATE TRIGGER fail_third BEFORE INSERT ON symbols FOR EACH ROW EXECUTE FUNCTION fail_third(); SELECT 1"
    )
    with pytest.raises(DBAPIError, match="killed"):
        system.scan(MONDAY)
    assert system.rows("SELECT count(*) FROM symbols") == [(20,)]
    system.rows("DROP TRIGGER fail_third ON symbols; SELECT 1")
    assert len(system.scan(MONDAY).new) == 10
    assert {event["reason"] for event in system.events("new_symbol")} == {"bootstrap"}
    assert system.rows("SELECT count(*), count(list_date) FROM symbols WHERE bootstrap") == [(30, 0)]


def test_a_scan_whose_run_was_taken_over_stores_nothing_more(build: Callable[..., System]) -> None:
    system = build()

    def overtaken(answer: ListingAnswer) -> ListingAnswer:
        system.rows("UPDATE scan_runs SET lease_until = now() - interval '1 s' RETURNING 1")
        system.scan(MONDAY)
        return answer

    with pytest.raises(LeaseLost):
        system.scan(MONDAY, Altered(system.played.vendor, listings=overtaken))
    assert len(system.events("new_symbol")) == 3


def broken_answer(_answer: BarsAnswer) -> BarsAnswer:
    raise BadAnswer("the answer is not JSON")


def process_due(system: System, vendor: Vendor) -> None:
    """A batch and its calls, whatever pause they have."""
    batches: list[Batch] = []
    system.rows("UPDATE equity_processing_queue SET scheduled_time = now() WHERE status = 'pending' RETURNING 1")
    system.rows("UPDATE bar_calls SET due_at = now() WHERE status = 'waiting' RETURNING 1")
    dispatch(system.settings, lambda batch, _queue: batches.append(batch))
    process_batch(batches[0].token, "STOCK_EOD", MONDAY, vendor, calendar(), system.settings)


def test_a_broken_answer_costs_its_call_an_attempt_and_is_asked_for_again(build: Callable[..., System]) -> None:
    system = build()
    system.free_pace()
    system.scan(MONDAY)
    process_due(system, Altered(system.played.vendor, range_bars=broken_answer))
    assert system.rows("SELECT DISTINCT status, error_message FROM equity_processing_queue") == [
        ("pending", "the answer is not JSON")
    ]
    assert system.rows("SELECT DISTINCT status, attempts, error_message, due_at > now() FROM bar_calls") == [
        ("waiting", 1, "the answer is not JSON", True)
    ]
    process_due(system, system.played.vendor)
    assert system.rows("SELECT DISTINCT status FROM equity_processing_queue") == [("done",)]
    assert system.rows("SELECT count(*) FROM historical_data") == [(90,)]


def test_after_the_last_broken_answer_the_bars_are_failed_with_the_reason(build: Callable[..., System]) -> None:
    system = build()
    system.free_pace()
    system.scan(MONDAY)
    for _ in range(system.settings.max_attempts):
        process_due(system, Altered(system.played.vendor, range_bars=broken_answer))
    assert system.rows("SELECT DISTINCT status, error_message FROM equity_processing_queue") == [
        ("failed", "the answer is not JSON")
    ]
    assert system.rows("SELECT DISTINCT status, attempts FROM bar_calls") == [("failed", 5)]
    assert system.rows("SELECT DISTINCT outcome, reason FROM unloaded_bars") == [("failed", "the answer is not JSON")]
    assert system.rows("SELECT processed, failed FROM processing_stats ORDER BY id DESC LIMIT 1") == [(0, 3)]
    [completed] = system.events("backfill_completed")
    assert completed["outcome"] == "failed"


def test_missed_sessions_are_loaded_oldest_first_and_swept_only_when_loaded(build: Callable[..., System]) -> None:
    system = build()
    system.scan(MONDAY)
    system.eod(MONDAY)
    assert sessions_to_sweep(system.settings) == [MONDAY]
    system.sweep(MONDAY)
    assert sessions_to_sweep(system.settings) == []
    evening = calendar().session(LATER[2]).closes + timedelta(hours=1)
    assert missed_sessions(calendar(), evening) == LATER[:3]
    system.eod(LATER[0])
    assert missed_sessions(calendar(), evening) == LATER[1:3]
    assert sessions_to_sweep(system.settings) == [LATER[0]]
