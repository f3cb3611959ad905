"""`tickstock queue`: status, add, retry, cancel, pause and resume, as a person types them."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from tests.queueing import WorkList
from tickstock_automation.cli.main import app
from tickstock_automation.cli.queue_view import duration
from tickstock_automation.errors import NotFound, QueueFull, UsedWrongly
from tickstock_automation.settings import Settings, use_settings

pytestmark = [pytest.mark.integration, pytest.mark.database, pytest.mark.redis]


def run(*words: str) -> Any:
    done = CliRunner().invoke(app, ["queue", *words], catch_exceptions=False, env={"COLUMNS": "100"})
    assert done.exit_code == 0, done.output
    return done


def told(*words: str) -> Any:
    return json.loads(run(*words, "--json").stdout)


def printed(*words: str) -> str:
    return " ".join(run(*words).stdout.split())


@pytest.fixture(autouse=True)
def market(work: WorkList) -> WorkList:
    work.symbols("ETF", ["SPY", "QQQ", "IWM"])
    work.symbols("STOCK_EOD", ["AAA", "BBB", "BACpA"])
    [(work.now,)] = work.rows("SELECT now()")
    return work


def fail(work: WorkList, *names: str) -> None:
    work.rows(
        "UPDATE equity_processing_queue SET status = 'failed', attempts = 5, completed_at = now(), error_message = 'not JSON'"
        " WHERE symbol_id = ANY (:ids) RETURNING 1", ids=[work.ids[name] for name in names],
    )  # fmt: skip


def of(status: Any, equity_type: str) -> Any:
    [one] = [one for one in status["types"] if one["equity_type"] == equity_type]
    return one


def test_status_counts_what_waits_is_sent_at_work_and_failed(market: WorkList) -> None:
    market.queue("STOCK_EOD")
    market.queue("ETF")
    market.set_type("STOCK_EOD", batch_size=1)
    first = {batch.equity_type: batch for batch, _ in market.dispatch()}
    market.begin(first["ETF"].token)
    fail(market, "BBB")
    market.rows("SELECT update_processing_stats('ETF', 40, 2, 3)")
    status = told("status")
    assert (status["waiting"], status["bound"]) == (5, 100_000)
    etf, eod = of(status, "ETF"), of(status, "STOCK_EOD")
    assert (etf["pending"], etf["sent"], etf["running"], etf["failed"]) == (0, 0, 3, 0)
    assert (etf["processed_last_hour"], etf["failed_last_hour"], etf["oldest_wait_s"]) == (40, 2, None)
    assert (eod["pending"], eod["due"], eod["sent"], eod["running"], eod["failed"]) == (1, 1, 1, 0, 1)
    assert 0 < eod["oldest_wait_s"] < 60
    assert (eod["priority"], eod["batch_size"], eod["rate_limit_ms"]) == (50, 1, 12_000)
    assert [one["equity_type"] for one in status["types"]][:2] == ["STOCK_REALTIME", "ETF"]
    said = run("status").stdout
    assert "40 / 2" in said
    assert max(map(len, said.splitlines())) <= 80
    assert "…" not in said


def test_what_failed_is_listed_with_its_error_until_it_is_put_back(market: WorkList) -> None:
    market.queue("STOCK_EOD")
    fail(market, "AAA", "BBB")
    listed = told("status", "--failed")["failed"]
    assert [(one["symbol"], one["equity_type"], one["attempts"], one["error"]) for one in listed] == [
        ("AAA", "STOCK_EOD", 5, "not JSON"), ("BBB", "STOCK_EOD", 5, "not JSON"),
    ]  # fmt: skip
    assert told("retry", "aaa", "SPY") == {"retried": ["AAA"], "not_failed": ["SPY"]}
    assert market.state("AAA") == ("pending", 0)
    assert told("retry", "--type", "etf")["retried"] == []
    assert told("retry", "--all")["retried"] == ["BBB"]
    assert printed("status", "--failed") == "Nothing has failed."


def test_add_queues_all_or_none_whatever_the_case_and_warns_without_a_worker(market: WorkList) -> None:
    added = run("add", "etf", "spy", "QQQ")
    assert added.stdout == "ETF: 2 queued; 2 pending\n"
    assert "no worker answers" in " ".join(added.stderr.split())
    assert told("add", "ETF", "SPY", "IWM") == {"equity_type": "ETF", "queued": 1, "waited_already": 1, "pending": 3}
    assert told("add", "STOCK_EOD", "bacpa")["queued"] == 1
    assert told("add", "STOCK_EOD", "--all")["queued"] == 2


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("add", "ETG", "SPY"), UsedWrongly, "ETG is no equity type; there are E"),
        (("add", "ETF", "SPZ"), NotFound, "called SPZ: near it: SPY"),
        (("add", "ETF", "SPY", "AAA"), UsedWrongly, "not of type ETF: AAA"),
        (("add", "ETF"), UsedWrongly, "name symbols, or --all"),
        (("add", "ETF", "SPY", "--all"), UsedWrongly, "name symbols, or --all"),
        (("cancel",), UsedWrongly, "name symbols, a --type, or --all"),
        (("retry", "SPY", "--all"), UsedWrongly, "not both"),
        (("pause", "NOTHING", "--reason", "x"), UsedWrongly, "NOTHING is no equity type"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_queued(
    market: WorkList, words: tuple[str, ...], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        run(*words)
    assert market.rows("SELECT count(*) FROM equity_processing_queue") == [(0,)]


def test_past_the_bound_nothing_is_added_or_put_back(market: WorkList, settings: Settings) -> None:
    use_settings(settings.model_copy(update={"queue_bound": 2}))
    with pytest.raises(QueueFull, match="3 would wait and 2 may"):
        run("add", "ETF", "--all")
    run("add", "ETF", "SPY", "QQQ")
    fail(market, "SPY", "QQQ")
    run("add", "STOCK_EOD", "AAA")
    with pytest.raises(QueueFull, match="3 would wait and 2 may; nothing was put back"):
        run("retry", "--all")
    assert told("status", "--failed")["waiting"] == 1


def test_cancel_leaves_what_a_worker_has_begun_and_names_it(market: WorkList) -> None:
    market.queue("ETF", ["SPY"])
    [(batch, _)] = market.dispatch()
    market.begin(batch.token)
    market.queue("ETF", ["QQQ"])
    market.queue("STOCK_EOD", ["AAA"])
    assert told("cancel", "--type", "ETF") == {"cancelled": ["QQQ"], "running": ["SPY"], "not_waiting": []}
    assert told("cancel", "AAA", "BBB", "--by", "ada") == {"cancelled": ["AAA"], "running": [], "not_waiting": ["BBB"]}
    assert market.rows(
        "SELECT error_message FROM equity_processing_queue WHERE symbol_id = :id", id=market.ids["AAA"]
    ) == [("cancelled by ada",)]
    assert printed("cancel", "--all") == "cancelled: none at work, and left to it: 1 (SPY)"


def test_who_paused_a_type_and_why_is_shown_until_it_goes_on(market: WorkList, admin: Engine) -> None:
    assert told("pause", "etf", "--reason", "wrong since Friday", "--by", "ada")["changed"]
    again = told("pause", "ETF", "--reason", "x", "--by", "bob")
    assert (again["changed"], again["paused_by"], again["paused_reason"]) == (False, "ada", "wrong since Friday")
    assert "ETF is paused by ada since" in printed("status")
    assert of(told("status"), "ETF")["paused_reason"] == "wrong since Friday"
    assert "ETF is paused by ada (wrong since Friday)" in " ".join(run("add", "ETF", "SPY").stderr.split())
    market.later(60)
    assert market.dispatch() == []
    assert told("resume", "ETF") == {"equity_type": "ETF", "changed": True, "pending": 1}
    assert not told("resume", "ETF")["changed"]
    assert len(market.dispatch()) == 1


def test_a_wait_is_said_in_its_largest_unit() -> None:
    assert [duration(seconds) for seconds in (0.4, 119, 5703, 7200, 200_000)] == [
        "0 s",
        "119 s",
        "95 min",
        "2 h",
        "2 d",
    ]
