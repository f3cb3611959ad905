"""Bars adjusted for splits and dividends, as of any day; held against the vendor's own adjusted answer."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.builders import Played, add_symbols, bar, write_bars
from tests.services import Seen
from tickstock_automation.bars.adjusted import adjusted_frame
from tickstock_automation.bars.calling import make_calls
from tickstock_automation.bars.drafts import draft, order
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.sessions import calendar
from tickstock_automation.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.database]

DAYS = calendar().between(date(2024, 1, 2), date(2024, 3, 28))


class Market(Seen):
    """One security with a bar of close 24, volume 600 on each day, and what happened to it."""

    def __init__(self, admin: Engine) -> None:
        super().__init__(admin)
        self.id = add_symbols(admin, ["AAA"])["AAA"]
        self._run("SELECT create_bar_partitions(:first, :last)", first=DAYS[0], last=DAYS[-1])
        self._run(
            "INSERT INTO historical_data (symbol_id, date, open, high, low, close, volume, vwap, trade_count, source, load_id)"
            " SELECT :id, day, 24, 25, 23, 24, 600, 24, 7, 'test', 1 FROM unnest(CAST(:days AS date[])) AS d (day)",
            id=self.id, days=DAYS,
        )  # fmt: skip

    def _run(self, statement: str, **values: Any) -> None:
        with self.admin.connect() as connection:
            connection.execute(text(statement), values)

    def split(self, day: date, to: float, from_: float = 1) -> None:
        self._run(
            "INSERT INTO corporate_actions (symbol_id, kind, ex_date, split_from, split_to) VALUES (:id, 'split', :day, :from, :to)",
            **{"id": self.id, "day": day, "from": from_, "to": to},
        )  # fmt: skip

    def dividend(self, day: date, cash: float) -> None:
        self._run(
            "INSERT INTO corporate_actions (symbol_id, kind, ex_date, cash_amount) VALUES (:id, 'dividend', :day, :cash)",
            id=self.id, day=day, cash=cash,
        )  # fmt: skip

    def close(self, day: date, close: float) -> None:
        self._run("UPDATE historical_data SET close = :close WHERE date = :day", close=close, day=day)

    def closes(self, *days: date, as_of: date = DAYS[-1], dividends: bool = False) -> list[float]:
        found = {
            row[0]: row[1]
            for row in self.rows(
                "SELECT date, close FROM adjusted_bars_as_of(ARRAY[CAST(:id AS bigint)], :first, :last, :as_of, :dividends)",
                id=self.id, first=DAYS[0], last=DAYS[-1], as_of=as_of, dividends=dividends,
            )
        }  # fmt: skip
        assert len(found) == len(DAYS), "every bar, once"
        return [found[day] for day in days]


@pytest.fixture
def market(settings: Settings, admin: Engine) -> Market:
    return Market(admin)


def test_chained_splits_multiply_without_drift(market: Market) -> None:
    market.split(DAYS[10], 2)
    market.split(DAYS[20], 2)
    market.split(DAYS[30], 3)
    market.split(DAYS[40], 10)
    assert market.closes(DAYS[9], DAYS[10], DAYS[19], DAYS[20], DAYS[30], DAYS[40]) == [0.2, 0.4, 0.4, 0.8, 2.4, 24.0]
    first = market.rows("SELECT open, high, low, close, volume, vwap, trade_count, split_factor FROM adjusted_bars ORDER BY date")[0]  # fmt: skip
    assert first == (24 / 120, 25 / 120, 23 / 120, 24 / 120, 600 * 120, 24 / 120, 7, 120.0)


def test_a_reverse_split_raises_what_came_before_it(market: Market) -> None:
    market.split(DAYS[10], 1, from_=10)
    market.split(DAYS[20], 1, from_=3)
    assert market.closes(DAYS[9], DAYS[10], DAYS[20]) == [720.0, 72.0, 24.0], "exactly: no tenth was rounded on the way"


def test_three_for_two_and_a_split_there_and_back_on_one_day(market: Market) -> None:
    market.split(DAYS[10], 3, from_=2)
    market.split(DAYS[20], 1, from_=500)
    market.split(DAYS[20], 500)
    assert market.closes(DAYS[9], DAYS[10], DAYS[20]) == [16.0, 24.0, 24.0]


def test_a_split_on_the_first_day_adjusts_nothing_and_on_the_last_all_but_it(market: Market) -> None:
    market.split(DAYS[0], 2)
    assert market.closes(DAYS[0], DAYS[-1]) == [24.0, 24.0]
    market.split(DAYS[-1], 3)
    assert market.closes(DAYS[0], DAYS[-2], DAYS[-1]) == [8.0, 8.0, 24.0]


def test_a_split_counts_from_its_ex_date_on(market: Market) -> None:
    market.split(DAYS[10], 2)
    market.split(DAYS[20], 3)
    for as_of, before in ((DAYS[9], 24.0), (DAYS[10], 12.0), (DAYS[19], 12.0), (DAYS[20], 4.0), (DAYS[21], 4.0)):
        assert market.closes(DAYS[0], as_of=as_of) == [before]


def test_a_bar_between_the_ex_date_and_the_day_before_is_adjusted_by_the_later_splits_alone(market: Market) -> None:
    market.split(date(2024, 1, 6), 2)
    assert market.closes(date(2024, 1, 5), date(2024, 1, 8)) == [12.0, 24.0], "an ex-date on a Saturday"


def test_the_view_holds_no_split_that_is_still_to_come(market: Market) -> None:
    market.split(date(2099, 1, 5), 2)
    assert market.rows("SELECT DISTINCT close FROM adjusted_bars") == [(24.0,)]
    assert market.closes(DAYS[0], as_of=date(2099, 1, 5)) == [12.0]


def test_dividends_adjust_as_yahoo_says_only_where_asked_for_and_never_the_volume(market: Market) -> None:
    market.close(DAYS[9], 24.96)
    market.dividend(DAYS[10], 0.08)
    assert market.closes(DAYS[8], dividends=False) == [24.0]
    assert market.closes(DAYS[8], DAYS[10], dividends=True) == [pytest.approx(24 * 0.9968, abs=24e-4), 24.0]
    [(volume, factor)] = market.rows(
        "SELECT volume, dividend_factor FROM adjusted_bars_as_of(NULL, NULL, :day, '2024-03-01', true)", day=DAYS[0]
    )
    assert (volume, factor) == (600.0, 1 - 0.08 / 24.96)


def test_dividends_chain_with_each_other_and_with_splits(market: Market) -> None:
    market.dividend(DAYS[10], 2.4)  # a tenth of 24
    market.dividend(DAYS[20], 4.8)  # two kinds on one day: together half of 24
    market.dividend(DAYS[20], 7.2)
    market.split(DAYS[15], 2)
    assert market.closes(DAYS[9], DAYS[10], DAYS[15], DAYS[20], dividends=True) == pytest.approx([5.4, 6.0, 12.0, 24.0])
    assert market.closes(DAYS[9], as_of=DAYS[14], dividends=True) == pytest.approx([21.6])


def test_a_dividend_on_a_splits_own_day_is_of_the_new_shares(market: Market) -> None:
    market.split(DAYS[10], 2)
    market.dividend(DAYS[10], 3.0)
    assert market.closes(DAYS[9], dividends=True) == pytest.approx([24 / 2 * (1 - 3 / 12)])


def test_a_dividend_without_a_sensible_close_before_it_changes_nothing(market: Market) -> None:
    market.dividend(DAYS[0], 1.0)
    market.dividend(DAYS[10], 24.0)
    assert market.closes(DAYS[0], dividends=True) == [24.0]
    market.close(DAYS[19], 0.0)
    market.dividend(DAYS[20], 6.0)
    assert market.closes(DAYS[0], dividends=True) == [18.0], "the close before the zero"


def test_the_frame_has_the_same_rows_for_whom_it_is_asked(market: Market) -> None:
    add_symbols(market.admin, ["BBB"])
    market.split(DAYS[10], 2)
    with transaction(Role.QUALITY_MONITOR) as session:
        everyone = adjusted_frame(session, None, DAYS[5], DAYS[12], DAYS[-1])
        one = adjusted_frame(session, [market.id], DAYS[5], DAYS[12], DAYS[-1])
        nobody = adjusted_frame(session, [], DAYS[5], DAYS[12], DAYS[-1])
    assert one.sort("date")["close"].to_list() == [12.0] * 5 + [24.0] * 3
    assert one.sort("date").equals(everyone.sort("date"))
    assert (nobody.height, nobody.schema) == (0, one.schema)


SYMBOLS = {
    "ONE": ((10, 1, 4), (40, 3, 2)),
    "TWO": ((20, 10, 1),),
    "SIX": ((5, 1, 7), (6, 2, 3), (50, 1, 20)),
    "NIL": (),
}


def test_every_bar_equals_the_vendors_own_adjusted_answer_on_any_day(
    settings: Settings, admin: Engine, play: Callable[[Path], Played], tmp_path: Path
) -> None:
    ids = add_symbols(admin, list(SYMBOLS))
    read = DAYS[-1] + timedelta(days=300)  # the end-of-day loads no longer read splits that are so old
    rows = [
        bar(name, day, 40 + 7 * at + 0.37 * number, 50_000 + 1000 * number)
        for at, name in enumerate(SYMBOLS)
        for number, day in enumerate(DAYS)
    ]
    folder = write_bars(tmp_path, rows)
    splits = [f"{name},{DAYS[at]},{from_},{to}\n" for name, all_ in SYMBOLS.items() for at, from_, to in all_]
    (folder / "splits.csv").write_text("ticker,execution_date,split_from,split_to\n" + "".join(splits))
    played = play(folder)
    played.at(DAYS[-1], closed=True)
    with transaction(Role.IPO_MONITOR) as session:
        drafted = draft(session, list(ids.values()), DAYS[0], DAYS[-1], date.min, calendar(), reread=False)
        order(session, drafted, read, "test", None)
    played.at(read, closed=True)
    made = make_calls(played.vendor, calendar(), settings)
    assert (made.calls, made.bars) == (len(drafted.calls) + 1, len(rows)), "the bars' calls, and one for the splits"
    for as_of in (DAYS[4], DAYS[5], DAYS[19], DAYS[39], DAYS[40], DAYS[45], DAYS[-1]):
        played.at(as_of, closed=True)
        with transaction(Role.APP) as session:
            ours = adjusted_frame(session, list(ids.values()), DAYS[0], as_of, as_of).sort("symbol_id", "date")
        for name, id_ in ids.items():
            theirs = played.market.range(name, DAYS[0], as_of, adjusted=True)
            own = ours.filter(symbol_id=id_)
            assert len(theirs) == own.height
            # Both sides round: prices to four decimals, volumes to whole shares, as traded and again adjusted.
            factors = own["split_factor"].to_list()
            for key, column in (("o", "open"), ("h", "high"), ("l", "low"), ("c", "close")):
                for mine, row, factor in zip(own[column], theirs, factors, strict=True):
                    assert abs(mine - row[key]) <= 0.5001e-4 * (1 + 1 / factor), (name, as_of, row, mine)
            for mine, row, factor in zip(own["volume"], theirs, factors, strict=True):
                assert abs(mine - row["v"]) <= 0.5001 * (1 + factor), (name, as_of, row, mine)
