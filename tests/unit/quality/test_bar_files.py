"""Files of bars are read whatever wrote them, and what cannot be read is told row by row."""

import gzip
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from tickstock_automation.errors import NotFound, UsedWrongly
from tickstock_automation.quality.bar_files import read_bars, read_splits

HEADER = "symbol,date,open,high,low,close,volume"
ROW = "ACME,2024-03-01,10,11,9,10.5,1000"


def written(folder: Path, text: str, name: str = "bars.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_plain_file_is_read_as_it_stands(tmp_path: Path) -> None:
    found = read_bars(written(tmp_path, f"{HEADER}\n{ROW}\n"))
    assert found.bars.rows() == [("ACME", date(2024, 3, 1), 10.0, 11.0, 9.0, 10.5, 1000.0)]
    assert found.unreadable == []


@pytest.mark.parametrize(
    "header",
    [
        "Symbol,Date,Open,High,Low,Close,Volume",
        "TICKER,TIMESTAMP,OPEN,HIGH,LOW,CLOSE,VOL",
        " symbol , date , open , high , low , close , volume ",
        '\ufeff"symbol",date,open,high,low,close,volume',
    ],
)
def test_columns_may_have_any_case_and_the_usual_other_names(tmp_path: Path, header: str) -> None:
    assert read_bars(written(tmp_path, f"{header}\n{ROW}\n")).bars["close"].to_list() == [10.5]


@pytest.mark.parametrize(
    "text",
    ["2024-03-01", "2024-03-01 00:00:00", "2024-03-01T16:00:00Z", "2024-03-01T00:00:00-05:00", "20240301", "03/01/2024", "2024/03/01"],
)  # fmt: skip
def test_dates_may_have_a_time(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, f"{HEADER}\n{ROW.replace('2024-03-01', text)}\n")
    assert read_bars(path).bars["date"].to_list() == [date(2024, 3, 1)]


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_other_separators_are_seen(tmp_path: Path, separator: str) -> None:
    path = written(tmp_path, f"{HEADER}\n{ROW}\n".replace(",", separator))
    assert read_bars(path).bars.height == 1


def test_a_file_may_be_compressed(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv.gz"
    path.write_bytes(gzip.compress(f"{HEADER}\n{ROW}\n".encode()))
    assert read_bars(path).bars.height == 1


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    path = tmp_path / "bars.parquet"
    frame = pl.DataFrame(
        {"Symbol": ["ACME"], "Date": [datetime(2024, 3, 1, 16)], "Open": [10], "High": [11.0], "Low": [9.0], "Close": [10.5], "Volume": [7]}  # noqa: DTZ001
    )  # fmt: skip
    frame.write_parquet(path)
    assert read_bars(path).bars.rows() == [("ACME", date(2024, 3, 1), 10.0, 11.0, 9.0, 10.5, 7.0)]


def test_a_file_without_symbols_is_one_symbols(tmp_path: Path) -> None:
    path = written(tmp_path, "date,open,high,low,close,volume\n2024-03-01,10,11,9,10.5,1000\n", "ACME.csv")
    assert read_bars(path).bars["symbol"].to_list() == ["ACME"]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("ACME,2024-03-01,ten,11,9,10.5,1000", "open is no number: ten"),
        ("ACME,2024-13-01,10,11,9,10.5,1000", "its date cannot be read: 2024-13-01"),
        ("ACME,soon,10,11,9,10.5,1000", "its date cannot be read: soon"),
        (",2024-03-01,10,11,9,10.5,1000", "it names no symbol"),
        ("ACME,2024-03-01,10,11,9,10.5,1e3x", "volume is no number: 1e3x"),
        ("ACME,2024-03-01", "it has no figures"),
        ("garbage", "its date cannot be read: "),
    ],
)
def test_a_row_that_cannot_be_read_is_told_and_the_rest_is_read(tmp_path: Path, row: str, why: str) -> None:
    found = read_bars(written(tmp_path, f"{HEADER}\n{ROW}\n{row}\n{ROW.replace('ACME', 'BOLT')}\n"))
    assert found.bars["symbol"].to_list() == ["ACME", "BOLT"]
    [bad] = found.unreadable
    assert (bad.row, bad.why) == (2, why)


def test_what_is_not_given_is_missing_and_not_unreadable(tmp_path: Path) -> None:
    found = read_bars(written(tmp_path, f"{HEADER}\nACME,2024-03-01,,NaN,null,10.5,1000\n"))
    assert found.unreadable == []
    assert found.bars.select("open", "high", "low").rows() == [(None, None, None)]


def test_bytes_that_are_no_text_and_a_quote_that_never_ends_stop_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_bytes(
        f'{HEADER}\n{ROW}\n"BO\xff\x00LT,2024-03-01,1,1,1,1,1\n{ROW.replace("ACME", "CRUX")}\n'.encode("latin-1")
    )
    found = read_bars(path)
    assert {"ACME", "CRUX"} <= set(found.bars["symbol"])


def test_a_file_that_is_no_table_of_bars_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(UsedWrongly, match="has no column for open, high, low, close, volume; it has name, date"):
        read_bars(written(tmp_path, "name,date\nx,2024-03-01\n"))
    with pytest.raises(UsedWrongly, match="has no column"):
        read_bars(written(tmp_path, ""))
    with pytest.raises(UsedWrongly, match="cannot be read as Parquet"):
        read_bars(written(tmp_path, "no parquet", "bars.parquet"))
    with pytest.raises(UsedWrongly, match="cannot be read"):
        read_bars(written(tmp_path, "no gzip", "bars.csv.gz"))
    with pytest.raises(NotFound, match="there is no file"):
        read_bars(tmp_path / "nothing.csv")


def test_splits_are_new_shares_for_old_ones(tmp_path: Path) -> None:
    path = written(tmp_path, "ticker,execution_date,split_from,split_to\nACME,2024-03-01,1,4\nBOLT,2024-03-04,8,1\n")
    assert read_splits(path).rows() == [("ACME", date(2024, 3, 1), 4.0), ("BOLT", date(2024, 3, 4), 0.125)]
    with pytest.raises(UsedWrongly, match="row 1 is no split"):
        read_splits(written(tmp_path, "ticker,execution_date,split_from,split_to\nACME,2024-03-01,0,4\n"))
