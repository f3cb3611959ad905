"""The folder of strangers that the quality benchmark is run on."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from tests.campaigns.strangers import IN_A_HOLE, KNOWN, WRONG, write_folder
from tickstock_automation.bench.quality_bars import folder_source


def test_it_is_a_folder_that_the_benchmark_reads(tmp_path: Path) -> None:
    rows = [
        (symbol, day, "80.00", "80.80", "79.20", "80.10", "33035")
        for symbol in ("DHR", "XRX", KNOWN.split()[0], IN_A_HOLE)
        for day in ("20100611", "20100614")
    ]
    columns = ["Symbol", "Date", "Open", "High", "Low", "Close", "Volume"]
    write_folder(pl.DataFrame(rows, schema=columns, orient="row"), tmp_path)
    source = folder_source(tmp_path)
    of = {(row["symbol"], row["date"]): row for row in source.bars.iter_rows(named=True)}
    assert set(of) == {(symbol, day) for symbol in ("DHR", "XRX") for day in (date(2010, 6, 11), date(2010, 6, 14))}
    assert (of["XRX", date(2010, 6, 11)]["close"], of["XRX", date(2010, 6, 11)]["volume"]) == (80.1, 3_303_500)
    assert (of["DHR", date(2010, 6, 11)]["close"], of["DHR", date(2010, 6, 11)]["volume"]) == (40.05, 6_607_000)
    assert of["DHR", date(2010, 6, 14)]["close"] == 80.1
    assert (tmp_path / "known_bad.csv").read_text().count("\n") == 1 + len(WRONG.split(","))
