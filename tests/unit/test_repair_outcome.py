"""What a decided repair makes of a symbol's day: values and bars, no database."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from tickstock_automation.bars.repair.answers import bar_of, splits_near, standing
from tickstock_automation.bars.repair.life import Action, State
from tickstock_automation.bars.repair.outcome import NOTHING, Day, Decided, outcome
from tickstock_automation.vendor.client import Details, Listing, Split, TickerChange

DAY = date(2024, 2, 14)
AT = "2024-02-15T08:00:00+00:00"
BAR: Day = {
    "symbol_id": 7, "date": DAY.isoformat(), "open": 9.9, "high": 10.2, "low": 9.7, "close": 10.0, "volume": 1000.0,
    "vwap": 10.01, "trade_count": 5, "source": "polygon", "load_id": 3, "loaded_at": "2024-02-14T22:00:00+00:00", "flag": None,
    "suspect": False,
}  # fmt: skip
WRONG = BAR | {"open": 0.0, "flag": "zero_price"}


def decided(action: Action, state: State = State.ACCEPTED, **about: Any) -> Decided:
    return Decided(1, 7, DAY.isoformat(), action, state, "a reason", **about)


def test_an_accepted_answer_replaces_the_bar_with_the_moment_it_was_stored() -> None:
    change = outcome(decided(Action.REFETCH, old=WRONG, new=BAR), WRONG, at=AT, load_id=9)
    assert (change.state, change.old, change.new) == (State.APPLIED, WRONG, BAR | {"loaded_at": AT})


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REFUSED])
def test_an_answer_about_a_bar_that_is_another_by_now_changes_nothing(state: State) -> None:
    change = outcome(decided(Action.REFETCH, state, old=WRONG, new=BAR, mark=True), BAR, at=AT, load_id=9)
    assert (change.state, change.writes) == (State.SUPERSEDED, False)


def test_a_refused_answer_marks_the_bar_only_where_it_is_wrong() -> None:
    marked = outcome(decided(Action.REFETCH, State.REFUSED, old=WRONG, new=BAR, mark=True), WRONG, at=AT, load_id=9)
    assert (marked.state, marked.new) == (State.MARKED, WRONG | {"suspect": True})
    kept = outcome(decided(Action.REFETCH, State.REFUSED, old=WRONG, new=BAR), WRONG, at=AT, load_id=9)
    assert (kept.state, kept.writes) == (State.KEPT, False)
    nothing = outcome(decided(Action.REFETCH, State.REFUSED, old=NOTHING, mark=True), NOTHING, at=AT, load_id=9)
    assert (nothing.state, nothing.writes) == (State.KEPT, False)


def test_a_persons_values_stand_beside_those_that_stay_and_take_flag_and_mark_away() -> None:
    change = outcome(decided(Action.FIX, new={"open": 9.8}), WRONG | {"suspect": True}, at=AT, load_id=9)
    assert change.state is State.APPLIED
    assert change.new == BAR | {"open": 9.8, "source": "by hand", "load_id": 9, "loaded_at": AT}


def test_a_bar_out_of_nothing_needs_all_its_values() -> None:
    lacking = outcome(decided(Action.FIX, new={"open": 9.8, "close": 10.0}), NOTHING, at=AT, load_id=9)
    assert (lacking.state, lacking.error) == (State.FAILED, "there is no bar: give high, low, volume too")
    values = {name: BAR[name] for name in ("open", "high", "low", "close", "volume")}
    made = outcome(decided(Action.FIX, new=values), NOTHING, at=AT, load_id=9)
    assert (made.state, set(made.new)) == (State.APPLIED, set(BAR))


def test_a_deleted_bar_is_known_to_be_empty() -> None:
    change = outcome(decided(Action.DELETE), BAR, at=AT, load_id=9)
    assert change.new["absent"]["known_empty"]["reason"] == "deleted by hand: a reason"
    assert outcome(decided(Action.DELETE), NOTHING, at=AT, load_id=9).state is State.FAILED


@pytest.mark.parametrize("before", [BAR, WRONG, NOTHING])
def test_an_undo_is_the_day_before(before: Day) -> None:
    after = BAR | {"close": 11.0}
    one = decided(Action.UNDO, undoes=Action.FIX, undoes_old=before, undoes_new=after)
    assert outcome(one, after, at=AT, load_id=9).new == before
    since = outcome(one, BAR | {"close": 12.0}, at=AT, load_id=9)
    assert (since.state, since.writes) == (State.FAILED, False)


def test_an_undone_reload_is_not_asked_for_again() -> None:
    one = decided(Action.UNDO, undoes=Action.RELOAD, undoes_old=NOTHING, undoes_new=BAR)
    change = outcome(one, BAR, at=AT, load_id=9)
    assert change.new["absent"]["known_empty"]["reason"] == "reload undone by hand: a reason"


def test_a_mark_by_hand_changes_nothing_else() -> None:
    assert outcome(decided(Action.MARK, new={"suspect": True}), BAR, at=AT, load_id=9).new == BAR | {"suspect": True}


def test_the_answers_bar_is_one_as_it_would_be_stored() -> None:
    names = ("symbol_id", "date", "open", "high", "low", "close", "volume", "vwap", "trade_count", "flag")
    bars = pl.DataFrame([{name: BAR[name] for name in names} | {"date": DAY}])
    found = bar_of(bars, 7, DAY, source="polygon", load_id=3)
    assert found == {name: value for name, value in BAR.items() if name != "loaded_at"}
    assert bar_of(bars, 8, DAY, source="polygon", load_id=3) is None


def test_splits_and_names_count_near_the_day_alone() -> None:
    splits = [Split("A", DAY, 1, 4), Split("A", date(2023, 1, 3), 1, 2), Split("B", DAY, 1, 3)]
    assert splits_near(splits, "A", DAY) == [{"ex_date": "2024-02-14", "split_from": 1, "split_to": 4}]
    old, new = TickerChange("Z", date(2020, 1, 2)), TickerChange("B", date(2024, 2, 12))
    said = standing(Details(Listing("A"), active=True), [old, new], "A", DAY)
    assert said == {"active": True, "delisted": None, "now_called": "B", "renamed": "2024-02-12"}
