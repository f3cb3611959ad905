"""The planner asks for all that is wanted, with the fewest calls there can be."""

from datetime import date, timedelta
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from tickstock_automation.bars.planner import Call, GroupedCall, RangeCall, plan

DAY = date(2024, 1, 2)
pairs_strategy = st.sets(
    st.tuples(st.integers(1, 6), st.integers(0, 5).map(lambda days: DAY + timedelta(days=days))), max_size=16
)


def covers(call: Call, symbol_id: int, session: date) -> bool:
    if isinstance(call, GroupedCall):
        return call.session == session
    return call.symbol_id == symbol_id and call.first <= session <= call.last


def fewest_by_trying(pairs: set[tuple[int, date]]) -> int:
    nodes = [("symbol", symbol) for symbol in {pair[0] for pair in pairs}]
    nodes += [("session", session) for session in {pair[1] for pair in pairs}]
    for size in range(len(nodes) + 1):
        for chosen in combinations(nodes, size):
            picked = set(chosen)
            if all(("symbol", symbol) in picked or ("session", session) in picked for symbol, session in pairs):
                return size
    raise AssertionError("all nodes cover all pairs")


@given(pairs_strategy)
def test_every_wanted_pair_is_asked_for(pairs: set[tuple[int, date]]) -> None:
    calls = plan(pairs)
    assert all(any(covers(call, *pair) for call in calls) for pair in pairs)


@given(pairs_strategy)
def test_no_cheaper_plan_exists(pairs: set[tuple[int, date]]) -> None:
    assert len(plan(pairs)) == fewest_by_trying(pairs)


def test_a_market_of_sessions_is_one_call_a_session_newest_first() -> None:
    sessions = [DAY + timedelta(days=number) for number in range(63)]
    calls = plan((symbol, session) for symbol in range(4000) for session in sessions)
    assert calls == [GroupedCall(session) for session in reversed(sessions)]


def test_few_symbols_over_years_are_one_call_each() -> None:
    sessions = [DAY + timedelta(days=number) for number in range(1250)]
    calls = plan((symbol, session) for symbol in (7, 8, 9) for session in sessions)
    assert calls == [RangeCall(symbol, sessions[0], sessions[-1]) for symbol in (7, 8, 9)]


def test_both_together_are_the_sum() -> None:
    sessions = [DAY + timedelta(days=number) for number in range(1250)]
    pairs = {(symbol, session) for symbol in range(4000) for session in sessions[-63:]}
    pairs |= {(symbol, session) for symbol in (1, 2, 3) for session in sessions}
    assert len(plan(pairs)) == 66


def test_nothing_wanted_costs_nothing() -> None:
    assert plan([]) == []
