"""The replay writes a day's bars at once; what it writes are the rows that it would give one by one."""

import json
import random
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.builders import Played, bar, write_bars
from tickstock_automation.replay.folder import read_folder
from tickstock_automation.replay.market import Market, Now

DAYS = [date(2024, 1, 9), date(2024, 1, 10), date(2024, 1, 11), date(2024, 1, 12)]
NAMES = [f"T{number:03}" for number in range(300)]


def folder_of(path: Path, splits: str = "") -> Path:
    """Three hundred symbols with prices of every size."""
    rng = random.Random(7)
    rows = [
        (name, day.isoformat(), *(rng.uniform(1e-4, 10 ** rng.randint(-2, 6)) for _ in range(4)), float(rng.randint(0, 10**11)))
        for name in NAMES
        for day in DAYS
    ]  # fmt: skip
    folder = write_bars(path, rows)
    (folder / "splits.csv").write_text("ticker,execution_date,split_from,split_to\n" + splits)
    return folder


SPLITS = "".join(
    f"{name},{DAYS[2 + at % 2]},{1 + at % 2},{3 + at % 4}\n" for at, name in enumerate(NAMES[::7])
) + f"{NAMES[0]},{DAYS[3]},1,10\nNOBODY,{DAYS[1]},1,2\n"  # fmt: skip


@pytest.mark.parametrize("splits", ["", SPLITS])
@pytest.mark.parametrize("adjusted", [False, True])
@pytest.mark.parametrize("now", [Now(DAYS[1], closed=False), Now(DAYS[2], closed=True), Now(DAYS[3], closed=True)])
def test_the_same_as_row_by_row(tmp_path: Path, splits: str, adjusted: bool, now: Now) -> None:
    market = Market(read_folder(folder_of(tmp_path, splits)))
    market.set_now(now)
    for day in (*DAYS, date(2024, 1, 13), *DAYS):  # twice: an answer leaves the bars as they are
        rows = market.grouped(day, adjusted=adjusted)
        number, written = market.grouped_json(day, adjusted=adjusted)
        assert json.loads(written) == rows
        assert number == len(rows)


def test_a_split_is_in_it(tmp_path: Path) -> None:
    market = Market(read_folder(folder_of(tmp_path, SPLITS)))
    market.set_now(Now(DAYS[3], closed=True))
    given, traded = (json.loads(market.grouped_json(DAYS[1], adjusted=one)[1]) for one in (True, False))
    assert sum(one != other for one, other in zip(given, traded, strict=True)) == len(NAMES[::7])


@pytest.mark.parametrize("price", ["NaN", "inf", ""])
def test_what_no_number_is_comes_as_before(tmp_path: Path, price: str) -> None:
    folder = write_bars(tmp_path, [bar("A", DAYS[0]), bar("B", DAYS[0])])
    lines = (folder / "bars.csv").read_text().splitlines()
    (folder / "bars.csv").write_text("\n".join([*lines, f"C,{DAYS[0]},{price},1,1,1,1"]) + "\n")
    market = Market(read_folder(folder))
    market.set_now(Now(DAYS[1], closed=True))
    rows = market.grouped(DAYS[0], adjusted=False)
    written = json.loads(market.grouped_json(DAYS[0], adjusted=False)[1])
    assert repr(written) == repr(rows)


def test_the_whole_answer_is_the_one_that_a_fault_would_see(play: Callable[..., Played], tmp_path: Path) -> None:
    played = play(folder_of(tmp_path, SPLITS))
    played.at(DAYS[3], closed=True)
    fast = played.vendor.grouped_bars(DAYS[1])
    played.market.faults.set([f"delayed:grouped@{DAYS[3]}*all"])
    slow = played.vendor.grouped_bars(DAYS[1])
    assert fast.rows == slow.rows
