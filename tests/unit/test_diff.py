"""What a day's listing means for what is stored."""

from dataclasses import replace
from datetime import date
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tickstock_automation.symbols.diff import Archived, Diff, Known, Limits, Why, compare
from tickstock_automation.symbols.identity import Stored
from tickstock_automation.vendor.client import Listing

MONDAY, TUESDAY = date(2024, 1, 8), date(2024, 1, 9)


def stored(id_: int, ticker: str, figi: str | None = None, **more: object) -> Stored:
    return replace(Stored(id_, ticker, active=True, composite_figi=figi), **more)  # type: ignore[arg-type]


def day_of(
    listed: list[Listing], stored_: list[Stored], session: date = TUESDAY, minimum: float = 0.0, **known: Any
) -> Diff:
    return compare(listed, stored_, session, Limits(coverage=minimum), Known(**known))


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


def test_a_class_share_with_a_dot_is_a_ticker_like_any_other() -> None:
    known = [stored(1, "BRK.A", "FA", cik="1067983"), stored(2, "BRK.B", "FB", cik="1067983")]
    listed = [
        Listing("BRK.A", composite_figi="FA", cik="1067983"),
        Listing("BRK.B", composite_figi="FB", cik="1067983"),
    ]
    assert day_of(listed, known) == Diff()


def test_the_same_ticker_twice_is_one_security_and_the_row_that_is_known_stands() -> None:
    known = [stored(1, "UST", "F1", name="Trust", type="ETF")]
    other = Listing("UST", composite_figi="F9", name="Another", type="ETF", exchange="XNYS", cik="9")
    diff = day_of([other, Listing("UST", composite_figi="F1"), Listing("UST", composite_figi="F1")], known)
    assert (diff.new, diff.changed, diff.absent, diff.doubled) == ([], [], [], ["UST"])


def test_of_two_rows_of_an_unknown_ticker_the_fuller_one_is_stored() -> None:
    full = Listing("NEW", name="New Inc", type="CS")
    assert day_of([Listing("NEW"), full], []).new == [full]


def test_when_issued_shares_that_end_leave_the_regular_ones_alone() -> None:
    known = [stored(1, "ACCOw", "F1"), stored(2, "ABD", "F1")]
    diff = day_of([Listing("ABD", composite_figi="F1")], known, MONDAY)
    assert (diff.absent, diff.changed, diff.new) == ([1], [], [])


def test_one_figi_on_two_new_tickers_is_in_doubt_and_renames_nobody() -> None:
    diff = day_of(
        [Listing("X1", composite_figi="F1"), Listing("X2", composite_figi="F1")], [stored(1, "OLD", "F1")], MONDAY
    )
    assert ([one.ticker for one in diff.new], diff.changed, diff.absent) == (["X1", "X2"], [], [1])


def test_a_figi_that_two_tickers_have_today_replaces_nobodys_own() -> None:
    known = [stored(1, "A", "F1", share_class_figi="S1"), stored(2, "B", "F2", share_class_figi="S2")]
    listed = [Listing("A", composite_figi="F1"), Listing("B", composite_figi="F1", share_class_figi="S2")]
    assert day_of(listed, known) == Diff()


def test_a_stock_that_never_had_a_figi_is_renamed_when_all_else_agrees() -> None:
    words: dict[str, Any] = {"name": "XP Inc.", "type": "CS", "exchange": "XNAS", "cik": "1787425"}
    [changed] = day_of([Listing("XPI", **words | {"name": "XP, INC"})], [stored(1, "XP", **words)]).changed
    assert (changed.id, changed.changes["ticker"]) == (1, ("XP", "XPI"))


def test_without_a_figi_a_rename_in_doubt_is_two_securities() -> None:
    words: dict[str, Any] = {"name": "Two Class Co", "type": "CS", "exchange": "XNYS", "cik": "5"}
    known = [stored(1, "TWO.A", **words), stored(2, "TWO.B", **words)]
    diff = day_of([Listing("THREE", **words)], known, MONDAY)
    assert ([one.ticker for one in diff.new], diff.absent) == (["THREE"], [1, 2])
    less = {**words, "cik": None}
    assert day_of([Listing("XPI", **less)], [stored(1, "XP", **less)], MONDAY).absent == [1]


def test_a_rename_that_only_the_vendors_events_tell_is_followed_where_no_figi_speaks_against_it() -> None:
    listed, events = [Listing("NEW", composite_figi="F2")], {"NEW": ["OLD"]}
    assert [one.id for one in day_of(listed, [stored(1, "OLD")], former=events).renamed] == [1]
    contradicted = day_of(listed, [stored(1, "OLD", "F1")], MONDAY, former=events)
    assert (contradicted.absent, [one.ticker for one in contradicted.new]) == ([1], ["NEW"])


def test_a_figi_that_comes_later_is_a_change_of_the_same_security() -> None:
    [changed] = day_of([Listing("XP", composite_figi="F1")], [stored(1, "XP")]).changed
    assert changed.changes == {"composite_figi": (None, "F1")}


def test_the_share_class_figi_decides_where_one_side_lacks_the_composite_one() -> None:
    known = [stored(1, "OLD", "F1", share_class_figi="S1")]
    [changed] = day_of([Listing("NEW", share_class_figi="S1")], known).changed
    assert changed.changes == {"ticker": ("OLD", "NEW")}


def test_details_that_come_a_day_after_the_listing_are_changes() -> None:
    [changed] = day_of([Listing("IPO", name="Ipo Inc", type="CS", exchange="XNAS")], [stored(1, "IPO")]).changed
    assert changed.changes == {"name": (None, "Ipo Inc"), "type": (None, "CS"), "exchange": (None, "XNAS")}


def test_meta_the_fund_ends_and_meta_the_company_is_what_was_called_fb() -> None:
    """An ETF until January 2022; from 2022-06-09 on the ticker of Facebook, whose row, history and id go on."""
    fund = stored(1, "META", "BBG00FUND", type="ETF", name="Roundhill Ball Metaverse ETF")
    facebook = stored(2, "FB", "BBG000MM2P62", type="CS", name="Meta Platforms, Inc.")
    january = [
        Listing("METV", type="ETF", name="Roundhill Ball Metaverse ETF", composite_figi="BBG00FUND"),
        Listing("FB", type="CS", name="Meta Platforms, Inc.", composite_figi="BBG000MM2P62"),
    ]
    [renamed] = day_of(january, [fund, facebook], date(2022, 1, 31)).changed
    assert (renamed.id, renamed.changes) == (1, {"ticker": ("META", "METV")})
    june = [january[0], replace(january[1], ticker="META")]
    [renamed] = day_of(june, [replace(fund, ticker="METV"), facebook], date(2022, 6, 9)).changed
    assert (renamed.id, renamed.changes) == (2, {"ticker": ("FB", "META")})


def test_a_ticker_without_any_identifier_whose_type_and_name_differ_is_another_company() -> None:
    known = [stored(1, "META", type="ETF", name="Roundhill Ball Metaverse ETF")]
    diff = day_of([Listing("META", type="CS", name="Meta Platforms, Inc.")], known, MONDAY)
    assert (diff.absent, diff.waiting, diff.new) == ([1], ["META"], [])


def test_preferreds_warrants_units_rights_and_test_tickers_are_securities_like_others() -> None:
    odd = ["BAC.PRK", "ACHR.WS", "XPDBU", "AACIR", "ZVZZT"]
    assert sorted(one.ticker for one in day_of([Listing(ticker) for ticker in odd], []).new) == sorted(odd)


def test_what_came_back_without_a_figi_needs_ticker_cik_name_and_type_to_agree() -> None:
    words: dict[str, Any] = {"name": "Back Inc", "type": "CS", "cik": "7"}
    known = [stored(1, "BACK", active=False, **words)]
    assert [id_ for id_, _ in day_of([Listing("BACK", **words)], known).relisted] == [1]
    assert [one.ticker for one in day_of([Listing("BACK", name="Back Inc", type="CS")], known).new] == ["BACK"]


def test_the_vendors_own_word_archives_at_once_unless_it_trades() -> None:
    known = [stored(1, "GONE"), stored(2, "HERE")]
    [archived] = day_of([Listing("HERE")], known, delisted={1: MONDAY}).archived
    assert archived == Archived(1, "GONE", MONDAY, Why.VENDOR_SAYS)
    assert not day_of([Listing("HERE")], known, delisted={1: MONDAY}, traded={1}).archived
    assert not day_of([Listing("HERE")], known, MONDAY, delisted={1: TUESDAY}).archived, "not yet"


def test_what_a_person_pinned_is_not_archived_and_what_a_person_archived_is_not_listed() -> None:
    pinned = stored(1, "PIN", kept=True, absent_since=MONDAY)
    shut = stored(2, "SHUT", "F2", active=False, shut=True)
    diff = day_of([Listing("HERE"), Listing("SHUT", composite_figi="F2")], [pinned, shut, stored(3, "HERE")])
    assert diff == Diff()
    assert not day_of([Listing("HERE")], [pinned, stored(3, "HERE")], minimum=1.0).held, "a person knows that it lacks"


def test_an_exchange_that_lacks_holds_everything_though_the_whole_is_covered() -> None:
    known = [stored(number, f"T{number}", exchange="XNYS") for number in range(400)]
    known += [stored(1000 + number, f"A{number}", exchange="XASE", absent_since=MONDAY) for number in range(15)]
    diff = day_of([Listing(f"T{number}") for number in range(400)], known, minimum=0.95)
    assert diff.coverage > 0.95
    assert [one.group for one in diff.thin] == ["exchange XASE"]
    assert (diff.archived, diff.absent) == ([], [])


def test_a_few_of_a_small_exchange_may_end_on_one_day() -> None:
    known = [stored(number, f"T{number}", exchange="XNYS") for number in range(400)]
    known += [stored(1000 + number, f"A{number}", exchange="XASE", absent_since=MONDAY) for number in range(4)]
    assert len(day_of([Listing(f"T{number}") for number in range(400)], known, minimum=0.95).archived) == 4


def test_a_flood_is_held_back_until_a_scan_of_another_session_agrees() -> None:
    known = [stored(number, f"T{number}") for number in range(100)]
    here = [Listing(one.ticker) for one in known]
    flood = [Listing(f"N{number:02}") for number in range(12)]
    first = day_of([*here, *flood], known, MONDAY)
    assert (first.new, first.held_back) == ([], flood)
    held = {one.ticker: (MONDAY, one) for one in first.held_back}
    assert day_of([*here, *flood], known, MONDAY, held_back=held).new == [], "the same session again is no second scan"
    second = day_of([*here, *flood[:11], Listing("LATE")], known, held_back=held)
    assert second.new == flood[:11]
    assert [one.ticker for one in second.held_back] == ["LATE"]
    assert len(day_of([*here, *flood], known, bootstrap=True).new) == 12
    assert len(day_of([*here, *flood[:10]], known).new) == 10


def test_issues_alike_in_all_words_are_told_apart_by_nothing() -> None:
    words: dict[str, Any] = {"name": "XYZ Preferred", "type": "PFD", "exchange": "XNYS", "cik": "5"}
    known = [stored(1, "XYZpA", **words), stored(2, "XYZpB", **words)]
    diff = day_of([Listing("XYZpB", **words), Listing("XYZpC", **words)], known, MONDAY)
    assert ([one.ticker for one in diff.new], diff.absent, diff.changed) == (["XYZpC"], [1], [])


def test_another_name_on_another_exchange_or_after_a_gap_is_another_company() -> None:
    old = stored(1, "X", "F-OLD", name="Old Steel", type="CS", exchange="XNYS")
    new = Listing("X", name="Brand New Gold", type="CS", exchange="XNAS")
    assert day_of([new], [old], MONDAY).waiting == ["X"]
    assert day_of([replace(new, exchange="XNYS")], [replace(old, absent_since=MONDAY)]).archived, "after a gap"
    [changed] = day_of([replace(new, exchange="XNYS")], [old]).changed
    assert changed.changes == {"name": ("Old Steel", "Brand New Gold")}


def test_a_figi_that_stands_on_another_ticker_renames_nobody_whose_own_is_still_listed() -> None:
    known = [stored(1, "ABD", "F1", cik="1", name="Abd Inc")]
    listed = [
        Listing("ABD", cik="1", name="Abd Inc"),
        Listing("ACCOw", composite_figi="F1", name="Abd Inc When Issued"),
    ]
    diff = day_of(listed, known)
    assert (diff.changed, diff.absent, [one.ticker for one in diff.new]) == ([], [], ["ACCOw"])


def test_figis_exchanged_by_a_fault_against_both_ciks_and_names_are_no_swap() -> None:
    known = [stored(1, "A", "F1", cik="1", name="One"), stored(2, "B", "F2", cik="2", name="Two")]
    listed = [
        Listing("A", composite_figi="F2", cik="1", name="One"),
        Listing("B", composite_figi="F1", cik="2", name="Two"),
    ]
    diff = day_of(listed, known, MONDAY)
    assert (diff.changed, diff.new) == ([], [])
    absent = [replace(one, absent_since=MONDAY) for one in known]
    righted = day_of([replace(listed[0], composite_figi="F1"), replace(listed[1], composite_figi="F2")], absent)
    assert (sorted(righted.back), righted.changed, righted.archived) == ([1, 2], [], [])


def test_when_issued_shares_that_become_regular_ones_leave_the_rename_to_the_old_row() -> None:
    both = [Listing("ABD", composite_figi="F1"), Listing("ACCOw", composite_figi="F1")]
    [new] = day_of(both, [stored(1, "ABD", "F1")]).new
    assert new == Listing("ACCOw"), "a FIGI that two have is not stored with the second"
    [renamed] = day_of(
        [Listing("ACCO", composite_figi="F1")], [stored(1, "ABD", "F1"), stored(2, "ACCOw")], MONDAY
    ).renamed
    assert (renamed.id, renamed.listing.ticker) == (1, "ACCO")


def test_what_traded_since_is_absent_anew_from_the_day_that_saw_it() -> None:
    known = [stored(1, "GONE", absent_since=MONDAY), stored(2, "HERE")]
    assert day_of([Listing("HERE")], known, traded={1}).absent == [1]


def test_nothing_is_archived_for_absence_before_a_load_has_looked_whether_it_trades() -> None:
    known = [stored(1, "GONE", absent_since=MONDAY), stored(2, "HERE")]
    assert not day_of([Listing("HERE")], known, unseen={1}).archived


def test_a_flood_of_relisted_ones_is_held_back_too() -> None:
    known = [stored(number, f"T{number}") for number in range(100)]
    known += [stored(200 + number, f"R{number}", f"FR{number}", active=False) for number in range(12)]
    back = [Listing(f"R{number}", composite_figi=f"FR{number}") for number in range(12)]
    first = day_of([*(Listing(one.ticker) for one in known[:100]), *back], known, MONDAY)
    assert (first.relisted, len(first.held_back)) == ([], 12)
    held = {one.ticker: (MONDAY, one) for one in first.held_back}
    second = day_of([*(Listing(one.ticker) for one in known[:100]), *back], known, held_back=held)
    assert len(second.relisted) == 12


tickers = st.sampled_from(["A", "AB", "B", "C", "CA"])
figis = st.sampled_from([None, "F1", "F2", "F3", "F4"])
ciks = st.sampled_from([None, "1", "2"])
names = st.sampled_from([None, "One Inc", "Two Inc"])
rows = st.builds(Listing, tickers, names, st.sampled_from([None, "CS", "ETF"]), st.just("XNYS"), figis, st.none(), ciks)
listings = st.lists(rows, max_size=6)


def applied(known: list[Stored], diff: Diff, session: date) -> list[Stored]:
    """What is stored after a scan, as the service does it."""
    by_id = {one.id: one for one in known}
    for gone in diff.archived:
        by_id[gone.id] = replace(by_id[gone.id], active=False)
    for one in diff.changed:
        by_id[one.id] = replace(by_id[one.id], **{name: new for name, (_, new) in one.changes.items()})
    for id_ in diff.absent:
        by_id[id_] = replace(by_id[id_], absent_since=session)
    for id_ in diff.back:
        by_id[id_] = replace(by_id[id_], absent_since=None)
    fields = ("ticker", "name", "type", "exchange", "composite_figi", "share_class_figi", "cik")
    for id_, row in diff.relisted:
        by_id[id_] = replace(
            by_id[id_], active=True, absent_since=None, **{name: getattr(row, name) for name in fields}
        )
    for row in diff.new:
        by_id[len(by_id)] = Stored(len(by_id), active=True, **{name: getattr(row, name) for name in fields})
    return list(by_id.values())


def after(listed: list[Listing], known: list[Stored], days: int) -> list[Stored]:
    """What is stored after scans of the same listing on so many sessions."""
    for number in range(days):
        session = date(2024, 2, 1 + number)
        known = applied(known, day_of(listed, known, session), session)
    return known


def held_by(known: list[Stored]) -> list[str]:
    return sorted(one.ticker for one in known if one.active)


@given(listings, listings, st.randoms())
def test_neither_the_order_of_the_listing_nor_that_of_what_is_stored_matters(
    before: list[Listing], listed: list[Listing], chance: Random
) -> None:
    known = after(before, [], 1)
    shuffled, rearranged = list(listed), list(known)
    chance.shuffle(shuffled)
    chance.shuffle(rearranged)
    one, other = day_of(listed, known), day_of(shuffled, rearranged)
    assert sorted(map(repr, one.changed)) == sorted(map(repr, other.changed))
    assert sorted(map(repr, one.new)) == sorted(map(repr, other.new))
    assert (sorted(one.absent), sorted(one.back), one.relisted) == (
        sorted(other.absent),
        sorted(other.back),
        other.relisted,
    )


@given(listings, listings)
def test_what_is_applied_gives_the_vendors_state(before: list[Listing], listed: list[Listing]) -> None:
    """In a few sessions: absence counts twice, and who waits for a ticker waits for its holder's end."""
    known = after(listed, after(before, [], 1), 8)
    assert held_by(known) == sorted({one.ticker for one in listed})
    assert len(set(held_by(known))) == len(held_by(known)), "a ticker has one holder"


@given(listings, listings)
def test_a_second_look_at_what_was_applied_finds_nothing(before: list[Listing], listed: list[Listing]) -> None:
    known = after(listed, after(before, [], 1), 8)
    again = day_of(listed, known, date(2024, 3, 1))
    assert (again.new, again.changed, again.absent, again.archived, again.relisted, again.back) == (
        [],
        [],
        [],
        [],
        [],
        [],
    )


@given(listings, listings)
def test_a_rename_keeps_the_row_and_nobody_is_merged(before: list[Listing], listed: list[Listing]) -> None:
    known = after(before, [], 1)
    diff = day_of(listed, known)
    ids = [one.id for one in diff.changed] + [id_ for id_, _ in diff.relisted]
    assert len(ids) == len(set(ids))
    by_id = {one.id: one for one in known}
    for one in diff.renamed:
        old = by_id[one.id]
        assert (
            not (old.composite_figi and one.listing.composite_figi) or old.composite_figi == one.listing.composite_figi
        )
