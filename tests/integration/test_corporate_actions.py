"""Splits and dividends in the database follow the vendor's list."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tests.builders import Played, add_symbols, bar, write_bars
from tests.services import DAYS, Seen, System
from tickstock_automation.bars.corporate_actions import Refreshed, refresh_dividends, refresh_splits
from tickstock_automation.bars.partitions import AHEAD, ensure_partitions
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.settings import Settings
from tickstock_automation.vendor.client import Dividend, Split

pytestmark = [pytest.mark.integration, pytest.mark.database]

FIRST, LAST = DAYS[0], DAYS[-1]
DAY = DAYS[20]
Refresh = Callable[..., Refreshed]


@pytest.fixture
def seen(settings: Settings, admin: Engine) -> Seen:
    return Seen(admin)


@pytest.fixture
def refresh(settings: Settings) -> Refresh:
    def run(splits: Sequence[Split], last: date = LAST) -> Refreshed:
        with transaction(Role.IPO_MONITOR) as session:
            return refresh_splits(session, splits, FIRST, last)

    return run


def add_bar(admin: Engine, symbol_id: int, day: date) -> None:
    with admin.connect() as connection:
        connection.execute(text("SELECT create_bar_partitions(:day, :day)"), {"day": day})
        connection.execute(
            text(
                "INSERT INTO historical_data (symbol_id, date, open, high, low, close, volume, source, load_id)"
                " VALUES (:id, :day, 10, 11, 9, 10, 100, 'test', 1)"
            ),
            {"id": symbol_id, "day": day},
        )


STORED = (
    "SELECT s.ticker, c.ex_date, c.split_from, c.split_to FROM {} c JOIN symbols s ON s.id = c.symbol_id ORDER BY 1, 2"
)


def test_what_the_vendor_lists_no_more_is_kept_apart_and_says_whose_history_changed(
    seen: Seen, refresh: Refresh
) -> None:
    ids = add_symbols(seen.admin, ["AAA", "BBB", "NEW"])
    for name in ("AAA", "BBB"):
        add_bar(seen.admin, ids[name], FIRST)
    add_bar(seen.admin, ids["NEW"], DAY)
    early = DAY - timedelta(days=1)
    first = refresh([Split("AAA", early, 1, 4), Split("AAA", early, 1, 4), Split("BBB", DAY, 10, 1), Split("NEW", DAY, 1, 2), Split("XXX", DAY, 1, 2)])  # fmt: skip
    assert first == Refreshed(added=3, withdrawn=0, doubted=0, nobodys=1, symbol_ids=(ids["AAA"], ids["BBB"]))
    mended = refresh([Split("AAA", DAY, 1, 4), Split("BBB", DAY, 10, 1)])
    assert mended == Refreshed(added=1, withdrawn=2, doubted=0, nobodys=0, symbol_ids=(ids["AAA"],))
    assert seen.rows(STORED.format("corporate_actions")) == [("AAA", DAY, 1, 4), ("BBB", DAY, 10, 1)]
    assert seen.rows(STORED.format("withdrawn_actions")) == [("AAA", early, 1, 4), ("NEW", DAY, 1, 2)]
    assert refresh([Split("AAA", DAY, 1, 4), Split("BBB", DAY, 10, 1)]) == Refreshed(0, 0, 0, 0, ())


def test_an_empty_list_wipes_nothing_and_is_an_operational_finding(seen: Seen, refresh: Refresh) -> None:
    names = [f"T{number:02}" for number in range(12)]
    add_symbols(seen.admin, names)
    listed = [Split(name, DAY, 1, 2) for name in names]
    refresh(listed)
    assert refresh([]) == Refreshed(0, 0, 12, 0, ())
    [(severity, day, message)] = seen.rows(
        "SELECT severity, session, message FROM operational_findings WHERE check_name = 'vendor_splits'"
    )
    assert (severity, day) == ("high", LAST)
    assert "lists 0 of the 12 splits known" in message
    assert refresh(listed) == Refreshed(0, 0, 0, 0, ())
    assert seen.rows("SELECT count(*) FROM corporate_actions WHERE absent_since IS NOT NULL") == [(0,)]


def test_many_that_stay_away_over_two_sessions_are_withdrawn(seen: Seen, refresh: Refresh) -> None:
    names = [f"T{number:02}" for number in range(12)]
    add_symbols(seen.admin, names)
    refresh([Split(name, DAY, 1, 2) for name in names], DAYS[-2])
    moved = [Split(name, DAYS[21], 1, 2) for name in names]
    assert refresh(moved, DAYS[-2]) == Refreshed(0, 0, 12, 0, ())
    assert refresh(moved, DAYS[-2]).withdrawn == 0, "the same session again agrees with itself"
    assert (refresh(moved, DAYS[-1]).added, refresh(moved, DAYS[-1]).doubted) == (12, 0)
    assert seen.rows("SELECT DISTINCT ex_date FROM corporate_actions") == [(DAYS[21],)]


def test_a_split_belongs_to_who_had_the_ticker_that_day(seen: Seen, refresh: Refresh) -> None:
    [old] = add_symbols(seen.admin, ["RRR"], active=False).values()
    seen.rows("UPDATE symbol_aliases SET valid_to = :day RETURNING 1", day=DAYS[10])
    [new] = add_symbols(seen.admin, ["RRR"]).values()
    seen.rows("UPDATE symbol_aliases SET valid_from = :day WHERE valid_to IS NULL RETURNING 1", day=DAYS[15])
    refresh([Split("RRR", DAYS[9], 1, 2), Split("RRR", DAYS[12], 1, 5), Split("RRR", DAYS[20], 1, 3)])
    owners = seen.rows("SELECT symbol_id, split_to FROM corporate_actions ORDER BY ex_date")
    assert owners == [(old, 2), (new, 5), (new, 3)], (
        "before its first known day, when nobody else had it, the newer one"
    )


def test_a_rename_keeps_the_splits_of_both_tickers_with_one_security(seen: Seen, refresh: Refresh) -> None:
    [security] = add_symbols(seen.admin, ["NOW"]).values()
    seen.rows("UPDATE symbol_aliases SET valid_from = :day RETURNING 1", day=DAYS[15])
    seen.rows(
        "INSERT INTO symbol_aliases (symbol_id, ticker, valid_to) VALUES (:id, 'WAS', :day) RETURNING 1",
        id=security, day=DAYS[15],
    )  # fmt: skip
    assert refresh([Split("WAS", DAYS[14], 1, 2), Split("NOW", DAYS[15], 1, 3)]).added == 2
    assert seen.rows("SELECT DISTINCT symbol_id FROM corporate_actions") == [(security,)]


def test_dividends_are_refreshed_apart_from_splits_and_only_in_dollars(seen: Seen, refresh: Refresh) -> None:
    add_symbols(seen.admin, ["AAA"])
    refresh([Split("AAA", DAY, 1, 2)])
    listed = [Dividend("AAA", DAY, 0.5), Dividend("AAA", DAY, 2.0), Dividend("AAA", DAY, 3.0, "CAD")]
    with transaction(Role.IPO_MONITOR) as session:
        assert refresh_dividends(session, listed, FIRST, LAST) == Refreshed(2, 0, 0, 1, ())
        assert refresh_dividends(session, listed[:1], FIRST, LAST) == Refreshed(0, 1, 0, 0, ())
    assert seen.rows("SELECT kind, cash_amount FROM corporate_actions ORDER BY kind") == [
        ("dividend", 0.5),
        ("split", 0),
    ]


@pytest.mark.parametrize("fault", ["splits-twice", "missing-splits", "early-splits", "empty:splits"])
def test_a_day_of_wrong_splits_is_mended_by_the_next(build: Callable[..., System], fault: str) -> None:
    split, day, following = DAYS[25], DAYS[25], DAYS[26]
    system = build(splits=f"ticker,execution_date,split_from,split_to\nAAA,{split},1,7\nBBB,{DAYS[20]},1,2\n")
    system.scan(day)
    system.played.market.faults.set([f"{fault}@{day}"])
    system.eod(day)
    system.eod(following)
    assert system.rows(STORED.format("corporate_actions")) == [("AAA", split, 1, 7), ("BBB", DAYS[20], 1, 2)]


def test_dividends_come_from_the_replay_as_the_client_asks_for_them(
    play: Callable[[Path], Played], tmp_path: Path
) -> None:
    folder = write_bars(tmp_path, [bar("AAA", day) for day in DAYS])
    rows = "".join(f"AAA,{DAY - timedelta(days=back)},0.25,\n" for back in range(12))
    (folder / "dividends.csv").write_text(
        f"ticker,ex_dividend_date,cash_amount,currency\n{rows}AAA,{DAYS[30]},0.5,\nCCC,{DAY},0.1,cad\nCCC,{DAY},0,\n"
    )
    played = play(folder)
    played.at(DAYS[29], closed=True)
    assert len(played.vendor.dividends(FIRST, LAST)) == 13, "what is to come is not told"
    assert played.vendor.dividends(DAY, DAY) == (Dividend("AAA", DAY, 0.25), Dividend("CCC", DAY, 0.1, "CAD"))


def test_partitions_are_made_a_year_ahead_once(seen: Seen) -> None:
    def ensure(day: date) -> int:
        with transaction(Role.IPO_MONITOR) as session:
            return ensure_partitions(session, day, day + AHEAD)

    assert ensure(date(2019, 6, 3)) == 2
    assert ensure(date(2019, 12, 31)) == 0
    there = seen.rows("SELECT to_regclass('historical_data_2019'), to_regclass('historical_data_2020')")
    assert there == [("historical_data_2019", "historical_data_2020")]
