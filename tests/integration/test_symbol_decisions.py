"""A person's word on symbols: rows, events, undone, all or none, and two people or a scan at the same moment."""

import threading
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from tests.builders import Played, add_symbols, bar, write_bars
from tests.publishing import until
from tests.services import Seen
from tickstock_automation.bars.backfill import process_batch
from tickstock_automation.bars.eod import load_session
from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import DatabaseConflict, NotFound, QueueFull, UsedWrongly
from tickstock_automation.processing.dispatcher import dispatch
from tickstock_automation.processing.queue import Batch
from tickstock_automation.sessions import calendar
from tickstock_automation.settings import Settings
from tickstock_automation.symbols import decisions, restoring
from tickstock_automation.symbols.archiving import archive as archive_by_scan
from tickstock_automation.symbols.decisions import Decided, Word
from tickstock_automation.symbols.service import ScanReport, scan

pytestmark = [pytest.mark.integration, pytest.mark.database]

DAY, LATER = date(2024, 2, 6), date(2024, 2, 9)
ANN = Word(DAY, "ann", "she knows it")
BOB = Word(DAY, "bob", "he knows better")


class Desk(Seen):
    """Where people decide, each in a transaction of their own."""

    def __init__(self, settings: Settings, admin: Engine) -> None:
        super().__init__(admin)
        self.settings = settings

    def pin(self, *tickers: str, word: Word = ANN) -> list[Decided]:
        with transaction(Role.IPO_MONITOR) as session:
            return decisions.pin(session, tickers, word)

    def unpin(self, *tickers: str, word: Word = ANN) -> list[Decided]:
        with transaction(Role.IPO_MONITOR) as session:
            return decisions.unpin(session, tickers, word)

    def archive(self, *tickers: str, word: Word = ANN) -> list[Decided]:
        with transaction(Role.IPO_MONITOR) as session:
            return decisions.archive(session, tickers, word)

    def restore(
        self, *tickers: str, word: Word = ANN, id_: int | None = None, settings: Settings | None = None
    ) -> list[Decided]:
        with transaction(Role.IPO_MONITOR) as session:
            return restoring.restore(session, tickers, word, calendar(), settings or self.settings, id_)

    def scan_archives(self, id_: int, ticker: str, day: date = DAY) -> bool:
        with transaction(Role.IPO_MONITOR) as session:
            return archive_by_scan(session, id_, ticker, day=day, delist_date=day, reason="absent_twice")

    def decided(self) -> Sequence[Any]:
        return self.rows("SELECT symbol_id, action, author, reason FROM symbol_decisions ORDER BY id")


@pytest.fixture
def desk(settings: Settings, admin: Engine) -> Desk:
    return Desk(settings, admin)


def test_a_pin_is_a_row_a_decision_and_an_event_and_unpin_undoes_it(desk: Desk) -> None:
    id_ = add_symbols(desk.admin, ["AAA"])["AAA"]
    assert desk.pin("aaa") == [Decided("AAA", id_, True, "pinned")]
    assert desk.rows("SELECT kept_by FROM symbols") == [("ann",)]
    assert desk.unpin("AAA", word=BOB) == [Decided("AAA", id_, True, "no longer pinned")]
    assert desk.rows("SELECT kept_by FROM symbols") == [(None,)]
    assert desk.decided() == [(id_, "pin", "ann", "she knows it"), (id_, "unpin", "bob", "he knows better")]
    told = [
        (one["symbol"], one["session"], one["changes"], one["author"], one["words"])
        for one in desk.events("symbol_changed")
    ]
    assert told == [
        ("AAA", "2024-02-06", {"pinned": {"old": False, "new": True}}, "ann", "she knows it"),
        ("AAA", "2024-02-06", {"pinned": {"old": True, "new": False}}, "bob", "he knows better"),
    ]


def test_what_is_so_already_is_said_and_changes_nothing(desk: Desk) -> None:
    ids = add_symbols(desk.admin, ["AAA", "BBB"])
    desk.pin("AAA")
    desk.archive("BBB")
    before = (desk.decided(), desk.rows("SELECT * FROM symbols ORDER BY id"), desk.rows("SELECT count(*) FROM outbox"))
    assert desk.pin("AAA", word=BOB) == [Decided("AAA", ids["AAA"], False, "pinned already, by ann")]
    assert desk.archive("BBB", word=BOB) == [
        Decided("BBB", ids["BBB"], False, "archived already, by ann, on 2024-02-06")
    ]
    assert desk.unpin("BBB") == [Decided("BBB", ids["BBB"], False, "not pinned")]
    assert desk.restore("AAA", word=BOB) == [Decided("AAA", ids["AAA"], False, "active already")]
    assert before == (
        desk.decided(),
        desk.rows("SELECT * FROM symbols ORDER BY id"),
        desk.rows("SELECT count(*) FROM outbox"),
    )


def test_a_person_archives_as_a_scan_does_and_says_so(desk: Desk) -> None:
    ids = add_symbols(desk.admin, ["AAA", "BBB"])
    desk.pin("AAA")
    desk.rows("SELECT queue_symbols_for_processing('STOCK_EOD')")
    desk.archive("BBB", "AAA")
    assert desk.rows("SELECT DISTINCT active, delist_date, kept_by, archived_by FROM symbols") == [
        (False, DAY, None, "ann")
    ]
    assert desk.rows("SELECT DISTINCT valid_to FROM symbol_aliases") == [(DAY,)]
    assert desk.rows("SELECT DISTINCT status FROM equity_processing_queue") == [("cancelled",)]
    assert [(one["symbol"], one["delist_date"], one["reason"], one["author"], one["words"]) for one in desk.events("symbol_archived")] == [
        (ticker, "2024-02-06", "by_person", "ann", "she knows it") for ticker in ("AAA", "BBB")
    ]  # fmt: skip
    assert desk.decided()[1:] == [(ids[ticker], "archive", "ann", "she knows it") for ticker in ("AAA", "BBB")]


def test_several_are_archived_or_none(desk: Desk) -> None:
    add_symbols(desk.admin, ["AAPL", "MSFT"])
    with pytest.raises(NotFound, match="no security is or was called AAPK: near it: AAPL"):
        desk.archive("MSFT", "AAPK")
    assert desk.rows("SELECT count(*) FROM symbols WHERE NOT active") == [(0,)]
    assert desk.decided() == []


def test_a_restored_symbol_is_as_before_pinned_and_gets_the_bars_it_missed(desk: Desk) -> None:
    id_ = add_symbols(desk.admin, ["AAA"])["AAA"]
    desk.rows(
        "INSERT INTO universe_members (universe, symbol_id, reason) SELECT name, :id, 'by rule' FROM universes"
        " WHERE name IN ('stocks', 'nyse') RETURNING 1",
        id=id_,
    )  # fmt: skip
    desk.archive("AAA")
    desk.rows("UPDATE symbols SET absent_since = '2024-02-05' RETURNING 1")
    word = Word(LATER, "bob", "it is back")
    assert desk.restore("AAA", word=word) == [Decided("AAA", id_, True, "restored and pinned")]
    assert desk.rows("SELECT active, delist_date, absent_since, archived_by, kept_by FROM symbols") == [
        (True, None, None, None, "bob")
    ]
    assert desk.rows("SELECT ticker, valid_from, valid_to FROM symbol_aliases ORDER BY id") == [
        ("AAA", None, DAY),
        ("AAA", DAY, None),
    ]
    asked = desk.rows("SELECT first_session, last_session, reason FROM bar_requests WHERE status = 'waiting'")
    assert asked == [(calendar().on_or_after(date(2023, 11, 11)), date(2024, 2, 8), "new_listing")]
    assert desk.rows("SELECT reason, status FROM equity_processing_queue") == [("new_listing", "pending")]
    [told] = desk.events("new_symbol")
    assert (told["symbol"], told["reason"], told["session"], told["universes"]) == (
        "AAA",
        "relisted",
        "2024-02-09",
        ["nyse", "stocks"],
    )
    [pinned] = desk.events("symbol_changed")
    assert (pinned["changes"], pinned["author"]) == ({"pinned": {"old": False, "new": True}}, "bob")
    assert desk.decided()[-1] == (id_, "restore", "bob", "it is back")


def test_what_a_scan_archived_is_restored_too_and_no_scan_archives_it_again(desk: Desk) -> None:
    id_ = add_symbols(desk.admin, ["AAA"])["AAA"]
    assert desk.scan_archives(id_, "AAA")
    desk.restore("AAA")
    assert not desk.scan_archives(id_, "AAA", LATER), "it looked before the person decided"
    assert desk.rows("SELECT active, kept_by FROM symbols") == [(True, "ann")]
    assert len(desk.events("symbol_archived")) == 1
    desk.unpin("AAA")
    assert desk.scan_archives(id_, "AAA", LATER)


def reuse(desk: Desk) -> tuple[int, int]:
    """A ticker of two securities, both archived."""
    first = add_symbols(desk.admin, ["M"])["M"]
    desk.archive("M")
    second = add_symbols(desk.admin, ["M"])["M"]
    desk.archive("M", word=Word(LATER, "ann", "gone as well"))
    return first, second


def test_of_several_that_had_the_ticker_one_must_be_named(desk: Desk) -> None:
    first, second = reuse(desk)
    with pytest.raises(UsedWrongly, match=f"several .* --id: {second} .*, {first} "):
        desk.restore("M")
    with pytest.raises(NotFound, match="never was called M"):
        desk.restore("M", id_=9999)
    with pytest.raises(UsedWrongly, match="one ticker with it"):
        desk.restore("M", "N", id_=first)
    assert desk.restore("M", id_=first, word=Word(date(2024, 2, 13), "ann", "the old one")) == [
        Decided("M", first, True, "restored and pinned")
    ]
    assert desk.rows("SELECT valid_from FROM symbol_aliases WHERE valid_to IS NULL") == [(date(2024, 2, 13),)]
    with pytest.raises(UsedWrongly, match="another security is called M now"):
        desk.restore("M", id_=second)


def test_a_renamed_security_is_told_by_its_name_of_today(desk: Desk) -> None:
    id_ = add_symbols(desk.admin, ["META"])["META"]
    desk.rows(
        "INSERT INTO symbol_aliases (symbol_id, ticker, valid_to) VALUES (:id, 'FB', '2022-06-09') RETURNING 1", id=id_
    )
    for decide in (desk.pin, desk.unpin, desk.archive):
        with pytest.raises(NotFound, match="nobody is called FB any more: who was is META now"):
            decide("FB")
    desk.archive("META")
    assert desk.restore("fb") == [Decided("META", id_, True, "restored and pinned")]


def test_what_is_archived_cannot_be_pinned(desk: Desk) -> None:
    add_symbols(desk.admin, ["AAA"])
    desk.archive("AAA")
    with pytest.raises(UsedWrongly, match="AAA is archived: `tickstock symbols restore AAA`"):
        desk.pin("AAA")


def test_a_decision_needs_an_author_and_a_reason() -> None:
    for author, reason in (("", "why"), ("ann", "  ")):
        with pytest.raises(UsedWrongly, match="needs an author and a reason"):
            Word(DAY, author, reason)


def test_a_full_queue_restores_nothing(desk: Desk) -> None:
    add_symbols(desk.admin, ["AAA", "BBB"])
    desk.archive("AAA")
    desk.rows("SELECT queue_symbols_for_processing('STOCK_EOD')")
    with pytest.raises(QueueFull):
        desk.restore("AAA", settings=desk.settings.model_copy(update={"queue_bound": 1}))
    assert desk.rows("SELECT active FROM symbols WHERE ticker = 'AAA'") == [(False,)]
    assert desk.rows("SELECT count(*) FROM bar_requests") == [(0,)]


def test_scans_and_backfills_heed_what_a_person_decided(
    desk: Desk, play: Callable[[Path], Played], tmp_path: Path
) -> None:
    days = calendar().between(date(2024, 1, 2), date(2024, 2, 29))
    gone = [bar("PIN", day) for day in days[:30]]
    rows = [bar(f"T{number:02}", day) for number in range(40) for day in days]
    played = play(write_bars(tmp_path / "bars", [*gone, *rows]))
    desk.rows("UPDATE equity_types SET rate_limit_ms = 0 RETURNING 1")

    def scan_before(day: date) -> ScanReport:
        played.at(day, closed=False)
        report = scan(day, played.vendor, calendar(), desk.settings)
        assert report is not None
        return report

    def backfill(day: date) -> None:
        batches: list[Batch] = []
        dispatch(desk.settings, lambda batch, _queue: batches.append(batch))
        for batch in batches:
            process_batch(batch.token, batch.equity_type, day, played.vendor, calendar(), desk.settings)

    scan_before(days[29])
    backfill(days[29])
    desk.pin("PIN", word=Word(days[30], "ann", "it only rests"))
    desk.archive("T00", word=Word(days[30], "ann", "no concern of ours"))
    for day in days[30:35]:
        report = scan_before(day)
        assert (report.new, report.archived) == ([], [])
    desk.restore("T00", word=Word(days[35], "ann", "it is, after all"))
    played.at(days[35], closed=False)
    backfill(days[35])
    stored = (
        "SELECT h.date FROM historical_data h JOIN symbols s ON s.id = h.symbol_id WHERE s.ticker = 'T00' ORDER BY 1"
    )
    assert [day for (day,) in desk.rows(stored)] == days[:35], "with those of the days between"
    played.at(days[35], closed=True)
    load_session(days[35], played.vendor, calendar(), desk.settings)  # without it nobody knows whether it trades
    desk.unpin("PIN", word=Word(days[36], "ann", "it is gone"))
    assert scan_before(days[36]).archived == ["PIN"]


class Aside(threading.Thread):
    """Somebody else at the same moment; what they get or what is raised is kept."""

    def __init__(self, act: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.act, self.got, self.raised = act, None, None
        self.start()

    def run(self) -> None:
        try:
            self.got = self.act()
        except Exception as error:  # noqa: BLE001 -- the test looks at it
            self.raised = error  # type: ignore[assignment]


def waits(desk: Desk) -> bool:
    return bool(
        desk.rows("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    )


def test_of_two_people_at_once_the_second_sees_what_the_first_did(desk: Desk) -> None:
    id_ = add_symbols(desk.admin, ["AAA"])["AAA"]
    with transaction(Role.IPO_MONITOR) as session:
        decisions.pin(session, ["AAA"], ANN)
        other = Aside(lambda: desk.pin("AAA", word=BOB))
        until(lambda: waits(desk))
    other.join(10)
    assert other.got == [Decided("AAA", id_, False, "pinned already, by ann")]
    assert [row[2] for row in desk.decided()] == ["ann"]
    assert len(desk.events("symbol_changed")) == 1


def test_two_people_cannot_give_one_ticker_to_two_securities(desk: Desk) -> None:
    first, second = reuse(desk)
    with transaction(Role.IPO_MONITOR) as session:
        restoring.restore(session, ["M"], ANN, calendar(), desk.settings, first)
        other = Aside(lambda: desk.restore("M", word=BOB, id_=second))
        until(lambda: waits(desk))
    other.join(10)
    assert isinstance(other.raised, UsedWrongly)
    assert desk.rows("SELECT id FROM symbols WHERE active") == [(first,)]


def test_a_scan_that_gives_the_ticker_away_at_this_moment_is_a_conflict_that_passes(desk: Desk) -> None:
    add_symbols(desk.admin, ["AAA"])
    desk.archive("AAA")
    with transaction(Role.IPO_MONITOR) as session:
        session.execute(
            text("INSERT INTO symbols (ticker, equity_type, first_seen) VALUES ('AAA', 'STOCK_EOD', '2024-02-06')")
        )
        other = Aside(lambda: desk.restore("AAA"))
        until(lambda: waits(desk))
    other.join(10)
    assert isinstance(other.raised, DatabaseConflict)
    assert desk.events("new_symbol") == []


def test_a_person_who_pins_while_a_scan_archives_is_told_that_it_is_archived(desk: Desk) -> None:
    id_ = add_symbols(desk.admin, ["AAA"])["AAA"]
    with transaction(Role.IPO_MONITOR) as session:
        archive_by_scan(session, id_, "AAA", day=DAY, delist_date=DAY, reason="absent_twice")
        other = Aside(lambda: desk.pin("AAA"))
        until(lambda: waits(desk))
    other.join(10)
    assert isinstance(other.raised, UsedWrongly)
    assert desk.rows("SELECT active, kept_by FROM symbols") == [(False, None)]
