"""A span of days is cut by the tickers that a security had."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tickstock_automation.bars.tenure import Tenure, held_between

D = [date(2024, 1, 1) + timedelta(days=number) for number in range(12)]


def test_who_was_never_renamed_had_its_ticker_all_along() -> None:
    assert held_between([Tenure("A", date.min, date.max)], D[0], D[5]) == ([Tenure("A", D[0], D[5])], [])


def test_between_two_tickers_it_may_have_had_none() -> None:
    own = [Tenure("A", date.min, D[1]), Tenure("B", D[5], date.max)]
    assert held_between(own, D[0], D[6]) == ([Tenure("A", D[0], D[1]), Tenure("B", D[5], D[6])], [(D[2], D[4])])


@given(st.lists(st.integers(0, 11), unique=True, max_size=8).map(sorted))
def test_every_day_is_in_one_part_or_in_none_of_the_tickers(edges: list[int]) -> None:
    own = [
        Tenure(f"T{at}", D[first], D[last])
        for at, (first, last) in enumerate(zip(edges[::2], edges[1::2], strict=False))
    ]
    parts, nobodys = held_between(own, D[0], D[-1])
    for day in D:
        ticker = next((one.ticker for one in own if one.first <= day <= one.last), None)
        assert [one.ticker for one in parts if one.first <= day <= one.last] == ([ticker] if ticker else [])
        assert any(first <= day <= last for first, last in nobodys) == (ticker is None)
