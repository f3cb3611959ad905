"""The IPO monitor against a real database and the replay: whatever the vendor sends, each listing, rename and delisting once."""

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from tests.builders import KEY, Played, bar
from tests.services import DAYS, Altered, System
from tickstock_automation.errors import BadAnswer, LeaseLost, TickstockError, VendorRefused, VendorUnavailable
from tickstock_automation.ops.database_metrics import DatabaseCollector
from tickstock_automation.replay.faults.every import FAULTS
from tickstock_automation.replay.generate import generate
from tickstock_automation.sessions import calendar
from tickstock_automation.symbols.details import fetch_details
from tickstock_automation.vendor.client import Details, Ipo, ListingAnswer, TickerChange
from tickstock_automation.vendor.polygon import PolygonVendor

pytestmark = [pytest.mark.integration, pytest.mark.database]

MONDAY = DAYS[30]
LATER = DAYS[31:]
DAY = LATER[1]
"""When most things happen, and the faults with them."""

TICKERS = (
    "ticker,name,type,primary_exchange,composite_figi,share_class_figi,cik,list_date,delisted_utc,market_cap,sic_code\n"
)
TOUCHES = {"listing", "details", "events", "ipos"}
A_PERSON_IS_NEEDED = {"401"}
TAKES_LONG = {"silent", "drip"}
SHORT_S = 0.3  # how long the client waits for those
PLAYED = sorted(
    name for name, fault in FAULTS.items() if set(fault.answers) & TOUCHES and name not in A_PERSON_IS_NEEDED
)


def described(ticker: str, number: int, since: Any = "2020-01-02", until: Any = "") -> str:
    ended = f"{until}T00:00:00Z" if until else ""
    kind, exchange = ("CS", "XNAS") if number % 3 else ("ETF", "ARCX")
    return f"{ticker},Company {number} Inc,{kind},{exchange},BBG{number:09},BBS{number:09},{number:010},{since},{ended},{3e9 * number},3570\n"


@pytest.fixture
def turbulent(build: Callable[..., System]) -> System:
    """On DAY a rename, an IPO, and the first listing without END; the day after, a swap and a listing that is no IPO."""
    after, before = LATER[2], LATER[0]
    calm = [f"T{number:03}" for number in range(120)]
    rows = [bar(ticker, day) for ticker in calm for day in DAYS]
    rows += [bar("OLD", day) for day in DAYS if day < DAY] + [bar("NEW", day) for day in DAYS if day >= DAY]
    rows += [bar("IPO", day) for day in DAYS if day >= DAY] + [bar("PLAIN", day) for day in DAYS if day >= after]
    rows += [bar("END", day) for day in DAYS if day <= before]
    rows += [bar(ticker, day) for ticker in ("ONE", "TWO") for day in DAYS]
    tickers = TICKERS + "".join(described(ticker, number) for number, ticker in enumerate(calm, 1))
    tickers += described("OLD", 900, until=DAY) + described("NEW", 900, since=DAY)
    tickers += described("IPO", 901, since=DAY) + described("PLAIN", 902, since=after)
    tickers += described("END", 903, until=DAY)
    tickers += described("ONE", 904, until=after) + described("TWO", 904, since=after)
    tickers += described("TWO", 905, until=after) + described("ONE", 905, since=after)
    ipos = f"ticker,issuer_name,ipo_status,listing_date,final_issue_price\nIPO,Company 901 Inc,new,{DAY},17.5\n"
    return build(rows, tickers, ipos=ipos)


def scan_patiently(system: System, day: Any) -> None:
    """As the schedule does: again after a failure, a few times, and then the next session's."""
    for _ in range(6):
        with contextlib.suppress(BadAnswer, VendorUnavailable):
            system.scan(day)
            break


def holders(system: System) -> dict[str, str]:
    return dict(system.rows("SELECT ticker, composite_figi FROM symbols WHERE active ORDER BY 1"))


def told(system: System) -> tuple[dict[str, str], set[str], set[tuple[str, str]]]:
    """Announced tickers with their reason, archived ones, renames."""
    new = [event for event in system.events("new_symbol") if event["reason"] != "bootstrap"]
    archived = [event["symbol"] for event in system.events("symbol_archived")]
    renames = renamed(system)
    assert len({event["symbol"] for event in new}) == len(new), "each is announced once"
    assert len(set(archived)) == len(archived)
    return {event["symbol"]: event["reason"] for event in new}, set(archived), renames


def renamed(system: System) -> set[tuple[str, str]]:
    """Old and new ticker of each rename that was told, each once."""
    changes = [event["changes"] for event in system.events("symbol_changed")]
    found = [(one["ticker"]["old"], one["ticker"]["new"]) for one in changes if "ticker" in one]
    assert len(set(found)) == len(found)
    return set(found)


@pytest.mark.parametrize("fault", [None, *PLAYED])
def test_whatever_the_vendor_sends_the_same_is_told_none_lost_none_false(turbulent: System, fault: str | None) -> None:
    if fault:
        turbulent.played.market.faults.set([f"{fault}@{DAY}"])
    if fault in TAKES_LONG:
        turbulent.played.vendor = PolygonVendor(KEY, turbulent.played.base, SHORT_S)
    for day in [MONDAY, *LATER[:6]]:
        scan_patiently(turbulent, day)
    new, archived, renames = told(turbulent)
    assert set(new) == {"IPO", "PLAIN"}
    assert archived == {"END"}
    assert renames == {("OLD", "NEW"), ("ONE", "TWO"), ("TWO", "ONE")}
    expected = {one.ticker: one.composite_figi for one in turbulent.played.market.folder.listings if one.on(LATER[5])}
    assert holders(turbulent) == expected
    assert turbulent.rows("SELECT count(*) FROM symbols") == [(120 + 6,)], "a rename keeps its row"
    if fault is None:
        assert new == {"IPO": "ipo", "PLAIN": "listed"}
        [event] = [event for event in turbulent.events("new_symbol") if event["symbol"] == "IPO"]
        assert (event["ipo_date"], event["ipo_price"]) == (DAY.isoformat(), 17.5)
        assert turbulent.rows("SELECT ticker FROM ipo_calendar WHERE symbol_id IS NOT NULL") == [("IPO",)]


def test_a_wrong_key_stops_the_scan_and_a_person_is_told(turbulent: System) -> None:
    turbulent.scan(MONDAY)
    turbulent.played.market.faults.set([f"401@{LATER[0]}*all"])
    with pytest.raises(VendorRefused):
        turbulent.scan(LATER[0])
    assert turbulent.rows("SELECT outcome FROM scan_runs ORDER BY session") == [("done",), ("failed",)]
    assert ("vendor_refused", "critical") in turbulent.rows("SELECT check_name, severity FROM operational_findings")


def test_a_plan_without_the_ipo_calendar_is_said_once_and_life_goes_on(turbulent: System) -> None:
    turbulent.played.market.faults.set([f"403-ipos@{day}" for day in (MONDAY, *LATER[:4])])
    for day in [MONDAY, *LATER[:4]]:
        turbulent.scan(day)
    assert turbulent.rows("SELECT check_name, severity FROM operational_findings") == [("vendor_plan", "low")]
    new, _, _ = told(turbulent)
    assert new == {"IPO": "listed", "PLAIN": "listed"}


def test_a_broken_answer_names_its_fault_in_the_finding(turbulent: System) -> None:
    turbulent.scan(MONDAY)
    turbulent.played.market.faults.set([f"lying-count:listing@{LATER[0]}*1"])
    with pytest.raises(BadAnswer):
        turbulent.scan(LATER[0])
    assert turbulent.rows("SELECT check_name, evidence FROM operational_findings") == [
        ("vendor_answer", {"task": "scan", "fault": "count", "session": LATER[0].isoformat()})
    ]
    assert turbulent.scan(LATER[0]).listed == 124


def test_a_failed_scan_is_a_metric(turbulent: System) -> None:
    def samples() -> dict[tuple[str, ...], float]:
        families = DatabaseCollector().collect()
        return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}

    turbulent.scan(MONDAY)
    assert samples()["tickstock_last_run_failed", "scan"] == 0
    assert samples()["tickstock_active_symbols",] == 124
    turbulent.played.market.faults.set([f"html:listing@{LATER[0]}*1"])
    with pytest.raises(BadAnswer):
        turbulent.scan(LATER[0])
    assert samples()["tickstock_last_run_failed", "scan"] == 1
    assert samples()["tickstock_findings_last_day", "vendor_answer", "critical"] == 1


def test_sessions_that_were_never_scanned_are_made_good_by_the_next_scan(turbulent: System) -> None:
    turbulent.scan(MONDAY)
    turbulent.scan(LATER[5])
    turbulent.scan(LATER[6])
    new, archived, renames = told(turbulent)
    assert set(new) == {"IPO", "PLAIN"}
    assert archived == {"END"}
    assert renames == {("OLD", "NEW"), ("ONE", "TWO"), ("TWO", "ONE")}


def test_two_scans_at_once_do_it_once(turbulent: System) -> None:
    turbulent.scan(MONDAY)
    reports: list[Any] = []
    turbulent.played.at(DAY, closed=False)
    threads = [threading.Thread(target=lambda: reports.append(turbulent.scan(DAY))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [report is None for report in reports].count(False) == 1
    new, archived, renames = told(turbulent)
    assert (set(new), archived, renames) == ({"IPO"}, {"END"}, {("OLD", "NEW")})


@pytest.mark.parametrize(
    ("table", "write"),
    [
        ("symbols", 3),
        ("symbol_aliases", 3),
        ("universe_members", 1),
        ("bar_requests", 1),
        ("outbox", 3),
        ("scan_runs", 4),
    ],
)
def test_a_scan_that_breaks_off_anywhere_is_made_good_by_the_next_try(
    turbulent: System, table: str, write: int
) -> None:
    """PostgreSQL refuses one of its writes, as a full disk would; what was committed stays, the rest comes."""
    turbulent.scan(MONDAY)
    refuse = f"""
    CREATE SEQUENCE writes;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
        'BEGIN IF nextval(''writes'') >= {write} THEN RAISE EXCEPTION ''no space left''; END IF; RETURN NULL; END';
    CREATE TRIGGER refuse AFTER INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse();
    SELECT 1"""
    turbulent.rows(refuse)
    try:
        with pytest.raises((DBAPIError, LeaseLost, TickstockError)):
            turbulent.scan(DAY)
    finally:
        turbulent.rows(f"DROP TRIGGER refuse ON {table}; DROP FUNCTION refuse(); DROP SEQUENCE writes; SELECT 1")
    turbulent.rows("UPDATE scan_runs SET lease_until = now() - interval '1 s' WHERE outcome = 'running' RETURNING 1")
    turbulent.scan(DAY)
    new, archived, renames = told(turbulent)
    assert (set(new), archived, renames) == ({"IPO"}, {"END"}, {("OLD", "NEW")})
    assert turbulent.scan(DAY) is None


def test_a_flood_is_stored_apart_and_announced_when_a_second_scan_agrees(turbulent: System) -> None:
    turbulent.scan(MONDAY)
    [like] = [one for one in turbulent.played.vendor.listings(MONDAY).listings if one.ticker == "T001"]
    strangers = tuple(
        replace(like, ticker=f"X{number:02}", composite_figi=f"BBX{number}", share_class_figi=None, cik=None)
        for number in range(12)
    )

    def flooded(answer: ListingAnswer) -> ListingAnswer:
        return replace(answer, listings=answer.listings + strangers)

    first = turbulent.scan(LATER[0], Altered(turbulent.played.vendor, listings=flooded))
    assert (first.new, len(first.held_back)) == ([], 12)
    assert turbulent.rows("SELECT check_name, severity FROM operational_findings") == [("listing_flood", "high")]
    assert told(turbulent)[0] == {}
    gone = turbulent.scan(DAY)
    assert sorted(gone.new) == ["IPO"]
    assert turbulent.rows("SELECT count(*) FROM held_listings") == [(0,)], "listed no more: forgotten"
    turbulent.scan(LATER[2], Altered(turbulent.played.vendor, listings=flooded))
    agreed = turbulent.scan(LATER[3], Altered(turbulent.played.vendor, listings=flooded))
    assert len([ticker for ticker in agreed.new if ticker.startswith("X")]) == 12
    assert turbulent.rows("SELECT count(*) FROM held_listings") == [(0,)]


def test_the_vendors_word_is_not_believed_while_bars_show_it_trading(turbulent: System) -> None:
    turbulent.scan(MONDAY)
    turbulent.free_pace()
    turbulent.backfill(MONDAY)

    def lacking(answer: ListingAnswer) -> ListingAnswer:
        return replace(answer, listings=tuple(one for one in answer.listings if one.ticker != "T001"))

    def delisted(answer: Details | None) -> Details | None:
        return replace(answer, active=False, delisted=DAYS[20]) if answer else None

    report = turbulent.scan(LATER[0], Altered(turbulent.played.vendor, listings=lacking, details=delisted))
    assert report.archived == []
    assert turbulent.rows("SELECT kind, ticker FROM vendor_differences") == [("bars_against_details", "T001")]


def test_ticker_events_that_contradict_the_listing_are_noted_and_not_believed(turbulent: System) -> None:
    turbulent.scan(MONDAY)

    def wrong(_answer: tuple[TickerChange, ...]) -> tuple[TickerChange, ...]:
        return (TickerChange("T005", DAYS[0]), TickerChange("NEW", DAY))

    turbulent.scan(DAY, Altered(turbulent.played.vendor, ticker_changes=wrong))
    assert told(turbulent)[2] == {("OLD", "NEW")}
    assert turbulent.rows("SELECT kind, ticker, words FROM vendor_differences") == [
        ("events_against_listing", "NEW", "the listing renames OLD to NEW, its ticker events say T005")
    ]


def test_the_vendor_against_itself_who_traded_unlisted_and_who_was_listed_untraded(turbulent: System) -> None:
    turbulent.scan(MONDAY)
    turbulent.played.market.faults.set([f"unlisted-bars@{MONDAY}"])

    def idle(answer: Any) -> Any:
        return replace(answer, rows=tuple(row for row in answer.rows if row["T"] != "T007"))

    turbulent.eod(MONDAY, Altered(turbulent.played.vendor, grouped_bars=idle))
    counted = dict(turbulent.rows("SELECT kind, count(*) FROM vendor_differences GROUP BY 1"))
    assert counted == {"bars_without_listing": 2000, "listing_without_bars": 1}


def test_a_ticker_that_another_company_has_the_very_next_session(build: Callable[..., System]) -> None:
    """The former holder's bars end; not one bar of the new one's is stored with it, and the new one is announced a session later."""
    change = LATER[1]
    rows = [bar(ticker, day) for ticker in ("M", *(f"T{number:02}" for number in range(40))) for day in DAYS]
    old, new = described("M", 1, until=change), described("M", 2, since=change)
    system = build(rows, TICKERS + old + new)
    system.free_pace()
    for day in (MONDAY, *LATER[:5]):
        system.scan(day)
        system.backfill(day)
        system.eod(day)
    assert told(system)[0] == {"M": "listed"}
    bars = system.rows(
        "SELECT s.composite_figi, s.active, min(h.date), max(h.date) FROM symbols s JOIN historical_data h ON h.symbol_id = s.id"
        " WHERE s.ticker = 'M' GROUP BY 1, 2 ORDER BY 1"
    )
    assert [(figi, active, last) for figi, active, _, last in bars] == [
        ("BBG000000001", False, LATER[0]), ("BBG000000002", True, LATER[4]),
    ]  # fmt: skip
    assert bars[1][2] >= change


def test_one_that_trades_on_after_the_listing_dropped_it_goes_when_its_bars_end(build: Callable[..., System]) -> None:
    last = LATER[1]
    rows = [bar(f"T{number:02}", day) for number in range(40) for day in DAYS]
    rows += [bar("LATE", day) for day in DAYS if day <= last]
    system = build(rows)

    def lacking(answer: ListingAnswer) -> ListingAnswer:
        return replace(answer, listings=tuple(one for one in answer.listings if one.ticker != "LATE"))

    archived = {}
    for day in (MONDAY, *LATER[:6]):
        dropped = Altered(system.played.vendor, listings=lacking, details=lambda _answer: None)
        archived[day] = system.scan(day, dropped if day >= LATER[0] else None).archived
        system.eod(day)
    assert [day for day, tickers in archived.items() if tickers] == [LATER[3]]
    [event] = system.events("symbol_archived")
    assert (event["reason"], event["delist_date"]) == ("absent_twice", LATER[2].isoformat())


def test_details_are_read_within_the_budget_new_symbols_first_and_move_universes(turbulent: System) -> None:
    for day in (MONDAY, LATER[0], DAY):
        turbulent.scan(day)
    turbulent.free_pace()
    turbulent.backfill(DAY)
    few = turbulent.settings.model_copy(update={"details_per_day": 5})
    report = fetch_details(DAY, turbulent.played.vendor, few)
    assert (report.read, report.left) == (5, 0)
    assert turbulent.rows("SELECT market_cap FROM symbols WHERE ticker = 'IPO'") == [(3e9 * 901,)], "a new one first"
    assert fetch_details(DAY, turbulent.played.vendor, few).read == 0, "the day's budget is spent"
    [caps, moved] = [event["changes"] for event in turbulent.events("symbol_changed") if event["symbol"] == "IPO"]
    assert caps["market_cap"] == {"old": None, "new": 3e9 * 901}
    assert "mega_cap" in moved["universes"]["new"]
    assert moved["equity_type"] == {"old": "STOCK_EOD", "new": "STOCK_REALTIME"}
    assert fetch_details(LATER[2], turbulent.played.vendor, few).read == 5, "then the others, day by day"


def test_details_wait_while_bars_wait(turbulent: System) -> None:
    turbulent.scan(MONDAY)
    assert fetch_details(MONDAY, turbulent.played.vendor, turbulent.settings).read == 0


def test_an_ipo_of_today_has_no_bars_and_its_job_says_so_until_the_first_comes(turbulent: System) -> None:
    turbulent.free_pace()
    for day in (MONDAY, LATER[0], DAY):
        turbulent.scan(day)
        turbulent.backfill(day)
    [job] = [event for event in turbulent.events("backfill_completed") if event["awaiting_first_bar"]]
    assert (job["outcome"], job["awaiting_first_bar"], job["bars"]) == ("done", ["IPO"], 0)
    turbulent.eod(DAY)
    assert turbulent.rows(
        "SELECT h.date FROM historical_data h JOIN symbols s ON s.id = h.symbol_id WHERE s.ticker = 'IPO'"
    ) == [(DAY,)]


def test_a_stale_ipo_calendar_stops_nothing(turbulent: System) -> None:
    def away(_answer: tuple[Ipo, ...]) -> tuple[Ipo, ...]:
        raise VendorUnavailable("no answer")

    report = turbulent.scan(MONDAY, Altered(turbulent.played.vendor, ipos=away))
    assert (report.ipo_calendar, report.listed) == ("stale", 124)


def test_the_generated_markets_happenings_come_out_as_its_truth_says(
    build: Callable[..., System], play: Callable[[Path], Played], tmp_path: Path
) -> None:
    sessions = calendar().between(calendar().on_or_after(LATER[0]), calendar().following(LATER[0], 60)[-1])
    generate(tmp_path / "market", sessions, sessions[5], seed=7)
    system = build()
    system.played = play(tmp_path / "market")
    days = sessions[5:50]
    for day in days:
        system.scan(day)
    truth = json.loads((tmp_path / "market" / "truth.json").read_text())["events"]
    seen = [one for one in truth if days[0].isoformat() < one["date"] <= days[-2].isoformat()]

    def of(*kinds: str) -> list[Any]:
        return [one for one in seen if one["kind"] in kinds]

    new = [event["symbol"] for event in system.events("new_symbol") if event["reason"] != "bootstrap"]
    assert sorted(new) == sorted(one["ticker"] for one in of("listing", "reuse"))
    archived = [event["symbol"] for event in system.events("symbol_archived")]
    assert sorted(archived) == sorted(one["ticker"] for one in of("delisting"))
    renames = renamed(system)
    swaps = [(one["ticker"], one["new"]) for one in of("swap")]
    expected = {(one["ticker"], one["new"]) for one in of("rename")} | set(swaps) | {(new, old) for old, new in swaps}
    assert renames == expected
    assert of("listing")
    assert of("delisting")
    assert of("reuse")
    assert swaps
    assert system.rows("SELECT count(*) FROM held_listings") == [(0,)]
