"""The replay: what it lists on which day, what it serves as traded and adjusted, what it invents."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import urllib3

from tests.builders import KEY, Played, bar, quiet_market, write_bars
from tickstock_automation.replay.folder import FolderError, read_folder
from tickstock_automation.replay.generate import generate
from tickstock_automation.replay.market import Market, Now
from tickstock_automation.sessions import calendar

DAYS = calendar().between(date(2024, 1, 2), date(2024, 1, 31))


def market(folder: Path, day: date = DAYS[-1], *, closed: bool = True) -> Market:
    found = Market(read_folder(folder))
    found.set_now(Now(day, closed))
    return found


def tickers(found: Market, day: date) -> list[str]:
    return [row["ticker"] for row in found.tickers(day, active=True)]


def test_what_has_its_first_bar_lists_and_what_ends_early_delists_after_its_last(tmp_path: Path) -> None:
    rows = (
        [bar("OLD", day) for day in DAYS]
        + [bar("IPO", day) for day in DAYS[5:]]
        + [bar("END", day) for day in DAYS[:9]]
    )
    found = market(write_bars(tmp_path, rows))
    assert tickers(found, DAYS[4]) == ["END", "OLD"]
    assert tickers(found, DAYS[5]) == ["END", "IPO", "OLD"]
    assert tickers(found, DAYS[8]) == ["END", "IPO", "OLD"]
    assert tickers(found, DAYS[9]) == ["IPO", "OLD"]


def test_pages_follow_one_another_without_a_gap(tmp_path: Path, play: Callable[[Path], Played]) -> None:
    names = [f"T{number:02}" for number in range(25)]
    played = play(quiet_market(tmp_path, names, DAYS[0], DAYS[2]))
    played.at(DAYS[2], closed=False)
    seen, address = [], f"{played.base}/v3/reference/tickers?limit=10"
    while address:
        page = urllib3.request("GET", f"{address}&apiKey={KEY}").json()
        seen += [row["ticker"] for row in page["results"]]
        address = page.get("next_url", "")
        assert KEY not in address
    assert seen == names


def test_nothing_of_a_session_is_served_before_it_closed(tmp_path: Path) -> None:
    folder = quiet_market(tmp_path, ["A"], DAYS[0], DAYS[-1])
    assert market(folder, DAYS[3], closed=False).grouped(DAYS[3], adjusted=False) == []
    assert len(market(folder, DAYS[3]).grouped(DAYS[3], adjusted=False)) == 1
    assert [row["c"] for row in market(folder, DAYS[3]).range("A", DAYS[2], DAYS[9], adjusted=False)] == [10.02, 10.03]


def test_bars_before_a_split_are_served_as_traded_and_adjusted_as_of_now(tmp_path: Path) -> None:
    write_bars(tmp_path, [bar("A", day, 100.0, 700.0) for day in DAYS])
    split = DAYS[10]
    (tmp_path / "splits.csv").write_text(f"ticker,execution_date,split_from,split_to\nA,{split},1,7\n")

    def close_and_volume(now: date, day: date, *, adjusted: bool) -> tuple[float, float]:
        [row] = market(tmp_path, now).grouped(day, adjusted=adjusted)
        return row["c"], row["v"]

    assert close_and_volume(DAYS[-1], DAYS[9], adjusted=False) == (700.0, 100)
    assert close_and_volume(DAYS[-1], DAYS[10], adjusted=False) == (100.0, 700)
    assert close_and_volume(DAYS[-1], DAYS[9], adjusted=True) == (100.0, 700)
    assert close_and_volume(DAYS[9], DAYS[9], adjusted=True) == (700.0, 100), "nobody knows of the split yet"
    assert market(tmp_path, DAYS[9]).splits(None, None, None) == []
    assert [row["split_to"] for row in market(tmp_path, DAYS[10]).splits(None, None, "A")] == [7.0]


def test_one_ticker_may_be_two_securities_at_different_times(tmp_path: Path) -> None:
    write_bars(tmp_path, [bar("M", day) for day in DAYS if day != DAYS[8]])
    (tmp_path / "tickers.csv").write_text(
        f"ticker,composite_figi,list_date,delisted_utc\nM,F1,2020-01-01,{DAYS[8]}T00:00:00Z\nM,F2,{DAYS[9]},\n"
    )
    found = market(tmp_path)
    figi = {day: [row["composite_figi"] for row in found.tickers(day, active=True)] for day in DAYS[7:10]}
    assert list(figi.values()) == [["F1"], [], ["F2"]]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("other.csv", "x", "neither bars.csv"),
        ("bars.csv", "symbol,date,open\nA,2024-01-02,1\n", "lacks the columns close, high, low, volume"),
        ("bars.csv", "symbol,date,open,high,low,close,volume\nA,yesterday,1,1,1,1,1\n", "cannot be read"),
        ("bars.csv", "symbol,date,open,high,low,close,volume\n", "holds no bars"),
        ("bars.csv.gz", "not gzip at all", "bars.csv.gz"),
    ],
)
def test_a_folder_that_cannot_be_used_says_why(tmp_path: Path, name: str, content: str, words: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(FolderError, match=words):
        read_folder(tmp_path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="is not a folder"):
        read_folder(tmp_path / "nowhere")


def test_a_generated_market_is_the_same_for_the_same_seed_and_tells_its_truth(tmp_path: Path) -> None:
    sessions = calendar().between(date(2024, 1, 2), date(2024, 7, 31))
    for name in ("one", "two"):
        generate(tmp_path / name, sessions, sessions[90], seed=3)
    for file in ("bars.csv", "tickers.csv", "splits.csv", "truth.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    truth = json.loads((tmp_path / "one" / "truth.json").read_text())
    assert {event["kind"] for event in truth["events"]} == {"listing", "delisting", "rename", "swap", "reuse", "split"}
    assert len({fault["fault"] for fault in truth["faults"]}) == 8
    found = Market(read_folder(tmp_path / "one"))
    found.set_now(Now(sessions[-1], True))
    for event in truth["events"]:
        day = date.fromisoformat(event["date"])
        before, after = (
            {row["composite_figi"]: row["ticker"] for row in found.tickers(when, active=True)}
            for when in (calendar().before(day), day)
        )
        if event["kind"] in ("rename", "swap"):
            assert (before[event["figi"]], after[event["figi"]]) == (event["ticker"], event["new"])
        elif event["kind"] in ("listing", "reuse"):
            assert event["figi"] not in before
            assert after[event["figi"]] == event["ticker"]
        elif event["kind"] == "delisting":
            assert before[event["figi"]] == event["ticker"]
            assert event["figi"] not in after
