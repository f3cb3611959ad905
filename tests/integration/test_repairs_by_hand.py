"""A bar set, deleted or marked by a person, and repairs taken back: to the last column, with a trail, told by event."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

from tests.repairing import DAY, ZERO, Mender, altered
from tests.services import Altered
from tickstock_automation.bars.reread import reread
from tickstock_automation.cli.main import app
from tickstock_automation.errors import NotFound, TickstockError, UsedWrongly
from tickstock_automation.sessions import calendar

pytestmark = [pytest.mark.integration, pytest.mark.database]

WHO = ("--by", "ann", "--reason", "as the exchange has it")


def printed(*words: str) -> str:
    """What a command prints at a width of 120, as it stands."""
    done = CliRunner(env={"COLUMNS": "120"}).invoke(app, ["quality", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def told(*words: str) -> list[dict[str, Any]]:
    return json.loads(printed(*words, "--json"))["repairs"]  # type: ignore[no-any-return]


def fix(*words: str) -> dict[str, Any]:
    [found] = told("fix", "T03", DAY.isoformat(), *words, *WHO)
    return found


def undo(*words: str) -> list[dict[str, Any]]:
    return told("undo", *words, *WHO)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """As the command line has it: only warnings, on stderr."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    structlog.reset_defaults()


@pytest.fixture
def loaded(mender: Mender) -> Mender:
    mender.load()
    return mender


@pytest.fixture
def repaired(mender: Mender) -> Mender:
    """T03's bar came with zero prices, and was repaired."""
    mender.load(grouped_bars=altered("T03", **ZERO))
    mender.mend()
    return mender


def test_an_undo_puts_back_every_column_and_a_person_has_the_alert(mender: Mender) -> None:
    mender.load(grouped_bars=altered("T03", **ZERO))
    before = mender.day("T03")
    mender.mend()
    assert mender.day("T03") != before
    [done] = undo(str(mender.alert("ohlc_inconsistent")))
    assert (done["action"], done["state"], done["author"]) == ("undo", "applied", "ann")
    assert mender.day("T03") == before
    assert mender.life("ohlc_inconsistent") == ["open", "remediating", "resolved", "given_up"]
    assert mender.rows("SELECT reason FROM bar_corrections ORDER BY id") == [("repair",), ("undo",)]
    mender.mend()
    assert mender.day("T03") == before, "it is not repaired again by itself"
    assert [row[:2] for row in mender.repairs()] == [("refetch", "undone"), ("undo", "applied")]


def test_a_mark_is_undone_and_the_bar_is_trusted(mender: Mender) -> None:
    mender.load(grouped_bars=altered("T03", **ZERO))
    before = mender.day("T03")
    mender.mend(Altered(mender.system.played.vendor, range_bars=altered("T03", **ZERO)))
    undo(str(mender.alert("ohlc_inconsistent")))
    assert mender.day("T03") == before
    assert mender.life("ohlc_inconsistent")[-1] == "confirmed"


def test_an_undo_is_not_undone_nor_done_twice(repaired: Mender) -> None:
    [done] = undo("--repair", "1")
    with pytest.raises(UsedWrongly, match="an undo is not undone"):
        undo("--repair", str(done["id"]))
    with pytest.raises(UsedWrongly, match="undone already"):
        undo("--repair", "1")
    with pytest.raises(NotFound, match="no repair 99"):
        undo("--repair", "99")
    with pytest.raises(UsedWrongly, match="one of the two"):
        undo()


def test_what_changed_since_is_not_lost_by_an_undo(repaired: Mender) -> None:
    moved = Altered(repaired.system.played.vendor, grouped_bars=altered("T03", c=13.1))
    reread(calendar().after(DAY), moved, calendar(), repaired.settings)
    with pytest.raises(UsedWrongly, match=r"changed since repair 1 \(.* c 13 .*, now .* c 13.1 "):
        undo("--repair", "1")


def test_a_bar_set_by_hand_stands_in_every_place(loaded: Mender) -> None:
    done = fix("--close", "13.2")
    assert (done["state"], done["old"]["close"], done["new"]["close"]) == ("applied", 13.0, 13.2)
    assert loaded.close("T03") == (13.2, False, "by hand")
    assert loaded.life("by_hand") == ["remediating", "resolved"]
    assert loaded.rows("SELECT old ->> 'close', new ->> 'close', reason FROM bar_corrections") == [
        ("13", "13.2", "by hand")
    ]
    why = CliRunner(env={"COLUMNS": "100"}).invoke(app, ["bars", "why", "T03", DAY.isoformat()])
    assert "from by hand" in why.output
    assert "author ann" in " ".join(why.output.split())


def test_a_re_read_keeps_what_a_person_set_and_says_where_the_vendor_differs(loaded: Mender) -> None:
    fix("--close", "13.2")
    set_by_hand = loaded.day("T03")
    morning = calendar().after(DAY)
    reread(morning, loaded.system.played.vendor, calendar(), loaded.settings)
    assert loaded.day("T03") == set_by_hand
    differs = "SELECT message FROM operational_findings WHERE check_name = 'vendor_differs'"
    assert loaded.rows(differs) == [], "what the person replaced is no news"
    moved = Altered(loaded.system.played.vendor, grouped_bars=altered("T03", c=13.1))
    for day in (calendar().after(morning), calendar().after(calendar().after(morning))):
        loaded.rows("DELETE FROM reread_runs RETURNING 1")
        reread(day, moved, calendar(), loaded.settings)
    [(message,)] = loaded.rows(differs)
    assert "the vendor now says close 13.1" in message
    assert loaded.day("T03") == set_by_hand
    undo("--repair", "1")
    loaded.rows("DELETE FROM reread_runs RETURNING 1")
    reread(calendar().following(morning, 4)[-1], moved, calendar(), loaded.settings)
    assert loaded.close("T03") == (13.1, False, "polygon"), "undone, the vendor's word counts again"


def test_fixes_are_taken_back_in_their_order(loaded: Mender) -> None:
    before = loaded.day("T03")
    fix("--close", "13.2")
    between = loaded.day("T03")
    fix("--close", "13.1")
    with pytest.raises(UsedWrongly, match="repair 2 changed that bar after repair 1: undo that one first"):
        undo("--repair", "1")
    undo("--repair", "2")
    assert loaded.day("T03") == between
    undo("--repair", "1")
    assert loaded.day("T03") == before


def test_a_bar_that_a_person_deleted_stays_away(loaded: Mender) -> None:
    before = loaded.day("T03")
    fix("--delete")
    assert loaded.day("T03") is None
    assert loaded.rows("SELECT stored, known_empty FROM session_status WHERE session = :day", day=DAY) == [(11, 1)]
    reread(calendar().after(DAY), loaded.system.played.vendor, calendar(), loaded.settings)
    assert loaded.day("T03") is None
    [done] = undo("--repair", "1")
    assert done["state"] == "applied"
    assert loaded.day("T03") == before
    assert loaded.rows("SELECT stored, known_empty FROM session_status WHERE session = :day", day=DAY) == [(12, 0)]
    assert loaded.rows("SELECT count(*) FROM known_empty WHERE session = :day", day=DAY) == [(0,)]


def test_a_bar_is_made_by_hand_where_the_vendor_has_none(mender: Mender) -> None:
    mender.load_without()
    with pytest.raises(UsedWrongly, match="give --open, --high, --low, --volume too"):
        fix("--close", "13.2")
    fix("--open", "13", "--high", "14", "--low", "12", "--close", "13.2", "--volume", "100")
    assert mender.close("T03") == (13.2, False, "by hand")
    assert mender.life("missing_session") == ["open", "resolved"]
    undo("--repair", "1")
    assert mender.close("T03") is None
    assert mender.life("missing_session") == ["open", "resolved", "given_up"]


def test_a_persons_mark_and_trust(loaded: Mender) -> None:
    with pytest.raises(UsedWrongly, match="not marked"):
        fix("--trust")
    fix("--suspect")
    assert loaded.close("T03") == (13.0, True, "polygon")
    with pytest.raises(UsedWrongly, match="already"):
        fix("--suspect")
    fix("--trust")
    assert loaded.close("T03") == (13.0, False, "polygon")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "one of them"),
        (("--close", "13", "--delete"), "one of them"),
        (("--close", "99"), "contradicts itself"),
        (("--close", "0"), "above 0"),
        (("--volume", "-1"), "0 or more"),
        (("--volume", "nan"), "0 or more"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_and_nothing_is_kept(loaded: Mender, words: tuple[str, ...], why: str) -> None:
    with pytest.raises(UsedWrongly, match=why):
        fix(*words)
    assert loaded.repairs() == []


def test_a_fix_settles_the_alerts_of_that_day(mender: Mender) -> None:
    both = altered("T03", **ZERO)
    mender.load(grouped_bars=both)
    mender.mend(Altered(mender.system.played.vendor, range_bars=both))
    fix("--open", "13", "--high", "14", "--low", "12")
    assert mender.life("ohlc_inconsistent") == ["open", "remediating", "given_up", "resolved"]
    [repair] = [one for one in told("repairs") if one["action"] == "fix"]
    undo("--repair", str(repair["id"]))
    assert mender.life("ohlc_inconsistent")[-1] == "given_up"
    assert mender.close("T03") == (13.0, True, "polygon")


def test_a_bar_that_a_person_set_is_not_repaired_by_itself(loaded: Mender) -> None:
    fix("--volume", "0")
    loaded.sweep_again()
    loaded.mend()
    assert loaded.life("zero_volume") == ["open", "given_up"]
    assert [row[0] for row in loaded.repairs()] == ["fix"]


def test_an_undone_reload_does_not_come_back(mender: Mender) -> None:
    mender.load_without()
    mender.mend()
    undo(str(mender.alert("missing_session")))
    assert mender.close("T03") is None
    calls = mender.system.played.vendor.calls
    mender.mend()
    assert mender.system.played.vendor.calls == calls
    reread(calendar().after(DAY), mender.system.played.vendor, calendar(), mender.settings)
    assert mender.close("T03") is None


def test_repairs_are_listed_from_what_to_what(repaired: Mender) -> None:
    said = printed("repairs")
    assert "o 0 h 0 l 0 c 13 v 1,000 -> o 12.87" in " ".join(said.split())
    assert "resolved" not in said
    [one] = told("repairs", "--state", "applied", "--symbol", "t03", "--from", DAY.isoformat(), "--to", DAY.isoformat())
    assert (one["symbol"], one["check"], one["endpoint"], one["author"]) == ("T03", "ohlc_inconsistent", "range", "remediation")  # fmt: skip
    assert told("repairs", "--state", "marked") == []
    assert printed("repairs", "--state", "failed") == "No repairs.\n"
    with pytest.raises(TickstockError, match="no state nonsense"):
        printed("repairs", "--state", "nonsense")
