"""`tickstock bars why` and `show` over bars that the services loaded."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.services import DAYS, Altered, System
from tickstock_automation.cli.main import app
from tickstock_automation.errors import NotFound, UsedWrongly
from tickstock_automation.vendor.client import BarsAnswer

pytestmark = [pytest.mark.integration, pytest.mark.database]

DAY, SPLIT = DAYS[30], DAYS[32]
HALTED = DAYS[31]


def printed(*words: str) -> str:
    """What a command prints at a width of 100, as it stands."""
    done = CliRunner(env={"COLUMNS": "100"}).invoke(app, ["bars", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def told(*words: str) -> Any:
    return json.loads(printed(*words, "--json"))


def twice_and_high(answer: BarsAnswer) -> BarsAnswer:
    """The vendor's first word on DAY: AAA at 11 and a second time, nothing of CCC."""
    rows = [row | {"c": 11.0, "h": 11.5} if row["T"] == "AAA" else row for row in answer.rows if row["T"] != "CCC"]
    return replace(answer, rows=(*rows, next(row | {"c": 99.0} for row in rows if row["T"] == "AAA")))


@pytest.fixture
def loaded(build: Callable[..., System]) -> System:
    """DAY was loaded wrong and corrected, HALTED has no bar of BBB, AAA was split on SPLIT; CCC's DAY waits."""
    from tests.builders import bar

    rows = [bar(name, day) for name in ("AAA", "BBB", "CCC") for day in DAYS if (name, day) != ("BBB", HALTED)]
    system = build(rows, splits=f"ticker,execution_date,split_from,split_to\nAAA,{SPLIT},1,2\n")
    system.free_pace()
    system.scan(DAY)
    system.eod(DAY, Altered(system.played.vendor, grouped_bars=twice_and_high))
    system.rows("UPDATE eod_runs SET outcome = 'failed' RETURNING 1")
    system.rows("UPDATE symbol_aliases SET valid_from = NULL RETURNING 1")
    return system


def test_a_corrected_bar_tells_both_calls_and_what_was_refused(loaded: System) -> None:
    wrong = told("why", "aaa", str(DAY))
    assert (wrong["bar"]["close"], wrong["absence"], wrong["corrections"]) == (11.0, None, [])
    loaded.eod(DAY)
    one = told("why", "AAA", str(DAY))
    assert (one["bar"]["close"], one["bar"]["source"]) == (20.0, "polygon")
    load = one["bar"]["load"]
    assert (load["endpoint"], load["arguments"], load["job"]) == ("grouped", {"date": str(DAY)}, f"eod:{DAY}")
    assert (len(load["answer_hash"]), load["updated"], load["unchanged"]) == (64, 1, 1)
    [correction] = one["corrections"]
    assert (correction["old"]["close"], correction["new"]["close"]) == (11.0, 20.0)
    assert (correction["load"]["id"], correction["old"]["load"]["id"]) == (load["id"], wrong["bar"]["load"]["id"])
    [refused] = one["refused_rows"]
    assert (refused["reason"], refused["raw"]["c"], refused["load"]["id"]) == ("duplicate", 99.0, wrong["bar"]["load"]["id"])  # fmt: skip
    shown = printed("why", "AAA", str(DAY))
    for words in ("close 20.00", f"grouped  date {DAY}  for eod:{DAY}", "close 11 → 20", "had come by", "duplicate", "c 99", load["answer_hash"]):  # fmt: skip
        assert words in shown


def test_a_bar_that_is_not_there_says_why(loaded: System) -> None:
    absent = told("why", "CCC", str(DAY))
    assert (absent["bar"], absent["absence"]["outcome"]) == (None, "waiting")
    assert [one["reason"] for one in absent["requests"]] == ["missing"]
    loaded.scan(HALTED)
    loaded.eod(HALTED)
    loaded.backfill(HALTED)
    halted = told("why", "BBB", str(HALTED))
    assert (halted["absence"]["outcome"], halted["known_empty"]["load"]["endpoint"]) == ("known_empty", "range")
    assert "known not to exist" in printed("why", "BBB", str(HALTED))
    assert told("why", "AAA", "2024-01-06")["absence"]["outcome"] == "no_session"
    assert told("why", "AAA", "2001-01-03")["absence"]["outcome"] == "outside"
    assert told("why", "AAA", str(SPLIT))["actions"] == [], "not known yet"


def test_a_ticker_or_a_day_that_nobody_knows_is_not_found(loaded: System) -> None:
    for words, said in (
        (("AAB", str(DAY)), "no security is or was called AAB: near it: AAA"),
        (("AAA", "2099-01-05"), "still to come"),
        (("AAA", "1999-12-31"), "begins on 2000-01-03"),
    ):
        with pytest.raises(NotFound, match=said):
            printed("why", *words)


def test_a_renamed_security_is_asked_for_by_its_name_of_the_day(loaded: System) -> None:
    loaded.rows(
        "INSERT INTO symbol_aliases (symbol_id, ticker, valid_from) SELECT id, 'NEW', :day FROM symbols WHERE ticker = 'AAA' RETURNING 1",
        day=SPLIT,
    )  # fmt: skip
    loaded.rows("UPDATE symbol_aliases SET valid_to = :day WHERE ticker = 'AAA' RETURNING 1", day=SPLIT)
    loaded.rows("UPDATE symbols SET ticker = 'NEW' WHERE ticker = 'AAA' RETURNING 1")
    assert "AAA (now NEW)" in printed("why", "AAA", str(DAY))
    with pytest.raises(
        NotFound, match=f"nobody was called NEW on {DAY}: somebody was from {SPLIT} on, called AAA on that day"
    ):
        printed("why", "NEW", str(DAY))
    assert told("show", "AAA", "--to", str(DAYS[-1]))["bars"] == told("show", "NEW")["bars"] != []


@pytest.fixture
def split(loaded: System) -> System:
    for day in (DAY, HALTED, SPLIT, DAYS[33]):
        loaded.scan(day)
        loaded.eod(day)
    return loaded


def test_show_gives_bars_as_traded_or_adjusted_as_of_a_day(split: System) -> None:
    def closes(*words: str) -> list[tuple[str, float]]:
        return [(one["date"], one["close"]) for one in told("show", "AAA", *words)["bars"]]

    assert closes() == [(str(DAY), 20.0), (str(HALTED), 20.0), (str(SPLIT), 10.0), (str(DAYS[33]), 10.0)]
    assert closes("--adjusted") == [(str(day), 10.0) for day in DAYS[30:34]]
    assert closes("--as-of", str(HALTED), "--to", str(HALTED)) == [(str(DAY), 20.0), (str(HALTED), 20.0)]
    assert closes("--from", str(SPLIT), "--to", str(SPLIT)) == [(str(SPLIT), 10.0)]
    assert told("show", "AAA")["actions"] == [
        {"ex_date": str(SPLIT), "kind": "split", "split_from": 1.0, "split_to": 2.0, "cash_amount": 0.0}
    ]
    split.rows(
        "INSERT INTO corporate_actions (symbol_id, kind, ex_date, cash_amount)"
        " SELECT id, 'dividend', :day, 1 FROM symbols WHERE ticker = 'AAA' RETURNING 1", day=DAYS[33],
    )  # fmt: skip
    assert [close for _, close in closes("--dividends")] == [9.0, 9.0, 9.0, 10.0]


def test_show_prints_a_table_that_fits_and_csv_that_reads_back(split: System) -> None:
    shown = printed("show", "AAA")
    assert "split 2 for 1" in next(line for line in shown.splitlines() if line.startswith(str(SPLIT)))
    assert "as traded" in shown
    adjusted = printed("show", "AAA", "--dividends", "--as-of", str(SPLIT))
    assert f"adjusted for splits and dividends as of {SPLIT}" in adjusted
    assert max(map(len, adjusted.splitlines())) <= 100
    [first, *_rest] = csv.DictReader(io.StringIO(printed("show", "AAA", "--csv")))
    assert (first["date"], float(first["close"]), first["source"]) == (str(DAY), 20.0, "polygon")
    assert "No bars from" in printed("show", "AAA", "--from", "2024-01-02", "--to", "2024-01-05")
    for words in (("--csv", "--json"), ("--from", str(SPLIT), "--to", str(DAY))):
        with pytest.raises(UsedWrongly):
            printed("show", "AAA", *words)


def test_a_ticker_that_ended_shows_its_last_bars(split: System) -> None:
    split.rows("UPDATE symbol_aliases SET valid_to = '2024-06-03' WHERE ticker = 'AAA' RETURNING 1")
    assert told("show", "AAA")["to"] >= str(date(2024, 6, 3))
    assert len(told("show", "AAA")["bars"]) == 4
