"""The planner asks for all that is wanted, with the fewest calls there can be."""

from datetime import date, timedelta
from itertools import combinations
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tickstock_automation.bars.planner import Call, GroupedCall, RangeCall, Wanted, _forced, _run, plan

DAY = date(2024, 1, 2)
SESSIONS = [DAY + timedelta(days=number) for number in range(6)]
YEARS = [DAY + timedelta(days=number) for number in range(1250)]
Pairs = set[tuple[str, date]]
pairs_strategy = st.sets(st.tuples(st.sampled_from("ABCDEF"), st.sampled_from(SESSIONS)), max_size=16)
wants_strategy = st.lists(
    st.builds(
        lambda ticker, first, last, priority: Wanted(ticker, SESSIONS[min(first, last)], SESSIONS[max(first, last)], priority),
        st.sampled_from("ABCDEFGHIJ"), st.integers(0, 5), st.integers(0, 5), st.integers(0, 2),
    ),
    max_size=14,
)  # fmt: skip


def single(pairs: Pairs) -> list[Wanted]:
    return [Wanted(ticker, session, session) for ticker, session in pairs]


def pairs_of(wants: list[Wanted], sessions: list[date]) -> Pairs:
    return {(one.ticker, day) for one in wants for day in sessions if one.first <= day <= one.last}


def covers(call: Call, ticker: str, session: date) -> bool:
    if isinstance(call, GroupedCall):
        return call.session == session
    return call.ticker == ticker and call.first <= session <= call.last


def fewest_by_trying(pairs: Pairs) -> int:
    nodes = [("ticker", ticker) for ticker in {pair[0] for pair in pairs}]
    nodes += [("session", session) for session in {pair[1] for pair in pairs}]  # type: ignore[misc]
    for size in range(len(nodes) + 1):
        for chosen in combinations(nodes, size):
            picked = set(chosen)
            if all(("ticker", ticker) in picked or ("session", session) in picked for ticker, session in pairs):
                return size
    raise AssertionError("all nodes cover all pairs")


@given(wants_strategy)
def test_every_wanted_pair_is_asked_for(wants: list[Wanted]) -> None:
    calls = plan(wants, SESSIONS)
    assert all(any(covers(call, *pair) for call in calls) for pair in pairs_of(wants, SESSIONS))


@given(pairs_strategy)
def test_no_cheaper_plan_exists(pairs: Pairs) -> None:
    assert len(plan(single(pairs), SESSIONS)) == fewest_by_trying(pairs)


@given(wants_strategy)
def test_no_cheaper_plan_exists_for_spans_that_overlap_and_sessions_that_are_forced(wants: list[Wanted]) -> None:
    assert len(plan(wants, SESSIONS)) == fewest_by_trying(pairs_of(wants, SESSIONS))


@given(wants_strategy)
def test_a_call_has_the_highest_priority_of_what_it_alone_brings_and_higher_ones_go_first(wants: list[Wanted]) -> None:
    calls = plan(wants, SESSIONS)
    assert [call.priority for call in calls] == sorted((call.priority for call in calls), reverse=True)
    grouped = {call.session for call in calls if isinstance(call, GroupedCall)}
    for call in calls:
        if isinstance(call, GroupedCall):
            brings = [one.priority for one in wants if one.first <= call.session <= one.last]
        else:
            brings = [
                one.priority for one in wants if one.ticker == call.ticker
                and any(one.first <= day <= one.last for day in SESSIONS if day not in grouped)
            ]  # fmt: skip
        assert call.priority == max(brings)


def test_a_market_of_sessions_is_one_call_a_session_newest_first() -> None:
    sessions = YEARS[:63]
    calls = plan([Wanted(f"T{number}", sessions[0], sessions[-1]) for number in range(4000)], sessions)
    assert calls == [GroupedCall(session) for session in reversed(sessions)]


def test_few_symbols_over_years_are_one_call_each() -> None:
    calls = plan([Wanted(name, YEARS[0], YEARS[-1]) for name in "XYZ"], YEARS)
    assert calls == [RangeCall(name, YEARS[0], YEARS[-1]) for name in "XYZ"]


def test_both_together_are_the_sum() -> None:
    wants = [Wanted(f"T{number}", YEARS[-63], YEARS[-1]) for number in range(4000)]
    assert len(plan([*wants, *(Wanted(name, YEARS[0], YEARS[-1]) for name in "XYZ")], YEARS)) == 66


def test_a_ticker_that_two_securities_had_one_after_the_other_is_one_call() -> None:
    wants = [Wanted("META", YEARS[0], YEARS[100]), Wanted("META", YEARS[200], YEARS[300])]
    assert plan(wants, YEARS) == [RangeCall("META", YEARS[0], YEARS[300])]


def test_nothing_wanted_costs_nothing() -> None:
    assert plan([], SESSIONS) == []
    assert plan([Wanted("A", DAY - timedelta(days=9), DAY - timedelta(days=8))], SESSIONS) == []


def test_a_market_with_gaps_over_years_is_planned_without_its_pairs_one_by_one() -> None:
    """Ten thousand symbols listed on days of their own, and five years of sessions: 9 million pairs."""
    random = Random(7)
    wants = [Wanted(f"T{number}", random.choice(YEARS[:900]), YEARS[-1]) for number in range(10_000)]
    first = min(one.first for one in wants)
    forced, left = _forced([_run(one, YEARS) for one in wants], len(YEARS))
    assert sum(map(len, left.values())) < 1_000_000, "what is left for the matching"
    assert len(forced) > 1000
    assert len(plan(wants, YEARS)) == len([day for day in YEARS if day >= first])
