"""Notebooks: whole lines, read on from where the reader stopped, and an event comes back as it was."""

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

from tests.faults.records import Follower, Notebook, seen
from tests.faults.writer import change
from tickstock_automation.events.catalogue import Event, decode, encode

ID = UUID(int=7)


def event(seq: int = 11, word: str = "t") -> Event:
    data = change(word, 3).data
    message = encode(
        id=ID, seq=seq, timestamp=datetime(2024, 1, 2, tzinfo=UTC), service="ipo_monitor",
        event_type=data.event_type, version=data.version, data=data.model_dump_json(),
    )  # fmt: skip
    return decode(message)


def test_an_event_comes_back_as_it_was_noted(tmp_path: Path) -> None:
    Notebook(tmp_path / "notes").saw(event())
    [found] = Follower(tmp_path / "notes").seen()
    assert (found.id, found.seq, found.symbol, found.token) == (str(ID), 11, "F003", "t")
    assert found.digest == seen(event()).digest


def test_the_digest_stands_for_all_content() -> None:
    assert len({seen(one).digest for one in (event(), event(seq=12), event(word="u"))}) == 3


def test_a_follower_reads_on_and_leaves_a_half_line_for_later(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    follower = Follower(path)
    assert list(follower.lines()) == []
    notes = Notebook(path)
    notes.write("doomed", "a", "b")
    assert list(follower.lines()) == [["doomed", "a", "b"]]
    with path.open("a") as file:
        file.write("commit")
    assert list(follower.lines()) == []
    with path.open("a") as file:
        file.write("ted\tc\n")
    assert list(follower.lines()) == [["committed", "c"]]


def test_a_change_is_named_by_its_token() -> None:
    pending = change("token", 3)
    assert pending.symbol_id == 3
    assert pending.data.model_dump(mode="json") == {
        "symbol": "F003", "session": date(2024, 1, 2).isoformat(),
        "changes": {"token": {"old": None, "new": "token"}}, "author": None, "words": None,
    }  # fmt: skip
