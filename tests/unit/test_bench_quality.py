"""The quality benchmark: who finds nothing scores nothing, who flags everything is told so, who knows the truth is perfect."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console, RenderableType
from typer.testing import CliRunner

from tickstock_automation.bench.naive import NaiveFinding, naive_findings
from tickstock_automation.bench.planting import KINDS, Planted
from tickstock_automation.bench.quality import Detect, bench_quality, half_of
from tickstock_automation.bench.quality_bars import Source, folder_source, made_source
from tickstock_automation.bench.targets import quality_targets
from tickstock_automation.cli.bench import app
from tickstock_automation.cli.bench_quality_view import (
    alarms_table,
    figures_table,
    kinds_table,
    missed_table,
    quality_notes,
)
from tickstock_automation.errors import UsedWrongly
from tickstock_automation.replay.folder import FolderError

BAR = {"open": 10.0, "high": 10.5, "low": 9.5, "close": 10.0, "volume": 1000.0}


def nothing(planted: Planted) -> Iterable[NaiveFinding]:
    return []


def everything(planted: Planted) -> Iterable[NaiveFinding]:
    days = planted.bars.select("symbol", "date").unique(maintain_order=True).iter_rows()
    missing = ((fault.symbol, day) for fault in planted.faults for day in fault.days)
    return [NaiveFinding(symbol, day, "all", {}) for symbol, day in dict.fromkeys([*days, *missing])]


def the_truth(planted: Planted) -> Iterable[NaiveFinding]:
    return [NaiveFinding(fault.symbol, day, "truth", {}) for fault in planted.faults for day in fault.days]


@pytest.fixture(scope="module")
def source() -> Source:
    return made_source(4, symbols=24, sessions=320)


def found_by(source: Source, detect: Detect, halves: int = 1, seed: int = 1) -> dict[str, Any]:
    return bench_quality(source, seed, halves, lambda line: None, detect=detect, least=1)


def means(found: dict[str, Any]) -> dict[str, float]:
    return {name: values["mean"] for name, values in found["figures"].items()}


def test_a_detector_that_finds_nothing_scores_nothing_and_no_false_alarm(source: Source) -> None:
    found = found_by(source, nothing)
    assert set(means(found).values()) == {0.0}
    assert all(row["found"] == row["called"] == 0 for row in found["kinds"] if row["planted"])
    assert found["false_errors"] == []
    assert len(found["missed"]) == found["faults"]


def test_a_detector_that_flags_everything_finds_all_and_cries_wolf_every_day(source: Source) -> None:
    found = found_by(source, everything)
    figures = means(found)
    assert figures["plain_called"] == figures["subtle_called"] == 1.0
    assert figures["false_errors_per_1000"] == figures["findings_per_1000"] == 1000.0
    assert figures["controls_called"] == 1.0
    assert found["missed"] == []
    assert not [
        target.name for target in quality_targets(found["figures"]) if "faults" in target.name and not target.meets_aim
    ]
    assert not [
        target.name for target in quality_targets(found["figures"]) if "in 1,000" in target.unit and target.meets_must
    ]


def test_the_truth_is_found_whole_and_without_a_false_alarm(source: Source) -> None:
    found = found_by(source, the_truth)
    figures = means(found)
    assert figures["plain_found"] == figures["subtle_called"] == figures["block_days_found"] == 1.0
    assert figures["false_errors_per_1000"] == figures["findings_per_1000"] == figures["controls_called"] == 0.0
    assert all(target.meets_aim for target in quality_targets(found["figures"]))


def test_every_kind_comes_up_and_the_same_seed_gives_the_same_figures(source: Source) -> None:
    one, same, other = found_by(source, the_truth), found_by(source, the_truth), found_by(source, the_truth, seed=2)
    assert one == same
    assert one["faults"] != other["faults"] or one["kinds"] != other["kinds"]
    assert {row["kind"] for row in one["kinds"] if row["planted"]} == {kind.name for kind in KINDS}


def test_the_worst_half_is_told_beside_the_mean(source: Source) -> None:
    found = found_by(source, lambda planted: naive_findings(planted.bars), halves=3)
    for name, values in found["figures"].items():
        worse = values["worst"] >= values["mean"] if name.endswith("1000") or name == "controls_called" else values["worst"] <= values["mean"]  # fmt: skip
        assert worse, name
    assert found["figures"] == found["naive"], "the naive rule beside itself"


def test_a_half_is_half_of_the_symbols_and_another_each_time() -> None:
    symbols = [f"S{number}" for number in range(11)]
    halves = [half_of(symbols, 1, number) for number in range(4)]
    assert {len(half) for half in halves} == {6}
    assert len({tuple(half) for half in halves}) > 1
    assert half_of(list(reversed(symbols)), 1, 0) == halves[0]


def test_the_naive_rule_tells_moves_volumes_and_weekdays_without_a_bar() -> None:
    days = pl.date_range(date(2024, 1, 1), date(2024, 2, 16), eager=True).to_list()
    days = [day for day in days if day.weekday() < 5 and day != date(2024, 1, 15)]
    rows = [{"symbol": "A", "date": day} | BAR for day in days]
    rows[25] |= {"close": 12.5}
    rows[30] |= {"volume": 5100.0}
    told = {(one.date, one.check, one.verdict) for one in naive_findings(pl.DataFrame(rows))}
    assert told == {
        (days[25], "price_move", "data_error"),
        (days[30], "volume", "data_error"),
        (date(2024, 1, 15), "gap", "data_error"),  # Martin Luther King's day, a holiday
    }


def test_the_first_moves_of_a_symbol_are_not_held_against_another() -> None:
    rows = [
        {"symbol": symbol, "date": date(2024, 1, 2)} | BAR | {"close": close}
        for symbol, close in (("A", 10.0), ("B", 90.0))
    ]
    assert naive_findings(pl.DataFrame(rows)) == []


def test_a_folder_says_what_is_known_to_be_bad(tmp_path: Path) -> None:
    days = [date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 5), date(2024, 1, 8)]
    pl.DataFrame([{"symbol": "A", "date": day} | BAR for day in days]).write_csv(tmp_path / "bars.csv")
    (tmp_path / "splits.csv").write_text("ticker,execution_date,split_from,split_to\nA,2024-01-05,2,3\n")
    source = folder_source(tmp_path)
    assert source.splits.rows() == [("A", date(2024, 1, 5), 1.5)]
    assert source.known_bad.rows() == [("A", date(2024, 1, 4))], "a missing session"
    (tmp_path / "known_bad.csv").write_text("symbol,first,last\nA,2020-01-01,2024-01-03\n")
    assert [day.day for _, day in folder_source(tmp_path).known_bad.rows()] == [2, 3, 4]
    other = tmp_path / "other.csv"
    other.write_text("symbol,first,last\nA,2024-01-08,2024-12-31\n")
    assert [day.day for _, day in folder_source(tmp_path, other).known_bad.rows()] == [4, 8]


def test_a_list_of_bad_days_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    pl.DataFrame([{"symbol": "A", "date": date(2024, 1, 2)} | BAR]).write_csv(tmp_path / "bars.csv")
    with pytest.raises(FolderError, match="symbol,first,last"):
        folder_source(tmp_path, tmp_path / "none.csv")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("symbol,from\nA,2024-01-02\n")
    with pytest.raises(FolderError, match="symbol,first,last"):
        folder_source(tmp_path, wrong)


def test_a_folder_that_is_none_is_used_wrongly(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["quality", "--data", str(tmp_path / "none")])
    assert isinstance(done.exception, UsedWrongly)
    assert "is not a folder" in str(done.exception)


def printed(*parts: RenderableType) -> str:
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(*parts)
    return console.export_text()


def test_the_tables_fit_eighty_columns(source: Source) -> None:
    found = found_by(source, lambda planted: naive_findings(planted.bars), halves=2)
    kinds = printed(kinds_table(found))
    assert all(kind.name.replace("_", " ") in kinds for kind in KINDS)
    assert "…" not in kinds
    figures = printed(figures_table(found, quality_targets(found["figures"])))
    assert figures.count("met") >= 6
    assert "…" not in figures
    assert "naive" in figures
    lists = printed(missed_table(found), alarms_table(found))
    assert found["missed"][0]["symbol"] in lists
    assert "2 random halves" in quality_notes(found)


def test_less_than_all_never_looks_like_all(source: Source) -> None:
    found = found_by(source, the_truth)
    found["kinds"][0] |= {"found": 0.9999, "called": 0.9999}
    assert "99.9%" in printed(kinds_table(found))
