"""Universes on a real database: what the rules fill, what a person chose, what is told, and what is left alone."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.builders import add_symbols
from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import NotFound, UsedWrongly
from tickstock_automation.events.outbox import MOST_SYMBOLS
from tickstock_automation.processing.dispatcher import dispatch
from tickstock_automation.processing.queue import Batch
from tickstock_automation.settings import Settings
from tickstock_automation.symbols.assignment import Reassigned
from tickstock_automation.symbols.choices import choose
from tickstock_automation.symbols.membership import CHUNK, load_rules, reassign
from tickstock_automation.symbols.rule_file import RuleFile, default_rules
from tickstock_automation.symbols.rule_tables import apply_file
from tickstock_automation.symbols.universes import RuleSet

pytestmark = [pytest.mark.integration, pytest.mark.database]

DAY, NEXT = date(2025, 3, 4), date(2025, 3, 5)
BEGIN = partial(transaction, Role.IPO_MONITOR)
TWO = RuleFile(
    RuleSet({"cheap": {"close": {"max": 5}}, "mine": {}}, [("PENNY_STOCK", {"close": {"max": 5}})]),
    {"cheap": "Cheap ones", "mine": "What I watch"},
)


class Stored:
    """The database, as its owner sees it."""

    def __init__(self, admin: Engine) -> None:
        self.admin = admin

    def rows(self, statement: str, **values: Any) -> Sequence[Any]:
        with self.admin.connect() as connection:
            found = connection.execute(text(statement), values)
            return [tuple(row) for row in found] if found.returns_rows else []

    def add(self, *tickers: str, **values: Any) -> dict[str, int]:
        """Active symbols of type CS on NASDAQ, or as `values` say."""
        ids = add_symbols(self.admin, tickers)
        for name, value in {"exchange": "XNAS", **values}.items():
            self.rows(f"UPDATE symbols SET {name} = :value WHERE id = ANY (:ids)", value=value, ids=list(ids.values()))
        return ids

    def close(self, day: date, **closes: float) -> None:
        """A stored session with these closes."""
        self.rows("SELECT create_bar_partitions(:day, :day)", day=day)
        for ticker, close in closes.items():
            self.rows(
                "INSERT INTO historical_data (symbol_id, date, open, high, low, close, volume, source, load_id)"
                " SELECT id, :day, 1, 1, 1, :close, 1, 'test', 0 FROM symbols WHERE ticker = :ticker",
                day=day, close=close, ticker=ticker,
            )  # fmt: skip
        self.rows(
            "INSERT INTO session_status (session, state, stored) VALUES (:day, 'ready', :n)", day=day, n=len(closes)
        )

    def members(self, universe: str) -> list[str]:
        found = self.rows(
            "SELECT ticker FROM universe_members JOIN symbols ON id = symbol_id WHERE universe = :name ORDER BY 1",
            name=universe,
        )
        return [row[0] for row in found]

    def universes(self, ticker: str) -> list[str]:
        found = self.rows(
            "SELECT universe FROM universe_members JOIN symbols ON id = symbol_id WHERE ticker = :ticker", ticker=ticker
        )
        return sorted(row[0] for row in found)

    def events(self) -> list[dict[str, Any]]:
        return [row[0] for row in self.rows("SELECT data::jsonb FROM outbox ORDER BY seq")]

    def sizes(self) -> Sequence[Any]:
        """What any write would move: rows and their versions."""
        return self.rows(
            "SELECT (SELECT count(*) FROM outbox), (SELECT string_agg(xmin || ctid::text, ',' ORDER BY id) FROM symbols),"
            " (SELECT string_agg(xmin || ctid::text, ',' ORDER BY universe, symbol_id) FROM universe_members),"
            " (SELECT string_agg(xmin || ctid::text, ',' ORDER BY name) FROM universes)"
        )


@pytest.fixture
def stored(settings: Settings, admin: Engine) -> Stored:
    return Stored(admin)


def pick(
    universe: str, *tickers: str, included: bool | None, author: str = "ada", reason: str = "because"
) -> list[Reassigned]:
    with transaction(Role.IPO_MONITOR) as session:
        return choose(session, DAY, universe, tickers, included, author, reason)


def test_a_migrated_database_holds_the_shipped_rules(stored: Stored) -> None:
    with transaction(Role.IPO_MONITOR) as session:
        found = load_rules(session)
    shipped = default_rules()
    assert found.universes == shipped.rules.universes
    assert found.equity_types == shipped.rules.equity_types
    assert dict(stored.rows("SELECT name, description FROM universes")) == shipped.descriptions


def test_rules_fill_universes_with_their_reason_and_one_event_a_symbol(stored: Stored) -> None:
    stored.add("BIG", market_cap=3e11, sic_code="7372")
    stored.add("FUND", type="ETF", exchange="ARCX", name="Acme China Bond ETF")
    stored.add("LOW")
    stored.close(date(2025, 3, 3), BIG=100.0, LOW=4.99)
    changed = reassign(BEGIN, DAY)
    assert [one.ticker for one in changed] == ["BIG", "FUND", "LOW"]
    assert stored.universes("BIG") == ["mega_cap", "nasdaq", "sector_technology", "stocks"]
    assert stored.universes("FUND") == ["bond_etfs", "china_etfs", "emerging_etfs", "etfs", "nyse"]
    assert stored.universes("LOW") == ["nasdaq", "penny_stocks", "stocks"]
    assert stored.rows("SELECT DISTINCT reason FROM universe_members WHERE universe = 'mega_cap'") == [
        ("rule mega_cap of 2025-03-04",)
    ]
    big, _, low = stored.events()
    assert low == {
        "symbol": "LOW", "session": "2025-03-04", "author": None, "words": None,
        "changes": {"universes": {"old": [], "new": ["nasdaq", "penny_stocks", "stocks"]}},
    }  # fmt: skip
    assert "equity_type" not in big["changes"], "an equity type follows only where it is asked for"


def test_where_nothing_changed_nothing_is_written_and_nothing_told(stored: Stored) -> None:
    stored.add("AAA", "BBB")
    reassign(BEGIN, DAY, equity_types=True)
    before = stored.sizes()
    assert reassign(BEGIN, NEXT, equity_types=True) == []
    assert stored.sizes() == before


def test_a_dry_run_says_the_same_and_writes_nothing(stored: Stored) -> None:
    stored.add("AAA", "BBB")
    before = stored.sizes()
    would = reassign(BEGIN, DAY, equity_types=True, dry_run=True)
    assert stored.sizes() == before
    assert reassign(BEGIN, DAY, equity_types=True) == would != []


def test_only_the_symbols_that_were_asked_for_are_looked_at(stored: Stored) -> None:
    ids = stored.add("AAA", "BBB")
    reassign(BEGIN, DAY, [ids["BBB"]])
    assert (stored.universes("AAA"), stored.universes("BBB")) == ([], ["nasdaq", "stocks"])
    assert reassign(BEGIN, DAY, []) == []


def test_a_price_below_five_moves_the_universe_daily_but_the_equity_type_only_when_asked(stored: Stored) -> None:
    stored.add("EDGE")
    stored.close(date(2025, 3, 3), EDGE=4.99)
    reassign(BEGIN, DAY)
    stored.close(DAY, EDGE=5.0)
    reassign(BEGIN, NEXT)
    assert stored.universes("EDGE") == ["nasdaq", "stocks"]
    assert stored.rows("SELECT equity_type FROM symbols") == [("STOCK_EOD",)]
    reassign(BEGIN, DAY.replace(day=3), equity_types=True)
    assert stored.rows("SELECT equity_type FROM symbols") == [("PENNY_STOCK",)], "as of a day the close of that day"
    assert stored.events()[-1]["changes"] == {
        "equity_type": {"old": "STOCK_EOD", "new": "PENNY_STOCK"},
        "universes": {"old": ["nasdaq", "stocks"], "new": ["nasdaq", "penny_stocks", "stocks"]},
    }


def test_a_stock_that_does_not_trade_one_day_keeps_its_close_and_loses_it_after_a_week(stored: Stored) -> None:
    stored.add("THIN", "OTHER")
    stored.close(date(2025, 3, 3), THIN=2.0, OTHER=9.0)
    stored.close(date(2025, 3, 4), OTHER=9.0)
    reassign(BEGIN, NEXT)
    assert stored.members("penny_stocks") == ["THIN"]
    stored.close(date(2025, 3, 11), OTHER=9.0)
    reassign(BEGIN, date(2025, 3, 12))
    assert stored.members("penny_stocks") == []


def test_a_queued_symbol_is_still_processed_after_its_type_changed(stored: Stored, settings: Settings) -> None:
    ids = stored.add("LOW")
    stored.rows("SELECT queue_symbols_for_processing('STOCK_EOD', ARRAY['LOW'])")
    stored.close(date(2025, 3, 3), LOW=1.0)
    reassign(BEGIN, DAY, equity_types=True)
    stored.rows("SELECT queue_symbols_for_processing('PENNY_STOCK', ARRAY['LOW'])")
    batches: list[Batch] = []
    dispatch(settings, lambda batch, _queue: batches.append(batch))
    assert [(batch.equity_type, batch.symbol_ids) for batch in batches] == [("STOCK_EOD", [ids["LOW"]])]


def test_archived_symbols_stay_as_they_are(stored: Stored) -> None:
    stored.add("GONE")
    reassign(BEGIN, DAY)
    stored.rows("UPDATE symbols SET active = false, exchange = 'XNYS'")
    assert reassign(BEGIN, NEXT) == []
    assert stored.universes("GONE") == ["nasdaq", "stocks"]


def test_what_a_person_chose_is_undone_by_no_rule(stored: Stored) -> None:
    stored.add("AAA", "BBB")
    reassign(BEGIN, DAY)
    [put_out] = pick("stocks", "AAA", included=False)
    assert (put_out.old_universes, put_out.new_universes) == (("nasdaq", "stocks"), ("nasdaq",))
    pick("nyse", "BBB", included=True, reason="it moves there")
    told = stored.events()[-1]
    assert (told["author"], told["words"]) == ("ada", "it moves there")
    assert told["changes"] == {"universes": {"old": ["nasdaq", "stocks"], "new": ["nasdaq", "nyse", "stocks"]}}
    before = stored.sizes()
    assert reassign(BEGIN, NEXT) == []
    assert stored.sizes() == before
    assert stored.rows("SELECT reason FROM universe_members WHERE universe = 'nyse'") == [("ada: it moves there",)]


def test_what_a_person_chooses_while_a_run_is_under_way_outweighs_it(stored: Stored) -> None:
    stored.add("AAA", "BBB")
    begun = 0

    @contextmanager
    def interrupted() -> Iterator[ServiceSession]:
        nonlocal begun
        begun += 1
        if begun == 2:  # after the first look, before anything is written
            pick("stocks", "AAA", included=False)
        with transaction(Role.IPO_MONITOR) as session:
            yield session

    reassign(interrupted, DAY)
    assert (stored.universes("AAA"), stored.universes("BBB")) == (["nasdaq"], ["nasdaq", "stocks"])


def test_a_choice_that_changes_no_membership_is_kept_and_not_told(stored: Stored) -> None:
    stored.add("AAA")
    reassign(BEGIN, DAY)
    told = len(stored.events())
    assert pick("stocks", "AAA", included=True) == []
    stored.rows("UPDATE symbols SET type = 'PFD'")
    reassign(BEGIN, NEXT)
    assert stored.universes("AAA") == ["nasdaq", "preferreds", "stocks"]
    assert len(stored.events()) == told + 1


def test_back_to_the_rules_means_what_the_rules_say_today(stored: Stored) -> None:
    stored.add("AAA")
    reassign(BEGIN, DAY)
    pick("stocks", "AAA", included=False)
    pick("nyse", "AAA", included=True)
    [back] = pick("stocks", "AAA", included=None)
    assert back.joined == ["stocks"]
    pick("nyse", "AAA", included=None)
    assert stored.universes("AAA") == ["nasdaq", "stocks"]
    assert stored.rows("SELECT count(*) FROM universe_choices") == [(0,)]


def test_a_choice_for_one_universe_leaves_the_others_to_the_next_run(stored: Stored) -> None:
    stored.add("AAA")
    [only] = pick("nyse", "AAA", included=True)
    assert only.new_universes == ("nyse",)


def test_a_choice_for_what_is_not_there_changes_nothing_for_the_others(stored: Stored) -> None:
    stored.add("AAA")
    with pytest.raises(NotFound, match="there is no universe none; there are bond_etfs"):
        pick("none", "AAA", included=True)
    with pytest.raises(NotFound, match="no active symbol is called WHO, WHY: nothing was changed"):
        pick("nyse", "AAA", "WHO", "WHY", included=True)
    with pytest.raises(UsedWrongly, match="its author and a reason"):
        pick("nyse", "AAA", included=True, reason=" ")
    with pytest.raises(UsedWrongly, match="at most 500"):
        pick("nyse", *(f"T{number}" for number in range(501)), included=True)
    assert stored.rows("SELECT count(*) FROM universe_choices") == [(0,)]


def test_a_file_makes_the_tables_as_it_says_and_a_second_time_changes_nothing(stored: Stored) -> None:
    stored.add("LOW")
    stored.close(date(2025, 3, 3), LOW=1.0)
    reassign(BEGIN, DAY)
    would = apply_file(BEGIN, DAY, TWO, dry_run=True)
    assert stored.rows("SELECT count(*) FROM universes") == [(len(default_rules().descriptions),)]
    did = apply_file(BEGIN, DAY, TWO, dry_run=False)
    assert did == would
    assert (did.added, did.changed) == (["cheap", "mine"], [])
    assert "stocks" in did.removed
    assert dict(stored.rows("SELECT name, description FROM universes")) == TWO.descriptions
    assert stored.rows("SELECT position, equity_type FROM equity_type_rules") == [(1, "PENNY_STOCK")]
    assert stored.rows("SELECT equity_type FROM symbols") == [("PENNY_STOCK",)]
    assert stored.events()[-1]["changes"]["universes"] == {
        "old": ["nasdaq", "penny_stocks", "stocks"],
        "new": ["cheap"],
    }
    told = len(stored.events())
    again = apply_file(BEGIN, DAY, TWO, dry_run=False)
    assert (again.added, again.changed, again.removed, again.symbols) == ([], [], [], [])
    assert len(stored.events()) == told


def test_a_universe_with_chosen_members_is_not_dropped_with_its_name(stored: Stored) -> None:
    stored.add("AAA")
    pick("nyse", "AAA", included=True)
    before = stored.sizes()
    for dry_run in (True, False):
        with pytest.raises(UsedWrongly, match="does not name nyse, and a person chose members there"):
            apply_file(BEGIN, DAY, TWO, dry_run=dry_run)
    assert stored.sizes() == before
    stored.rows("UPDATE symbols SET active = false")
    pick("nyse", "AAA", included=None)
    assert "nyse" in apply_file(BEGIN, DAY, TWO, dry_run=False).removed, "of an archived symbol too it can be forgotten"


def test_an_apply_that_breaks_off_is_completed_by_the_next(stored: Stored) -> None:
    tickers = [f"T{number:04}" for number in range(CHUNK + 20)]
    stored.rows(
        "INSERT INTO symbols (ticker, type, equity_type, first_seen) SELECT unnest(:tickers), 'CS', 'STOCK_EOD', '2024-01-02'",
        tickers=tickers,
    )
    reassign(BEGIN, DAY)
    begun = 0

    @contextmanager
    def breaks() -> Iterator[ServiceSession]:
        nonlocal begun
        begun += 1
        if begun == 4:  # the rules, a look, the first 500, and then
            raise ConnectionError("the power went")
        with transaction(Role.IPO_MONITOR) as session:
            yield session

    everyone = replace(TWO, rules=RuleSet({"mine": {"type": ["CS"]}}), descriptions={"mine": "All"})
    with pytest.raises(ConnectionError):
        apply_file(breaks, DAY, everyone, dry_run=False)
    assert len(stored.members("mine")) == CHUNK
    apply_file(BEGIN, DAY, everyone, dry_run=False)
    assert stored.members("mine") == tickers
    assert stored.rows("SELECT name FROM universes") == [("mine",)]
    joined = [event["symbol"] for event in stored.events() if "mine" in event["changes"]["universes"]["new"]]
    assert sorted(joined) == tickers, "each is told once"
    assert CHUNK <= MOST_SYMBOLS
