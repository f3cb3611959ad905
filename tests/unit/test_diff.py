"""What a day's listing means for what is stored."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from tickstock_automation.symbols.diff import Diff, Stored, compare
from tickstock_automation.vendor.client import Listing

MONDAY, TUESDAY = date(2024, 1, 8), date(2024, 1, 9)


def stored(id_: int, ticker: str, figi: str | None = None, **more: object) -> Stored:
    return replace(Stored(id_, ticker, active=True, composite_figi=figi), **more)  # type: ignore[arg-type]


def day_of(
    listed: list[Listing], known: list[Stored], session: date = TUESDAY, minimum: float = 0.0, **more: set[int]
) -> Diff:
    return compare(listed, known, session, coverage_minimum=minimum, **more)


def test_an_empty_database_takes_everything_as_new() -> None:
    diff = day_of([Listing("A"), Listing("B")], [])
    assert [one.ticker for one in diff.new] == ["A", "B"]
    assert diff.coverage == 1.0


def test_a_rename_that_must_wait_keeps_its_old_ticker_from_others() -> None:
    """NEW is still held by one who is absent for the first time; so OLD stays OLD, and nobody else may be OLD today."""
    listed = [Listing("NEW", composite_figi="F1"), Listing("OLD", composite_figi="F3")]
    known = [stored(1, "OLD", "F1"), stored(2, "NEW", "F2")]
    first = day_of(listed, known, MONDAY)
    assert (first.absent, first.new, first.changed) == ([2], [], [])
    second = day_of(listed, [known[0], replace(known[1], absent_since=MONDAY)])
    assert [one.ticker for one in second.new] == ["OLD"]
    assert [one.listing.ticker for one in second.changed] == ["NEW"]


def test_the_same_figi_under_another_ticker_is_a_rename() -> None:
    diff = day_of([Listing("META", composite_figi="F1")], [stored(1, "FB", "F1")])
    assert [(one.id, one.changes["ticker"]) for one in diff.changed] == [(1, ("FB", "META"))]
    assert not diff.new
    assert not diff.absent


def test_two_tickers_that_swap_are_two_renames() -> None:
    diff = day_of(
        [Listing("A", composite_figi="F2"), Listing("B", composite_figi="F1")],
        [stored(1, "A", "F1"), stored(2, "B", "F2")],
    )
    assert {one.id: one.changes["ticker"] for one in diff.changed} == {1: ("A", "B"), 2: ("B", "A")}


def test_a_rename_into_a_ticker_freed_the_same_day() -> None:
    listed = [Listing("B", composite_figi="F1"), Listing("C", composite_figi="F2")]
    diff = day_of(listed, [stored(1, "A", "F1"), stored(2, "B", "F2")])
    assert {one.id: one.listing.ticker for one in diff.changed} == {1: "B", 2: "C"}


def test_a_ticker_with_another_figi_waits_until_its_old_holder_is_archived() -> None:
    listed, known = [Listing("META", composite_figi="F9")], stored(1, "META", "F1")
    first = day_of(listed, [known], MONDAY)
    assert first.absent == [1]
    assert not first.new
    second = day_of(listed, [replace(known, absent_since=MONDAY)])
    assert [one.id for one in second.archived] == [1]
    assert [one.ticker for one in second.new] == ["META"]


def test_without_figis_the_ticker_decides_unless_the_cik_speaks_against_it() -> None:
    assert not day_of([Listing("XP")], [stored(1, "XP")]).new
    assert day_of([Listing("XP", cik="2")], [stored(1, "XP", cik="1")], MONDAY).absent == [1]


def test_one_figi_on_two_tickers_is_two_securities() -> None:
    listed = [Listing("ABD", composite_figi="F1"), Listing("ACCOw", composite_figi="F1")]
    diff = day_of(listed, [stored(1, "ABD", "F1")])
    assert [one.ticker for one in diff.new] == ["ACCOw"]
    assert not diff.changed


def test_the_figi_that_comes_back_is_relisted() -> None:
    diff = day_of([Listing("OLD", composite_figi="F1")], [stored(1, "OLD", "F1", active=False)])
    assert diff.relisted == [(1, Listing("OLD", composite_figi="F1"))]


def test_a_blank_field_takes_nothing_back() -> None:
    assert not day_of([Listing("YHOO")], [stored(1, "YHOO", exchange="XNAS")]).changed


def test_a_move_of_exchange_is_a_change() -> None:
    diff = day_of([Listing("A", exchange="XNYS")], [stored(1, "A", exchange="XNAS")])
    assert diff.changed[0].changes == {"exchange": ("XNAS", "XNYS")}


def test_absent_once_is_marked_and_absent_on_a_second_session_is_archived() -> None:
    known = [stored(1, "GONE"), stored(2, "HERE")]
    assert day_of([Listing("HERE")], known, MONDAY).absent == [1]
    later = [replace(known[0], absent_since=MONDAY), known[1]]
    assert [(one.id, one.delist_date) for one in day_of([Listing("HERE")], later).archived] == [(1, MONDAY)]
    assert not day_of([Listing("HERE")], later, MONDAY).archived, "twice on the same session is once"


def test_what_came_back_is_no_longer_absent() -> None:
    assert day_of([Listing("A")], [stored(1, "A", absent_since=MONDAY)]).back == [1]


def test_what_traded_since_is_not_archived() -> None:
    known = [stored(1, "GONE", absent_since=MONDAY), stored(2, "HERE")]
    assert not day_of([Listing("HERE")], known, traded={1}).archived


def test_a_thin_listing_archives_nothing() -> None:
    known = [stored(number, f"T{number}", absent_since=MONDAY) for number in range(100)]
    diff = day_of([Listing(f"T{number}") for number in range(67)], known, minimum=0.95)
    assert diff.held
    assert not diff.archived
    assert not diff.absent
    assert round(diff.coverage, 2) == 0.67


tickers = st.text("ABC", min_size=1, max_size=2)
listings = st.lists(st.builds(Listing, tickers), unique_by=lambda one: one.ticker, max_size=6)


@given(listings, st.randoms())
def test_the_order_of_the_listing_does_not_matter(listed: list[Listing], chance: object) -> None:
    known = [stored(1, "A"), stored(2, "AB"), stored(3, "C")]
    shuffled = list(listed)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = day_of(listed, known), day_of(shuffled, known)
    assert {new.ticker for new in one.new} == {new.ticker for new in other.new}
    assert (one.absent, one.archived, one.coverage) == (other.absent, other.archived, other.coverage)


@given(listings)
def test_a_second_look_at_what_was_applied_finds_nothing(listed: list[Listing]) -> None:
    diff = day_of(listed, [])
    applied = [stored(number, one.ticker) for number, one in enumerate(diff.new)]
    again = day_of(listed, applied)
    assert (again.new, again.changed, again.absent, again.archived) == ([], [], [], [])
