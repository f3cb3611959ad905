"""`tickstock quality report` over sessions that were loaded, swept and mended; and the metrics of the same."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from tests.quality_days import FIRST, LEAP, REAL, SECOND, THIRD, WRONG, find, load, step
from tests.services import DAYS, System
from tickstock_automation.cli.main import app
from tickstock_automation.errors import NotFound, UsedWrongly
from tickstock_automation.ops.database_metrics import DatabaseCollector
from tickstock_automation.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.database]


def printed(*words: str, columns: int = 80) -> str:
    done = CliRunner(env={"COLUMNS": str(columns)}).invoke(app, ["quality", "report", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def told(*words: str) -> Any:
    return json.loads(printed(*words, "--json"))


def corrected(system: System, symbol: str, close: float) -> None:
    """The vendor's second word on FIRST's bar, as the bars service keeps it."""
    system.rows(
        "WITH bar AS (SELECT h.* FROM historical_data h JOIN symbols s ON s.id = h.symbol_id WHERE s.ticker = :symbol AND h.date = :day)"
        " INSERT INTO bar_corrections (symbol_id, session, old, new, reason, load_id)"
        " SELECT symbol_id, date, to_jsonb(bar) || jsonb_build_object('close', CAST(:close AS float8)), to_jsonb(bar), 'suspect', load_id FROM bar RETURNING 1",
        symbol=symbol, day=FIRST, close=close,
    )  # fmt: skip


@pytest.fixture
def swept(market: System) -> System:
    """FIRST: a leap, a wrong bar and a real move are found. SECOND: the wrong one is put right, and the vendor changed another."""
    wrong = find(market, LEAP, WRONG, REAL)[1]
    market.sweep(FIRST)
    load(market, SECOND)
    step([wrong], "remediating")
    corrected(market, "CCC", 160.0)
    step([wrong], "resolved")
    corrected(market, "AAA", 10.05)
    find(market, LEAP, day=SECOND)
    market.sweep(SECOND)
    return market


def test_the_newest_summary_is_told_with_what_lies_behind_it(swept: System) -> None:
    report = told()
    assert (report["session"], report["figures"]["repaired"], report["figures"]["corrected"]) == (str(SECOND), 1, 2)
    assert report["compared"]["repaired"] == {"today": 1.0, "yesterday": 0.0, "mean_30": 0.0}
    assert [one["session"] for one in report["days"]] == [str(FIRST), str(SECOND)]
    assert report["days"][0]["by_severity"] == {"medium": 1, "high": 1, "critical": 1}
    [put_right, changed] = report["repairs"]
    assert (put_right["symbol"], put_right["check"], put_right["reason"]) == ("CCC", "price_outlier", "reloaded")
    assert put_right["old"]["close"] == 160.0
    assert (changed["symbol"], changed["check"], changed["reason"]) == ("AAA", None, "suspect")
    assert report["repairs_in_all"] == 2


def test_the_worst_stand_first_with_the_bars_around_them(swept: System) -> None:
    worst = told()["worst"][0]
    assert (worst["symbol"], worst["check"], worst["session"], worst["alike"]) == ("AAA", "price_move", str(SECOND), 1)
    days = [one["date"] for one in worst["bars"]]
    assert days[-1] == str(SECOND)
    assert str(DAYS[0]) <= days[0] < str(FIRST)


def test_open_alerts_are_as_old_as_the_summaries_since(swept: System) -> None:
    load(swept, THIRD)
    swept.sweep(THIRD)
    ages = {one["age"]: one["by_severity"].get("high") for one in told()["ages"]}
    assert (ages["1 session ago"], ages["2 to 5 sessions ago"]) == (1, 1)


def test_an_earlier_day_is_told_as_its_summary_saw_it(swept: System) -> None:
    report = told("--date", str(FIRST))
    assert (report["session"], report["figures"]["findings"], len(report["days"])) == (str(FIRST), 3, 1)
    assert [one["age"] for one in report["ages"]] == ["this session"]
    assert report["ages"][0]["by_severity"] == {"high": 1, "critical": 1}, "resolved only later"
    assert [(one["symbol"], one["state"]) for one in report["worst"]] == [("CCC", "resolved"), ("AAA", "open")]
    assert report["repairs"] == []


def test_symbols_with_the_most_findings_are_named(swept: System) -> None:
    [most, *_] = told()["symbols"]
    assert (most["symbol"], most["findings"], most["open"], most["by_check"]) == ("AAA", 2, 2, {"price_move": 2})


def test_a_person_reads_it_in_eighty_columns(swept: System) -> None:
    shown = printed()
    assert max(map(len, shown.splitlines())) <= 80
    for words in (
        f"Data quality of {SECOND}",
        "Completeness",
        "since yesterday",
        "price_move",
        "high",
        "CCC",
        "close 160 →",
        "by the vendor",
    ):
        assert words in shown  # fmt: skip


def test_the_page_holds_the_same(swept: System, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    assert printed("--html", str(file)) == "", "nothing but the file"
    html = file.read_text(encoding="utf-8")
    for words in (f"Data quality of {SECOND}", "AAA", "Price of AAA around", "close 160 → ", "Open alerts by age"):
        assert words in html
    assert told("--html", str(file))["session"] == str(SECOND), "both, where both are asked for"


def test_a_symbols_name_is_no_markup_on_the_page(swept: System, admin: Engine, tmp_path: Path) -> None:
    with admin.connect() as connection:
        connection.execute(text("UPDATE symbols SET ticker = '<b>', name = '<script>1</script>' WHERE ticker = 'AAA'"))
    printed("--html", str(tmp_path / "report.html"))
    html = (tmp_path / "report.html").read_text()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "<script" not in html
    assert "<b>" in printed()


def test_a_day_without_a_summary_is_not_found_and_the_message_says_which_there_are(swept: System) -> None:
    with pytest.raises(
        NotFound, match=f"no summary of {THIRD}: there are 2, from {FIRST} to {SECOND}; the nearest: {SECOND}"
    ):
        printed("--date", str(THIRD))


def test_where_nothing_was_swept_the_message_says_what_to_do(settings: Settings) -> None:
    with pytest.raises(NotFound, match="tickstock quality sweep"):
        printed()


def test_typed_an_unknown_day_ends_with_three(swept: System, settings: Settings, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tickstock_automation.cli", "quality", "report", "--date", str(THIRD), "--html", str(tmp_path / "x.html")],
        env={"DATABASE_URI": settings.database_uri.get_secret_value(), "HOME": str(tmp_path), "COLUMNS": "200"},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (3, "")
    assert (
        done.stderr
        == f"error: there is no summary of {THIRD}: there are 2, from {FIRST} to {SECOND}; the nearest: {SECOND}\n"
    )
    assert not (tmp_path / "x.html").exists()


def test_a_page_that_cannot_be_written_is_a_mistake_of_the_caller(swept: System, tmp_path: Path) -> None:
    with pytest.raises(UsedWrongly, match="cannot be written"):
        printed("--html", str(tmp_path / "nowhere" / "x.html"))


def test_summaries_of_an_earlier_version_are_told_as_far_as_they_go(swept: System) -> None:
    swept.rows(
        'UPDATE quality_metrics SET figures = \'{"checked": 4, "findings": 7, "by_check": {}}\' WHERE scope = \'summary\' RETURNING 1'
    )
    report = told()
    assert (report["figures"]["findings"], report["worst"], report["repairs"], report["ages"]) == (7, [], [], [])
    assert "7 new findings" in printed()


def test_prometheus_hears_of_open_alerts_and_the_newest_summary(swept: System) -> None:
    samples = {
        (one.name, *one.labels.values()): one.value
        for metric in DatabaseCollector().collect()
        for one in metric.samples
    }
    assert samples["tickstock_open_alerts", "high", "open"] == 2
    assert samples[("tickstock_summary_completeness_ratio",)] == 0.75
    assert samples["tickstock_summary_findings", "high"] == 1
    assert samples["tickstock_summary_findings", "critical"] == 0
