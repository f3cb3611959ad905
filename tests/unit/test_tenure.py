"""A bar belongs to who had its ticker on its day."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tickstock_automation.bars.tenure import Alias, Tenure, held_between, held_on, tenures

D = [date(2024, 1, 1) + timedelta(days=number) for number in range(12)]
day_or_none = st.none() | st.sampled_from(D)


def test_a_security_never_renamed_had_its_ticker_always() -> None:
    assert tenures([Alias(1, "A", None, None)]) == {1: [Tenure("A", date.min, date.max)]}


def test_a_rename_ends_the_old_ticker_the_day_before() -> None:
    own = tenures([Alias(1, "OLD", None, D[5]), Alias(1, "NEW", D[5], None)])[1]
    assert [held_on(own, day) for day in (D[4], D[5])] == ["OLD", "NEW"]


def test_before_its_first_known_ticker_a_security_had_that_one_but_not_while_another_is_known_to_have_had_it() -> None:
    found = tenures([Alias(1, "M", None, D[3]), Alias(2, "M", D[6], None)])
    assert [held_on(found[1], day) for day in (D[0], D[2], D[3])] == ["M", "M", None]
    assert [held_on(found[2], day) for day in (D[2], D[3], D[6])] == [None, "M", "M"]
    assert held_between(found[2], D[0], D[8]) == ([Tenure("M", D[3], D[5]), Tenure("M", D[6], D[8])], [(D[0], D[2])])


def test_between_two_tickers_it_may_have_had_none() -> None:
    own = tenures([Alias(1, "A", None, D[2]), Alias(1, "B", D[5], None)])[1]
    assert held_between(own, D[0], D[6]) == ([Tenure("A", D[0], D[1]), Tenure("B", D[5], D[6])], [(D[2], D[4])])


@given(
    st.lists(
        st.builds(Alias, st.integers(1, 3), st.sampled_from("AB"), day_or_none, day_or_none), min_size=1, max_size=4
    )
)
def test_the_cut_of_a_span_and_the_days_one_by_one_say_the_same(aliases: list[Alias]) -> None:
    for own in tenures(aliases).values():
        if any(a.last >= b.first for a, b in pairwise(own)):
            continue  # a security with two tickers at once: no table of ours holds that
        parts, nobodys = held_between(own, D[0], D[-1])
        for day in D:
            assert held_on(own, day) == next((one.ticker for one in parts if one.first <= day <= one.last), None)
            assert (held_on(own, day) is None) == any(first <= day <= last for first, last in nobodys)
