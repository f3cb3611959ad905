"""`tickstock quality`: alerts, show, ack, confirm, resolve and explain, as a person types them."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.sweeping import DAYS, Swept
from tickstock_automation.cli.main import app
from tickstock_automation.errors import NotFound, UsedWrongly

pytestmark = [pytest.mark.integration, pytest.mark.database]

DAY = DAYS[30]


def run(*words: str) -> Any:
    done = CliRunner().invoke(app, ["quality", *words], catch_exceptions=False, env={"COLUMNS": "80"})
    assert done.exit_code == 0, done.output
    assert all(len(line) <= 80 for line in done.stdout.splitlines() if not line.startswith("{"))
    return done


def told(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout)


def printed(*words: str) -> str:
    return " ".join(run(*words).stdout.split())


@pytest.fixture(autouse=True)
def market(swept: Swept) -> Swept:
    swept.symbols("AAA", "BBB", "CCC")
    swept.load(DAYS[:31])
    swept.finds("AAA", DAYS[29], "data_error", "high")
    swept.finds("AAA", DAY)
    swept.finds("BBB", DAY, severity="low", check="volume_spike")
    swept.finds("CCC", DAY, "market_event", "critical")
    swept.sweep(DAY)
    return swept


def names(*words: str) -> list[tuple[str, str]]:
    return [(one["symbol"], one["session"]) for one in told("alerts", *words)["alerts"]]


def test_alerts_are_listed_the_worst_first_without_what_is_closed() -> None:
    assert names() == [("AAA", str(DAYS[29])), ("AAA", str(DAY)), ("BBB", str(DAY))]
    assert names("--all")[0] == ("CCC", str(DAY))
    assert told("alerts", "--limit", "1") | {"alerts": None} == {"found": 3, "alerts": None}
    assert "1 of 3; --limit shows more" in printed("alerts", "--limit", "1")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (("--symbol", "bbb"), ["BBB"]),
        (("--check", "volume_spike"), ["BBB"]),
        (("--check", "volume_spike", "--check", "price_move"), ["AAA", "AAA", "BBB"]),
        (("--severity", "high"), ["AAA"]),
        (("--verdict", "market_event", "--state", "confirmed"), ["CCC"]),
        (("--to", str(DAYS[29])), ["AAA"]),
        (("--from", str(DAY)), ["AAA", "BBB"]),
    ],
)
def test_filters(filters: tuple[str, ...], expected: list[str]) -> None:
    assert [symbol for symbol, _ in names(*filters)] == expected


def test_nothing_like_that_is_said_so() -> None:
    assert printed("alerts", "--check", "nothing") == "No alert is like that."
    assert printed("resolve", "--check", "nothing", "--reason", "x") == "No alert is like that."


def test_what_is_typed_wrongly_is_refused() -> None:
    for words in (
        ("alerts", "--severity", "bad"), ("alerts", "--state", "shut"), ("alerts", "--from", "2024-02-02", "--to", "2024-02-01"),
        ("resolve", "--reason", "x"), ("ack",), ("resolve", "--check", "price_move", "--reason", "x"),
    ):  # fmt: skip
        with pytest.raises(UsedWrongly):
            run(*words)
    for words in (
        ("show", "99"),
        ("ack", "1", "99"),
        ("alerts", "--symbol", "NOBODY"),
        ("explain", "NOBODY", str(DAY)),
    ):
        with pytest.raises(NotFound):
            run(*words)


def test_one_alert_is_shown_with_its_bars_evidence_and_history(market: Swept) -> None:
    [found] = told("alerts", "--severity", "high")["alerts"]
    whole = told("show", str(found["id"]))
    assert [one["author"] for one in whole["history"]] == ["sweep"]
    assert [one["date"] for one in whole["bars"]] == [str(day) for day in DAYS[:31]]
    words = printed("show", str(found["id"]))
    assert f"alert {found['id']} AAA {DAYS[29]} price_move high open" in words
    assert f"▲ {DAYS[29]}" in words
    assert "price_move of AAA, data_error" in words
    market.rows("DELETE FROM historical_data WHERE date = :day RETURNING 1", day=DAYS[29])
    assert f"△ {DAYS[29]}, no bar" in printed("show", str(found["id"]))


def test_to_acknowledge_is_no_step_and_tells_nobody(market: Swept) -> None:
    before = len(market.events("price_anomaly"))
    [found] = told("alerts", "--severity", "high")["alerts"]
    assert printed("ack", str(found["id"]), "--by", "ann") == "1 of 1 acknowledged"
    assert printed("ack", str(found["id"]), "--by", "bob") == "0 of 1 acknowledged"
    assert told("show", str(found["id"]))["acknowledged_by"] == "ann"
    assert "seen by ann" in printed("show", str(found["id"]))
    assert len(told("alerts", "--unseen")["alerts"]) == 2
    assert len(market.events("price_anomaly")) == before


def test_many_are_decided_at_once_by_filter_with_events(market: Swept) -> None:
    assert told("confirm", "--symbol", "AAA", "--reason", "news", "--by", "ann", "--yes")["changed"] == 2
    assert market.told()[-2:] == [("AAA", "confirmed", "market_event")] * 2
    assert market.rows("SELECT DISTINCT author, words FROM quality_alert_steps WHERE author <> 'sweep'") == [
        ("ann", "news")
    ]
    market.sweep(DAY)
    assert names("--symbol", "AAA") == [], "no sweep takes a person's word back"
    assert told("resolve", "--from", str(DAY), "--reason", "done", "--yes")["changed"] == 1
    assert names() == []


def test_every_check_says_what_it_thinks_of_a_day(market: Swept) -> None:
    found = told("explain", "aaa", str(DAY))
    views = {one["check"]: one for one in found["checks"]}
    assert views["price_move"]["found"]
    assert views["price_move"]["evidence"]["words"] == "price_move of AAA, undetermined"
    assert not views["missing_session"]["found"]
    assert [one["check"] for one in found["alerts"]] == ["price_move"]
    words = printed("explain", "AAA", str(DAY))
    assert "price_move medium ? price_move of AAA, undetermined" in words
    assert "nothing found" in words
    assert "No alert stands for this day." in printed("explain", "AAA", str(DAYS[5]))
    market.rows("DELETE FROM historical_data WHERE date = :day RETURNING 1", day=DAYS[12])
    assert "no bar: nobody asked for it" in printed("explain", "AAA", str(DAYS[12]))
