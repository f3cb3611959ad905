"""What the replay says of a ticker, of its former names and of IPOs, as our client reads it and as of a moment."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.builders import KEY, Played, bar, quiet_market, write_bars
from tickstock_automation.replay.folder import FolderError, read_folder
from tickstock_automation.replay.generate import generate
from tickstock_automation.replay.ipos import Ipo, IpoStatus
from tickstock_automation.sessions import calendar
from tickstock_automation.vendor.client import Details, TickerChange

DAYS = calendar().between(date(2024, 1, 2), date(2024, 1, 31))
RENAMED, ENDED, REUSED = DAYS[5], DAYS[8], DAYS[12]
Play = Callable[[Path], Played]


@pytest.fixture
def renamed(tmp_path: Path, play: Play) -> Played:
    """FB became META; TWX ended and came back as another company; LONE has no FIGI."""
    write_bars(
        tmp_path,
        [bar("FB", day) for day in DAYS[:5]]
        + [bar("META", day) for day in DAYS[5:]]
        + [bar("TWX", day) for day in (*DAYS[:8], *DAYS[12:])]
        + [bar("LONE", day) for day in DAYS],
    )
    (tmp_path / "tickers.csv").write_text(
        "ticker,name,composite_figi,cik,market_cap,list_date,delisted_utc\n"
        "FB,Facebook,F1,0001,9e11,,\n"
        "META,Meta Platforms,F1,0001,9e11,,\n"
        f"TWX,Time Warner,F2,0002,,{DAYS[0]},{ENDED}\n"
        f"TWX,Twix,F3,0003,,{REUSED},\n"
    )
    return play(tmp_path)


def details(played: Played, ticker: str, day: date) -> Details:
    played.at(day, closed=True)
    found = played.vendor.details(ticker)
    assert found is not None
    return found


def test_who_has_a_ticker_now_is_told_in_full(renamed: Played) -> None:
    found = details(renamed, "META", DAYS[-1])
    assert (found.listing.name, found.active, found.delisted, found.market_cap) == ("Meta Platforms", True, None, 9e11)
    assert found.list_date == RENAMED


def test_who_had_a_ticker_last_is_told_as_delisted_since_the_day_after_its_last(renamed: Played) -> None:
    found = details(renamed, "TWX", DAYS[10])
    assert (found.listing.name, found.active, found.delisted) == ("Time Warner", False, DAYS[7] + timedelta(days=1))


def test_before_its_end_nobody_knows_of_it_and_after_a_reuse_the_new_one_is_told(renamed: Played) -> None:
    assert details(renamed, "TWX", DAYS[7]).active
    assert details(renamed, "TWX", DAYS[7]).delisted is None
    assert (details(renamed, "TWX", REUSED).listing.name, details(renamed, "TWX", REUSED).active) == ("Twix", True)


def test_a_date_asks_for_who_had_the_ticker_then(renamed: Played) -> None:
    renamed.at(DAYS[-1], closed=True)
    answer = urllib3.request("GET", f"{renamed.base}/v3/reference/tickers/TWX?date={DAYS[9]}&apiKey={KEY}").json()
    assert (answer["results"]["name"], answer["results"]["active"]) == ("Time Warner", False)


def test_what_nobody_ever_had_or_does_not_have_yet_is_unknown(renamed: Played) -> None:
    renamed.at(DAYS[2], closed=True)
    assert renamed.vendor.details("NOBODY") is None
    assert renamed.vendor.details("META") is None
    assert renamed.vendor.ticker_changes("META") == ()


def test_a_rename_is_told_by_the_new_ticker_and_by_the_figi(renamed: Played) -> None:
    renamed.at(RENAMED, closed=False)
    both = (TickerChange("FB", DAYS[0]), TickerChange("META", RENAMED))
    assert renamed.vendor.ticker_changes("META") == both
    assert renamed.vendor.ticker_changes("F1") == both
    assert renamed.vendor.ticker_changes("FB") == both, "who had it last"


def test_events_are_newest_first_and_name_the_security(renamed: Played) -> None:
    renamed.at(DAYS[-1], closed=True)
    address = f"{renamed.base}/vX/reference/tickers/META/events"
    results = urllib3.request("GET", f"{address}?types=ticker_change&apiKey={KEY}").json()["results"]
    assert {name: results[name] for name in ("name", "composite_figi", "cik")} == {
        "name": "Meta Platforms",
        "composite_figi": "F1",
        "cik": "0001",
    }
    assert [(event["date"], event["ticker_change"]["ticker"], event["type"]) for event in results["events"]] == [
        (RENAMED.isoformat(), "META", "ticker_change"),
        (DAYS[0].isoformat(), "FB", "ticker_change"),
    ]
    assert urllib3.request("GET", f"{address}?types=other&apiKey={KEY}").json()["results"]["events"] == []


def test_a_rename_that_lies_ahead_is_not_told(renamed: Played) -> None:
    renamed.at(DAYS[4], closed=True)
    assert renamed.vendor.ticker_changes("FB") == (TickerChange("FB", DAYS[0]),)


def test_a_reused_ticker_tells_of_its_holder_alone_and_no_figi_joins_nothing(renamed: Played) -> None:
    renamed.at(DAYS[-1], closed=True)
    assert renamed.vendor.ticker_changes("TWX") == (TickerChange("TWX", REUSED),)
    assert renamed.vendor.ticker_changes("LONE") == (TickerChange("LONE", DAYS[0]),)


LISTING = date(2024, 1, 16)
PRICED = Ipo("NEWCO", IpoStatus.HISTORY, "New Co", date(2024, 1, 4), LISTING, 21.0, 18.0, 20.0, "USD", "XNAS")


@pytest.mark.parametrize(
    ("day", "status", "price"),
    [
        (date(2024, 1, 3), None, None),
        (date(2024, 1, 4), "pending", None),
        (date(2024, 1, 15), "pending", None),
        (LISTING, "new", 21.0),
        (LISTING + timedelta(days=10), "new", 21.0),
        (LISTING + timedelta(days=11), "history", 21.0),
    ],
)
def test_an_ipo_is_told_as_of_the_day(day: date, status: str | None, price: float | None) -> None:
    row = PRICED.told_on(day)
    assert (row and row["ipo_status"], row and row.get("final_issue_price")) == (status, price)


@pytest.mark.parametrize("status", ["withdrawn", "postponed", "rumor"])
def test_an_ipo_that_comes_to_nothing_stays_so(status: str) -> None:
    row = Ipo("X", IpoStatus(status), listing_date=LISTING, final_issue_price=3.0).told_on(LISTING + timedelta(days=40))
    assert row == {"ticker": "X", "ipo_status": status, "listing_date": LISTING.isoformat()}


def ipos(played: Played, arguments: str) -> list[dict[str, Any]]:
    """The rows of all pages."""
    found: list[dict[str, Any]] = []
    address = f"{played.base}/vX/reference/ipos?{arguments}"
    while address:
        page = urllib3.request("GET", f"{address}&apiKey={KEY}").json()
        assert page["status"] == "OK"
        assert len(page["results"]) <= 10
        found += page["results"]
        address = page.get("next_url", "")
    return found


def test_ipos_are_found_by_date_status_and_ticker_page_by_page(tmp_path: Path, play: Play) -> None:
    folder = quiet_market(tmp_path, ["A"], DAYS[0], DAYS[-1])
    rows = [f"N{number:02},history,{DAYS[number % 20]}" for number in range(40)]
    (folder / "ipos.csv").write_text(
        "\n".join(["ticker,ipo_status,listing_date", *rows, "SOON,pending,", "OFF,withdrawn,"])
    )
    played = play(folder)
    played.at(DAYS[10], closed=False)

    def asked(arguments: str) -> list[str]:
        return [row["ticker"] for row in ipos(played, arguments)]

    assert len(asked("")) == 42
    assert asked("")[:2] == ["N39", "N19"], "the latest listing date comes first"
    assert asked(f"listing_date.gte={DAYS[3]}&listing_date.lte={DAYS[4]}") == ["N24", "N04", "N23", "N03"]
    assert asked("ipo_status=withdrawn") == ["OFF"]
    assert asked("ticker=N07") == ["N07"]
    assert len(asked("ipo_status=pending")) == 19


def test_a_folder_without_ipos_has_none(tmp_path: Path, play: Play) -> None:
    assert ipos(play(quiet_market(tmp_path, ["A"], DAYS[0], DAYS[1])), "") == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ticker,listing_date\nA,2024-01-02\n", "lacks the column ipo_status"),
        ("ticker,ipo_status\nA,maybe\n", "the IPO of A has the status maybe; there are rumor, pending"),
        ("ticker,ipo_status,listing_date\nA,new,soon\n", "cannot be read"),
    ],
)
def test_ipos_that_cannot_be_used_say_why(tmp_path: Path, content: str, words: str) -> None:
    folder = quiet_market(tmp_path, ["A"], DAYS[0], DAYS[1])
    (folder / "ipos.csv").write_text(content)
    with pytest.raises(FolderError, match=words):
        read_folder(folder)


def test_most_listings_of_a_generated_market_are_ipos_that_open_above_their_price(tmp_path: Path, play: Play) -> None:
    sessions = calendar().between(date(2024, 1, 2), date(2024, 7, 31))
    generate(tmp_path, sessions, sessions[90], seed=3)
    truth = json.loads((tmp_path / "truth.json").read_text())
    listings = {(event["ticker"], event["date"]) for event in truth["events"] if event["kind"] in ("listing", "reuse")}
    listed = {(ipo["ticker"], ipo["date"]): ipo["price"] for ipo in truth["ipos"] if ipo["status"] == "history"}
    assert len(listings) / 2 < len(listed) < len(listings)
    assert listed.keys() < listings
    assert sorted(ipo["status"] for ipo in truth["ipos"] if ipo["status"] != "history") == ["postponed", "withdrawn"]
    played = play(tmp_path)
    played.at(sessions[-1], closed=True)
    told = {(row["ticker"], row["listing_date"]): row for row in ipos(played, f"listing_date.gte={sessions[0]}")}
    for (ticker, day), price in listed.items():
        opened = played.vendor.range_bars(ticker, date.fromisoformat(day), date.fromisoformat(day)).rows[0]["o"]
        assert price <= opened + 0.01
        assert told[ticker, day]["final_issue_price"] == price
        assert told[ticker, day]["ipo_status"] == "history"
