"""`tickstock quality check FILE` as it is typed, with nothing else running."""

import json
import os
import pty
import random
import subprocess
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tickstock_automation.sessions import calendar

DAYS = calendar().between(date(2024, 1, 2), date(2024, 9, 30))
WRONG = DAYS[90]
KEYS = ["symbol", "date", "check", "channel", "severity", "verdict", "observed", "expected", "remediation", "evidence"]
Row = dict[str, Any]


def market(symbols: int = 15) -> list[Row]:
    """A lively market without faults: each symbol's own walk, ordinary volumes."""
    chance, rows = random.Random(7), []
    for number in range(symbols):
        close = 20.0 + 5 * number
        for day in DAYS:
            opens = close * (1 + chance.gauss(0, 0.004))
            close = opens * (1 + chance.gauss(0, 0.01))
            high, low = (
                max(opens, close) * (1 + abs(chance.gauss(0, 0.004))),
                min(opens, close) * (1 - abs(chance.gauss(0, 0.004))),
            )
            volume = round(1e6 * (1 + number) * max(0.3, 1 + chance.gauss(0, 0.2)))
            prices = {"open": opens, "high": high, "low": low, "close": close}
            rows.append(
                {
                    "symbol": f"S{number}",
                    "date": day,
                    **{name: round(price, 2) for name, price in prices.items()},
                    "volume": volume,
                }
            )
    return rows


def written(path: Path, rows: list[Row], *more: str) -> Path:
    lines = [",".join(map(str, row.values())) for row in rows]
    path.write_text("\n".join(["Symbol,DATE,Open,High,Low,Close,Volume", *lines, *more]) + "\n")
    return path


def typed(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Away from any running stack, with no setting that names a server."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("TICKSTOCK", "DATABASE", "REDIS"))
    }
    return subprocess.run(
        [sys.executable, "-m", "tickstock_automation.cli", "quality", "check", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def seen(*arguments: str, folder: Path) -> str:
    """What stands on a terminal."""
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "tickstock_automation.cli", "quality", "check", *arguments],
        cwd=folder, stdout=theirs, stderr=theirs, env=os.environ | {"COLUMNS": "120", "TERM": "dumb"},
    )  # fmt: skip
    os.close(theirs)
    text = b""
    with suppress(OSError), os.fdopen(ours, "rb", buffering=0) as screen:  # EIO: the other end is closed
        while piece := screen.read(4096):
            text += piece
    assert program.wait(timeout=60) == 0
    return text.decode()


def told(result: subprocess.CompletedProcess[str]) -> list[Row]:
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def hundredfold(row: Row) -> Row:
    if row["symbol"] != "S3" or row["date"] != WRONG:
        return row
    return row | {name: round(row[name] * 100, 2) for name in ("open", "high", "low", "close")}


def test_each_finding_is_a_line_of_json(tmp_path: Path) -> None:
    rows = [hundredfold(row) for row in market() if (row["symbol"], row["date"]) != ("S5", DAYS[60])]
    path = written(tmp_path / "bars.csv", rows, "S4,never,1,1,1,1,1")
    found = {one["check"]: one for one in told(typed(str(path), "--json", folder=tmp_path))}
    assert sorted(found) == ["missing_session", "price_outlier", "unreadable_row"]
    wrong, unreadable, missing = found["price_outlier"], found["unreadable_row"], found["missing_session"]
    for one in (wrong, unreadable, missing):
        assert list(one) == KEYS
        assert one["verdict"] == "data_error"
        assert one["evidence"]["words"]
    assert (wrong["symbol"], wrong["date"], wrong["check"], wrong["channel"]) == ("S3", WRONG.isoformat(), "price_outlier", "tickstock.quality.price_anomaly")  # fmt: skip
    assert wrong["observed"] == pytest.approx(100 * wrong["expected"], rel=0.1)
    assert (unreadable["symbol"], unreadable["date"], unreadable["check"]) == ("S4", None, "unreadable_row")
    assert (missing["symbol"], missing["date"], missing["observed"], missing["expected"]) == ("S5", DAYS[60].isoformat(), 0.0, 1.0)  # fmt: skip


def test_a_clean_file_has_no_findings_and_says_so(tmp_path: Path) -> None:
    path = written(tmp_path / "bars.csv", market())
    result = typed(str(path), "--gate", folder=tmp_path)
    assert (result.returncode, result.stdout, "0 found" in result.stderr) == (0, "", True), result.stderr
    assert "Nothing found." in seen(str(path), folder=tmp_path)


def test_a_person_sees_a_table_and_a_program_the_same_lines_with_and_without_asking(tmp_path: Path) -> None:
    path = written(tmp_path / "bars.csv", [hundredfold(row) for row in market()])
    assert typed(str(path), folder=tmp_path).stdout == typed(str(path), "--json", folder=tmp_path).stdout != ""
    screen = seen(str(path), folder=tmp_path)
    assert all(word in screen for word in ("undetermined", "price_outlier", "1 found", "S3"))
    assert "{" not in screen


def test_a_gate_ends_with_6_where_anything_is_found(tmp_path: Path) -> None:
    path = written(tmp_path / "bars.csv", [hundredfold(row) for row in market()])
    result = typed(str(path), "--gate", folder=tmp_path)
    assert result.returncode == 6
    assert "price_outlier" in result.stdout
    assert typed(str(path), folder=tmp_path).returncode == 0


def test_a_split_is_an_error_in_adjusted_prices_and_none_as_traded_where_it_is_known(tmp_path: Path) -> None:
    rows = [
        row if row["symbol"] != "S2" or row["date"] >= WRONG
        else row | {name: round(row[name] * 4, 2) for name in ("open", "high", "low", "close")} | {"volume": row["volume"] // 4}
        for row in market()
    ]  # fmt: skip
    path = written(tmp_path / "bars.csv", rows)
    splits = tmp_path / "splits.csv"
    splits.write_text(f"ticker,execution_date,split_from,split_to\nS2,{WRONG},1,4\n")
    for known in ([], ["--splits", str(splits)]):
        [one] = told(typed(str(path), "--json", *known, folder=tmp_path))
        assert (one["check"], one["date"], one["verdict"]) == ("split_unadjusted", WRONG.isoformat(), "data_error")
    assert told(typed(str(path), "--json", "--prices", "traded", "--splits", str(splits), folder=tmp_path)) == []
    [unknown] = told(typed(str(path), "--json", "--prices", "traded", folder=tmp_path))
    assert unknown["check"] == "split_unadjusted"
    flat = written(tmp_path / "flat.csv", market())
    [absent] = told(typed(str(flat), "--json", "--prices", "traded", "--splits", str(splits), folder=tmp_path))
    assert (absent["check"], absent["date"]) == ("split_unadjusted", WRONG.isoformat())
    assert told(typed(str(flat), "--json", "--splits", str(splits), folder=tmp_path)) == []


def test_another_exchange_has_other_holidays_and_without_a_calendar_the_file_is_its_own(tmp_path: Path) -> None:
    path = written(tmp_path / "bars.csv", market(12))
    london = told(typed(str(path), "--json", "--calendar", "XLON", folder=tmp_path))
    assert {"missing_session", "unexpected_session"} <= {one["check"] for one in london}
    assert told(typed(str(path), "--json", "--calendar", "none", folder=tmp_path)) == []
    wrong = typed(str(path), "--calendar", "XXXX", folder=tmp_path)
    assert (wrong.returncode, "there is no exchange calendar XXXX" in wrong.stderr) == (2, True)


def test_what_is_no_file_of_bars_is_one_sentence(tmp_path: Path) -> None:
    assert typed("nothing.csv", folder=tmp_path).returncode == 3
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    result = typed("other.csv", folder=tmp_path)
    assert (result.returncode, result.stderr.count("\n") < 5) == (2, True)
    assert "has no column for" in result.stderr
