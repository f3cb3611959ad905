"""The vendor's faults: each comes on its day, at the requests it is meant for, and nowhere else."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psutil
import pytest
import urllib3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.builders import KEY, Played, bar, write_bars
from tickstock_automation.errors import BadAnswer, Fault, TickstockError, VendorRefused, VendorUnavailable
from tickstock_automation.local.ports import any_free
from tickstock_automation.replay.faults.every import BEGIN, END, FAULTS, faults_table, write_table
from tickstock_automation.replay.faults.fault import Answer, TransportFault
from tickstock_automation.replay.faults.switch import FaultError, Faults
from tickstock_automation.sessions import calendar
from tickstock_automation.vendor.client import TickerChange
from tickstock_automation.vendor.polygon import PolygonVendor

DAYS = calendar().between(date(2024, 1, 2), date(2024, 1, 31))
DAY = DAYS[9]  # a Tuesday: the Saturday before lies among the days
NEXT = DAYS[10]
NAMES = [f"{one}{other}" for one in "ABCDEFGHIJKL" for other in "ABCDEFGHIJ"]
NEW, FORMER, RENAMED = "NEW", "OLDNAME", "ZNAME"
NEW_YORK = ZoneInfo("America/New_York")
Play = Callable[[Path], Played]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 tickers, one more that lists on DAY, a rename and two splits: one on DAY, one on the day after."""
    folder = tmp_path_factory.mktemp("market")
    close = {day: 10 + 0.25 * number for number, day in enumerate(DAYS)}
    write_bars(
        folder,
        [bar(name, day, close[day] + at) for at, name in enumerate(NAMES) for day in DAYS]
        + [bar(NEW, day) for day in DAYS[9:]]
        + [bar(FORMER if day < DAY else RENAMED, day) for day in DAYS],
    )
    rows = [f"{name},{name} Inc,CS,XNAS,F{name},S{name},{at:010}" for at, name in enumerate([*NAMES, NEW])]
    rows += [f"{name},Renamed Inc,CS,XNYS,FREN,SREN,0000009999" for name in (FORMER, RENAMED)]
    header = "ticker,name,type,primary_exchange,composite_figi,share_class_figi,cik"
    (folder / "tickers.csv").write_text("\n".join([header, *rows]))
    splits = f"ticker,execution_date,split_from,split_to\nAA,{DAY},1,2\nAB,{NEXT},1,3\n"
    (folder / "splits.csv").write_text(splits)
    (folder / "ipos.csv").write_text(f"ticker,ipo_status,listing_date\n{NEW},history,{DAY}\nSOON,pending,\n")
    return folder


@pytest.fixture
def played(folder: Path, play: Play) -> Played:
    played = play(folder)
    played.at(DAY, closed=True)
    return played


HANGING = ("silent", "drip")
BRIEF_S = 0.2  # how long a test waits for what does not come


PATHS = {
    Answer.LISTING: f"/v3/reference/tickers?market=stocks&date={DAY}&limit=50",
    Answer.DETAILS: f"/v3/reference/tickers/{NEW}?",
    Answer.EVENTS: f"/vX/reference/tickers/{RENAMED}/events?",
    Answer.IPOS: "/vX/reference/ipos?",
    Answer.GROUPED: f"/v2/aggs/grouped/locale/us/market/stocks/{DAY}?adjusted=false",
    Answer.RANGE: f"/v2/aggs/ticker/AI/range/1/day/{DAYS[0]}/{DAYS[-1]}?adjusted=false",
    Answer.SPLITS: "/v3/reference/splits?limit=10",
    Answer.OTHER: "/v1/marketstatus/now?",
}


@dataclass(frozen=True)
class Came:
    """What came of a request: status, headers that matter and body without its id; `trouble` where it broke off."""

    trouble: str = ""
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""

    def json(self) -> Any:
        return json.loads(self.body)


def ask(played: Played, answer: Answer, timeout_s: float = 5.0) -> Came:
    """Asks without our client, which would hide some of it; gives up on an answer that is not whole in time."""
    deadline, data = time.monotonic() + timeout_s, b""
    address = f"{played.base}{PATHS[answer]}&apiKey={KEY}"
    try:
        response = urllib3.request("GET", address, retries=False, timeout=timeout_s, preload_content=False)
        while part := response.read1(1 << 16):
            data += part
            if time.monotonic() > deadline:
                response.close()
                return Came("slow")
    except urllib3.exceptions.HTTPError as error:
        return Came(type(error).__name__)
    names = ("Content-Type", "Retry-After")
    headers = tuple((name, response.headers[name]) for name in names if name in response.headers)
    text = data.decode()
    if text.startswith("{"):
        text = json.dumps({name: value for name, value in json.loads(text).items() if name != "request_id"})
    return Came(status=response.status, headers=headers, body=text)


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def everything(played: Played) -> dict[Answer, Came]:
    return {answer: ask(played, answer) for answer in PATHS}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_the_answers_it_names_on_its_day_and_no_other_ones(played: Played, name: str) -> None:
    right = everything(played)
    fault = FAULTS[name]
    played.market.faults.set([f"{name}@{DAY}*all"])
    wait = BRIEF_S if name in HANGING else 5.0
    changed = {answer for answer in sorted(fault.answers)[:3] if ask(played, answer, wait) != right[answer]}
    assert changed
    assert all(ask(played, answer) == right[answer] for answer in PATHS if answer not in fault.answers)
    if fault.requests is not None:
        played.market.faults.set([f"{name}@{DAY}*2"])
        answer = sorted(changed)[0]
        came = [ask(played, answer, seconds) == right[answer] for seconds in (wait, wait, 5.0, 5.0)]
        assert came == [False, False, True, True]


@pytest.mark.parametrize("name", [name for name in FAULTS if isinstance(FAULTS[name], TransportFault)])
def test_a_fault_of_the_transport_acts_on_any_answer(played: Played, name: str) -> None:
    right = everything(played)
    played.market.faults.set([f"{name}@{DAY}*all"])
    assert all(ask(played, answer, BRIEF_S) != right[answer] for answer in FAULTS[name].answers)


def test_no_fault_on_another_day_changes_anything(played: Played) -> None:
    right = everything(played)
    others = [day for day in DAYS if day != DAY]

    @given(
        st.dictionaries(st.sampled_from(sorted(FAULTS)), st.sampled_from(others), min_size=1),
        st.sampled_from(list(PATHS)),
    )
    @settings(
        max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    def unchanged(faults: dict[str, date], answer: Answer) -> None:
        lasting = {name for name in faults if FAULTS[name].lasting and faults[name] < DAY}
        played.market.faults.set([f"{name}@{day}*all" for name, day in faults.items() if name not in lasting])
        assert ask(played, answer) == right[answer]

    unchanged()


# -- the listing, details and ticker events


def listed(played: Played, *faults: str) -> list[Any]:
    played.market.faults.set([f"{name}@{DAY}" for name in faults])
    return list(played.vendor.listings(DAY).listings)


@pytest.mark.parametrize(("fault", "low", "high"), [("missing-third", 0.23, 0.43), ("missing-tenth", 0.04, 0.17)])
def test_the_same_tickers_are_missing_each_time(played: Played, fault: str, low: float, high: float) -> None:
    whole, missing = listed(played), listed(played, fault)
    assert low < 1 - len(missing) / len(whole) < high
    assert set(missing) < set(whole)
    assert listed(played, fault) == missing


def test_garbage_in_the_listing_is_refused_and_the_rest_is_whole(played: Played) -> None:
    right = listed(played)
    played.market.faults.set([f"garbage-listing@{DAY}"])
    answer = played.vendor.listings(DAY)
    assert answer.refused >= 6
    assert list(answer.listings) == right


def test_exact_duplicates_are_counted_and_contradicting_rows_kept(played: Played) -> None:
    right = played.vendor.listings(DAY)
    played.market.faults.set([f"duplicate-rows@{DAY}"])
    doubled = played.vendor.listings(DAY)
    assert doubled.listings == right.listings
    assert doubled.repeated > 3
    tickers = Counter(one.ticker for one in listed(played, "twice-listed"))
    assert set(tickers.values()) == {1, 2}


def test_one_figi_stands_on_two_tickers(played: Played) -> None:
    figis = Counter(one.composite_figi for one in listed(played, "shared-figi"))
    assert set(figis.values()) == {1, 2}


@pytest.mark.parametrize(
    ("fault", "field"),
    [("missing-ciks", "cik"), ("missing-figis", "composite_figi"), ("blank-exchange", "exchange")],
)
def test_a_share_of_the_rows_lacks_a_field_and_the_details_lack_it_too(played: Played, fault: str, field: str) -> None:
    rows = listed(played, fault)
    lacking = [one.ticker for one in rows if getattr(one, field) is None]
    assert 0 < len(lacking) < len(rows) / 5
    details = played.vendor.details(lacking[0])
    assert details is not None
    assert getattr(details.listing, field) is None


def test_what_lists_today_is_bare_today_and_whole_tomorrow(played: Played) -> None:
    played.market.faults.set([f"bare-first-day@{DAY}"])
    rows = {one.ticker: one for one in played.vendor.listings(DAY).listings}
    assert (rows[NEW].name, rows[NEW].type, rows[NEW].composite_figi, rows[NEW].cik) == (None, None, None, None)
    assert rows["AA"].name == "AA Inc"
    details = played.vendor.details(NEW)
    assert details is not None
    assert (details.listing.name, details.active) == (None, True)
    played.at(NEXT, closed=False)
    details = played.vendor.details(NEW)
    assert details is not None
    assert details.listing.name == "NEW Inc"


def test_contradicting_events_name_two_tickers_for_one_day(played: Played) -> None:
    right = played.vendor.ticker_changes(RENAMED)
    played.market.faults.set([f"contradicting-events@{DAY}"])
    told = played.vendor.ticker_changes(RENAMED)
    assert set(right) < set(told)
    assert Counter(one.day for one in told) == {DAYS[0]: 2, DAY: 2}


def test_late_events_come_a_session_late(played: Played) -> None:
    played.market.faults.set([f"late-events@{DAY}"])
    assert played.vendor.ticker_changes(RENAMED) == (TickerChange(FORMER, DAYS[0]),)
    assert played.vendor.ticker_changes(NEW) == (), "its only event is its listing"
    played.at(NEXT, closed=False)
    assert played.vendor.ticker_changes(RENAMED)[-1] == TickerChange(RENAMED, DAY)


# -- bars and splits


def day_of(row: dict[str, Any]) -> date:
    return datetime.fromtimestamp(row["t"] / 1000, UTC).astimezone(NEW_YORK).date()


def grouped(played: Played, *faults: str) -> list[dict[str, Any]]:
    played.market.faults.set([f"{name}@{DAY}" for name in faults])
    return list(played.vendor.grouped_bars(DAY).rows)


def ranged(played: Played, ticker: str, *faults: str) -> list[dict[str, Any]]:
    played.market.faults.set([f"{name}@{DAY}" for name in faults])
    return list(played.vendor.range_bars(ticker, DAYS[0], DAYS[-1]).rows)


def test_the_days_bars_hold_thousands_of_tickers_nobody_listed(played: Played) -> None:
    known = {one.ticker for one in listed(played)}
    strange = {row["T"] for row in grouped(played, "unlisted-bars")} - known
    assert len(strange) >= 2000
    assert all(name.isalpha() for name in strange)


def test_a_ticker_twice_in_the_days_bars_has_two_closes(played: Played) -> None:
    twice = [
        name for name, number in Counter(row["T"] for row in grouped(played, "twice-in-bars")).items() if number == 2
    ]
    assert twice
    closes = [row["c"] for row in grouped(played, "twice-in-bars") if row["T"] == twice[0]]
    assert closes[0] != closes[1]
    assert [day_of(row) for row in ranged(played, twice[0], "twice-in-bars")].count(DAY) == 2


def test_garbage_bars_stand_beside_all_the_right_ones(played: Played) -> None:
    right = grouped(played)
    rows = grouped(played, "garbage-bars")
    garbage = [row for row in rows if row not in right]
    assert [row for row in rows if row in right] == right
    assert any("\x00" in row["T"] for row in garbage)
    assert all(row["c"] > 1e12 for row in garbage)


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        ("absurd-prices", lambda row: row["c"] > 1e12),
        ("zero-prices", lambda row: (row["o"], row["h"], row["l"]) == (0, 0, 0) and row["c"] > 0),
    ],
)
def test_prices_of_some_are_wrong_in_the_days_bars_and_in_their_range(
    played: Played, fault: str, wrong: Callable[[dict[str, Any]], bool]
) -> None:
    rows = grouped(played, fault)
    bad = [row["T"] for row in rows if wrong(row)]
    assert 0 < len(bad) < len(rows) / 5
    assert [day_of(row) for row in ranged(played, bad[0], fault) if wrong(row)] == [DAY]


def test_volumes_are_doubled_or_tripled(played: Played) -> None:
    right = {row["T"]: row["v"] for row in grouped(played)}
    ratios = {row["v"] / right[row["T"]] for row in grouped(played, "multiplied-volume")}
    assert ratios == {2, 3}


def test_bars_of_other_years_and_of_another_ticker_come_before_the_right_ones(played: Played) -> None:
    right = ranged(played, "AA")
    rows = ranged(played, "AA", "other-dates")
    assert rows[-len(right) :] == right
    strange = rows[: -len(right)]
    assert {day_of(row).year for row in strange} == {2021}
    assert [row["c"] for row in strange] == [row["c"] for row in ranged(played, "AB")[:4]]
    assert {day_of(row).year for row in grouped(played, "other-dates")} == {2021, 2024}


def test_a_range_of_another_ticker_is_found_out(played: Played) -> None:
    with pytest.raises(BadAnswer, match="asked for AA, the answer is about 'AB'") as error:
        ranged(played, "AA", "other-symbol")
    assert error.value.fault is Fault.OTHER_QUESTION


def test_a_bar_on_a_saturday_is_far_too_high(played: Played) -> None:
    [strange] = [row for row in ranged(played, "AA", "saturday-bar") if day_of(row).weekday() == 5]
    assert day_of(strange) == DAY - timedelta(days=3)
    assert strange["h"] > 100 * strange["c"]


def test_most_closes_are_those_of_the_day_before(played: Played) -> None:
    before = {row["T"]: row["c"] for row in played.vendor.grouped_bars(DAYS[8]).rows}
    right = {row["T"]: row for row in grouped(played)}
    rows = {row["T"]: row for row in grouped(played, "stale-closes")}
    stale = [name for name, row in rows.items() if name in before and row["c"] == before[name] != right[name]["c"]]
    assert 0.8 < len(stale) / len(rows) < 1
    assert all(rows[name]["h"] == right[name]["h"] for name in stale)
    assert {day_of(row): row["c"] for row in ranged(played, stale[0], "stale-closes")}[DAY] == before[stale[0]]


def test_a_special_closure_leaves_a_day_without_bars_for_good(played: Played) -> None:
    assert grouped(played, "special-closure") == []
    played.at(DAYS[-1], closed=True)
    assert played.vendor.grouped_bars(DAY).rows == ()
    days = [day_of(row) for row in played.vendor.range_bars("AC", DAYS[0], DAYS[-1]).rows]
    assert days == [day for day in DAYS if day != DAY]


@pytest.mark.parametrize("fault", ["zero-prices", "absurd-prices", "stale-closes", "twice-in-bars"])
def test_a_fault_of_a_days_bars_leaves_all_other_days_alone_and_is_mended_the_next_day(
    played: Played, fault: str
) -> None:
    for ticker in NAMES[:20]:
        right = ranged(played, ticker)
        assert [row for row in ranged(played, ticker, fault) if day_of(row) != DAY] == right[:-1]
    right_day = grouped(played)
    assert grouped(played, fault) != right_day
    played.at(NEXT, closed=False)
    assert list(played.vendor.grouped_bars(DAY).rows) == right_day


def splits(played: Played, fault: str) -> list[tuple[str, str]]:
    """Without our client, which drops what comes twice."""
    played.market.faults.set([f"{fault}@{DAY}"])
    return [(row["ticker"], row["execution_date"]) for row in ask(played, Answer.SPLITS).json()["results"]]


def test_splits_come_twice_or_not_at_all_or_a_day_early(played: Played) -> None:
    assert splits(played, "splits-twice") == [("AA", str(DAY)), ("AA", str(DAY))]
    assert splits(played, "missing-splits") == []
    assert splits(played, "early-splits") == [("AA", str(DAY - timedelta(days=1))), ("AB", str(DAY))]


# -- shape and transport


def failures(played: Played, fault: str, call: Callable[[PolygonVendor], object]) -> list[TickstockError]:
    """What our client raises, call by call, until the fault is spent."""
    played.market.faults.set([f"{fault}@{DAY}"])
    brief = PolygonVendor(KEY, played.base, BRIEF_S)
    found: list[TickstockError] = []
    while len(found) < 9:
        hangs = fault in HANGING and played.market.faults.on[0].left
        try:
            call(brief if hangs else played.vendor)
        except TickstockError as error:
            found.append(error)
        else:
            return found
    raise AssertionError(f"{fault} does not end: {found}")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("no-results", Fault.NO_RESULTS), ("lying-count", Fault.COUNT), ("html", Fault.NOT_JSON)],
)
def test_a_broken_answer_comes_three_times_and_is_refused(played: Played, fault: str, kind: Fault) -> None:
    errors = failures(played, fault, lambda vendor: vendor.grouped_bars(DAY))
    assert [error.fault for error in errors if isinstance(error, BadAnswer)] == [kind] * 3


@pytest.mark.parametrize("fault", ["silent", "drip", "truncated", "reset", "429", "429-retry-after", "500", "502"])
def test_trouble_of_the_transport_comes_three_times_and_passes(played: Played, fault: str) -> None:
    errors = failures(played, fault, lambda vendor: vendor.grouped_bars(DAY))
    assert [type(error) for error in errors] == [VendorUnavailable] * 3
    waits = {error.after_s for error in errors if isinstance(error, VendorUnavailable)}
    assert waits == ({1.0} if fault == "429-retry-after" else {None})


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("repeated-page", Fault.PAGES),
        ("looping-next-url", Fault.PAGES),
        ("other-date-next-url", Fault.OTHER_QUESTION),
    ],
)
def test_pages_that_lead_astray_are_found_out(played: Played, fault: str, kind: Fault) -> None:
    errors = failures(played, fault, lambda vendor: vendor.listings(DAY))
    assert errors
    assert {error.fault for error in errors if isinstance(error, BadAnswer)} == {kind}


def test_an_unwary_caller_reads_a_repeated_page_twice_and_then_goes_on(played: Played) -> None:
    played.market.faults.set([f"repeated-page@{DAY}*1"])
    seen, address = Counter[str](), f"{played.base}{PATHS[Answer.LISTING]}"
    while address:
        page = urllib3.request("GET", f"{address}&apiKey={KEY}").json()
        seen.update(row["ticker"] for row in page["results"])
        address = page.get("next_url", "")
    assert Counter(seen.values()) == {2: 50, 1: len(seen) - 50}


def test_an_empty_list_says_ok(played: Played) -> None:
    played.market.faults.set([f"empty@{DAY}*all"])
    assert played.vendor.listings(DAY).listings == ()
    assert played.vendor.grouped_bars(DAY).rows == ()


def test_delayed_data_are_good_data_all_day(played: Played) -> None:
    right = listed(played)
    played.market.faults.set([f"delayed@{DAY}"])
    for _ in range(4):
        answer = played.vendor.listings(DAY)
        assert (list(answer.listings), answer.delayed) == (right, 1)


def test_a_refused_key_and_a_plan_without_ipos(played: Played) -> None:
    errors = failures(played, "401", lambda vendor: vendor.listings(DAY))
    assert [type(error) for error in errors] == [VendorRefused] * 3
    played.market.faults.set([f"403-ipos@{DAY}"])
    assert [ask(played, Answer.IPOS).status for _ in range(4)] == [403] * 4
    assert ask(played, Answer.IPOS).json()["status"] == "NOT_AUTHORIZED"


def test_a_truncated_answer_is_the_right_ones_first_half(played: Played) -> None:
    whole = urllib3.request("GET", f"{played.base}{PATHS[Answer.GROUPED]}&apiKey={KEY}").data
    played.market.faults.set([f"truncated@{DAY}"])
    with pytest.raises(
        urllib3.exceptions.ProtocolError, match=r"IncompleteRead\((\d+) bytes read, (\d+) more"
    ) as error:
        urllib3.request("GET", f"{played.base}{PATHS[Answer.GROUPED]}&apiKey={KEY}", retries=False)
    came, lacking = (int(number) for number in re.findall(r"\d+", str(error.value.args[0]))[:2])
    assert came == (came + lacking) // 2
    assert abs(came + lacking - len(whole)) < 10


def test_a_dripping_answer_ends_in_the_right_one_for_whom_waits(played: Played) -> None:
    right = ask(played, Answer.OTHER)
    played.market.faults.set([f"drip@{DAY}"])
    started = time.monotonic()
    assert ask(played, Answer.OTHER, 20.0) == right
    assert time.monotonic() - started > 1


def test_a_call_that_never_returns_blocks_nobody_else_and_ends_with_its_caller(played: Played) -> None:
    played.market.faults.set([f"silent@{DAY}*1"])
    port = int(played.base.rpartition(":")[2])

    def served() -> set[int]:
        """The ports of the callers that the server holds a connection to."""
        return {
            one.raddr.port for one in psutil.Process().net_connections("tcp") if one.raddr and one.laddr.port == port
        }

    with socket.create_connection(("127.0.0.1", port)) as caller:
        own = caller.getsockname()[1]
        caller.sendall(f"GET {PATHS[Answer.LISTING]}&apiKey={KEY} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        until(lambda: played.market.faults.on[0].left == 0)
        assert ask(played, Answer.LISTING).status == 200
        assert own in served()
        caller.setblocking(False)
        with pytest.raises(BlockingIOError):
            caller.recv(1)
    until(lambda: own not in served())


def test_of_two_faults_of_the_transport_the_first_acts_until_it_is_spent(played: Played) -> None:
    played.market.faults.set([f"500@{DAY}*2", f"html@{DAY}*1"])
    assert [ask(played, Answer.SPLITS).headers[0][1] for _ in range(4)] == [
        "application/json",
        "application/json",
        "text/html",
        "application/json",
    ]


def test_a_fault_can_be_kept_to_one_answer(played: Played) -> None:
    right = everything(played)
    played.market.faults.set([f"500:grouped@{DAY}*1"])
    assert ask(played, Answer.LISTING) == right[Answer.LISTING]
    assert [ask(played, Answer.GROUPED).status for _ in range(2)] == [500, 200]


def test_a_reset_is_one(played: Played) -> None:
    played.market.faults.set([f"reset@{DAY}"])
    with socket.create_connection(("127.0.0.1", int(played.base.rpartition(":")[2])), timeout=5) as caller:
        caller.sendall(f"GET {PATHS[Answer.LISTING]}&apiKey={KEY} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            caller.recv(100)


def test_faults_of_data_and_of_shape_act_together(played: Played) -> None:
    played.market.faults.set([f"missing-third@{DAY}", f"garbage-listing@{DAY}", f"delayed@{DAY}"])
    answer = played.vendor.listings(DAY)
    assert (answer.delayed, answer.refused > 0, len(answer.listings) < 100) == (1, True, True)


# -- switching


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("htm@2024-02-01", "there is no fault 'htm': did you mean html?"),
        ("missing@2024-02-01", "did you mean missing-"),
        ("quux@2024-02-01", "`tickstock vendor faults` lists them"),
        ("html", "not of the form NAME@YYYY-MM-DD"),
        ("html@tomorrow", "not of the form"),
        ("html@2024-02-01*0", "not of the form"),
        ("html:bars@2024-02-01", "html does not change 'bars', but details, events, grouped"),
        ("403-ipos:listing@2024-02-01", "403-ipos does not change 'listing', but ipos"),
        ("html@2024-02-31", "2024-02-31 is not in the calendar"),
    ],
)
def test_a_fault_that_cannot_be_switched_on_says_why_and_changes_nothing(given: str, words: str) -> None:
    faults = Faults()
    faults.set(["html@2024-02-01*2", "delayed@2024-02-01"])
    with pytest.raises(FaultError) as error:
        faults.set(["delayed@2024-02-02", given])
    assert words in str(error.value)
    assert faults.given() == ["html@2024-02-01*2", "delayed@2024-02-01"]


def control(played: Played, method: str, body: object = None, key: str = KEY) -> tuple[int, Any]:
    answer = urllib3.request(
        method, f"{played.base}/replay/faults", headers={"Authorization": f"Bearer {key}"},
        body=None if body is None else json.dumps(body),
    )  # fmt: skip
    return answer.status, answer.json()


def test_faults_are_read_and_replaced_over_http_with_the_key(played: Played) -> None:
    assert control(played, "GET") == (200, [])
    assert control(played, "PUT", [f"html@{DAY}*1"]) == (200, [f"html@{DAY}*1"])
    assert control(played, "PUT", [f"500@{DAY}"], key="wrong")[0] == 401
    assert control(played, "GET") == (200, [f"html@{DAY}*1"])
    assert ask(played, Answer.SPLITS).headers == (("Content-Type", "text/html"),)
    status, answer = control(played, "PUT", ["htm@2024-01-02"])
    assert (status, "did you mean html?" in answer["error"]) == (400, True)
    assert control(played, "PUT", {"html": 1})[0] == 400
    assert control(played, "PUT", []) == (200, [])


def test_the_control_calls_are_never_spoiled(played: Played) -> None:
    played.market.faults.set([f"silent@{DAY}*all"])
    assert control(played, "GET") == (200, [f"silent@{DAY}*all"])
    assert urllib3.request("GET", f"{played.base}/replay/clock?apiKey={KEY}", timeout=2.0).status == 200


# -- the docs and the command line


def test_the_docs_hold_the_table_of_faults(checkout: Path, tmp_path: Path) -> None:
    page = (checkout / "docs" / "replay.md").read_text()
    assert f"{BEGIN}{faults_table()}{END}" in page, "run `make contract`"
    copy = tmp_path / "page.md"
    copy.write_text(page.replace(faults_table(), "an old table\n"))
    write_table(copy)
    assert copy.read_text() == page


def tickstock(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tickstock_automation.cli", *arguments],
        env={**os.environ, "POLYGON_API_KEY": KEY}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_the_command_lists_the_faults() -> None:
    told = json.loads(tickstock("vendor", "faults", "--json").stdout)["faults"]
    assert [one["name"] for one in told] == list(FAULTS)
    assert all(one["what"] and one["source"] and one["answers"] for one in told)
    table = tickstock("vendor", "faults").stdout
    assert all(name in table for name in FAULTS)


def test_a_fault_that_does_not_exist_is_refused_before_anything_starts(folder: Path) -> None:
    done = tickstock("vendor", "serve", "--data", str(folder), "--port", str(any_free()), "--fault", "htlm@2024-01-02")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean html?" in " ".join(done.stderr.split())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_ends_although_a_call_never_returns(folder: Path, number: signal.Signals) -> None:
    port = any_free()
    command = ["vendor", "serve", "--data", str(folder), "--port", str(port), "--fault", f"silent@{DAY}*all"]
    with subprocess.Popen(
        [sys.executable, "-m", "tickstock_automation.cli", *command],
        env={**os.environ, "POLYGON_API_KEY": KEY}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as server:  # fmt: skip
        assert server.stdout is not None
        assert server.stdout.readline().startswith("serving")
        base = f"http://127.0.0.1:{port}"
        moment = json.dumps({"day": DAY.isoformat(), "closed": False})
        urllib3.request("PUT", f"{base}/replay/clock?apiKey={KEY}", body=moment)
        with socket.create_connection(("127.0.0.1", port)) as caller:
            caller.sendall(f"GET {PATHS[Answer.LISTING]}&apiKey={KEY} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert urllib3.request("GET", f"{base}/replay/faults?apiKey={KEY}").json() == [f"silent@{DAY}*all"]
            server.send_signal(number)
            server.wait(5)
            assert not caller.recv(100).startswith(b"HTTP/1.1 200")
