"""What a vendor's list of splits changes: pure."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tickstock_automation.bars.action_diff import EDGE, FEW, Action, Known, compare

FIRST, LAST = date(2024, 1, 2), date(2024, 6, 28)
DAY = date(2024, 3, 15)


def split(symbol: int, day: date = DAY, to: float = 2.0, from_: float = 1.0) -> Action:
    return Action(symbol, day, from_, to)


def stored(*actions: Action, absent_since: date | None = None) -> list[Known]:
    return [Known(at, one, absent_since) for at, one in enumerate(actions, 1)]


def test_the_first_list_is_added_and_the_same_again_changes_nothing() -> None:
    listed = [split(1), split(2, to=3)]
    assert compare([], listed, FIRST, LAST).added == tuple(listed)
    again = compare(stored(*listed), listed, FIRST, LAST)
    assert (again.added, again.withdrawn, again.doubted) == ((), (), ())


def test_a_split_listed_twice_is_one_also_when_it_is_written_in_other_shares() -> None:
    assert compare([], [split(1), split(1), split(1, from_=2, to=4)], FIRST, LAST).added == (split(1, from_=2, to=4),)
    assert compare(stored(split(1)), [split(1, from_=2, to=4)], FIRST, LAST).added == ()
    twice = compare(stored(split(1), split(1, from_=2, to=4)), [split(1)], FIRST, LAST)
    assert [one.id for one in twice.withdrawn] == [2]


def test_a_split_there_and_back_on_one_day_is_two() -> None:
    """Companies pay out small holders so: 1 for 500, and 500 for 1 on the same day."""
    both = [split(1, from_=500, to=1), split(1, to=500)]
    assert compare([], both, FIRST, LAST).added == tuple(both)


def test_a_corrected_day_withdraws_the_wrong_one() -> None:
    change = compare(stored(split(1)), [split(1, DAY + timedelta(days=1))], FIRST, LAST)
    assert [one.action for one in change.withdrawn] == [split(1)]
    assert change.added == (split(1, DAY + timedelta(days=1)),)


def test_a_list_that_lacks_many_withdraws_none_and_adds_none_of_them_a_second_time() -> None:
    known = stored(*(split(symbol) for symbol in range(FEW + 1)))
    early = [split(symbol, DAY - timedelta(days=1)) for symbol in range(FEW + 1)]
    change = compare(known, [*early, split(99)], FIRST, LAST)
    assert (change.added, change.withdrawn, change.doubted) == ((split(99),), (), tuple(known))


def test_many_are_believed_gone_when_a_later_session_agrees_but_never_on_an_empty_list() -> None:
    known = stored(*(split(symbol) for symbol in range(40)), absent_since=LAST - timedelta(days=1))
    later = [split(symbol, DAY + timedelta(days=1)) for symbol in range(40)]
    agreed = compare(known, later, FIRST, LAST)
    assert (agreed.withdrawn, agreed.added) == (tuple(known), tuple(later))
    same_session = compare([replace(one, absent_since=LAST) for one in known], later, FIRST, LAST)
    assert (same_session.withdrawn, same_session.added) == ((), ())
    assert compare(known, [], FIRST, LAST).doubted == tuple(known)


def test_what_is_dated_out_of_the_interval_stays() -> None:
    """Its new day is not asked for, and tomorrow's interval does not hold its right one."""
    just_begun = split(1, FIRST)
    assert compare(stored(just_begun), [], FIRST, LAST).withdrawn == ()
    moved = compare(stored(just_begun), [split(1, FIRST + timedelta(days=1))], FIRST, LAST)
    assert (moved.added, moved.withdrawn) == ((), ()), "twice would count twice"
    assert compare(stored(split(1, FIRST + EDGE)), [], FIRST, LAST).withdrawn != ()


actions = st.builds(
    split,
    st.integers(1, 12),
    st.dates(FIRST, LAST),
    st.sampled_from([2.0, 3.0, 1.5, 7.0]),
    st.sampled_from([1.0, 2.0, 10.0]),
)


@given(st.lists(actions, max_size=40), st.lists(actions, max_size=40), st.none() | st.dates(FIRST, LAST))
def test_afterwards_each_action_stands_once_and_all_of_them_were_listed_or_kept(
    before: list[Action], listed: list[Action], absent: date | None
) -> None:
    known = stored(*{one.key: one for one in before}.values(), absent_since=absent)
    change = compare(known, listed, FIRST, LAST)
    gone = {one.id for one in change.withdrawn}
    after = [one.action for one in known if one.id not in gone] + list(change.added)
    assert len({one.key for one in after}) == len(after)
    assert {one.key for one in after} <= {one.key for one in [*listed, *before]}
    lacking = {one.action.key for one in known} - {one.key for one in listed}
    assert {one.action.key for one in change.withdrawn} <= lacking
    if not (change.doubted or any(one.action.ex_date < FIRST + EDGE for one in known)):
        assert {one.key for one in after} == {one.key for one in listed}
