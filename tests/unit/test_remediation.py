"""What is done about a finding, whether an answer is better, how an alert ends: decisions, no database."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_automation.bars.repair.life import Action, State
from tickstock_automation.bars.repair.outcome import NOTHING, Day
from tickstock_automation.errors import UsedWrongly
from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.by_hand import Wish, check_wish
from tickstock_automation.quality.findings import SEVERITIES, Finding
from tickstock_automation.quality.remediation import (
    Answer,
    Beside,
    Decision,
    Ended,
    OpenAlert,
    action_for,
    asks_for,
    beside,
    decide,
    ending,
    in_words,
    within_limit,
)

DAY = date(2024, 2, 14)
GOOD: Day = {"open": 9.9, "high": 10.2, "low": 9.7, "close": 10.0, "volume": 1000.0, "suspect": False}
WRONG = GOOD | {"open": 0.0}


def finding(
    check: str = "ohlc_inconsistent", symbol_id: Any = 7, day: date = DAY, verdict: Any = "data_error"
) -> Finding:
    return Finding(symbol_id, "A", day, check, Channel.PRICE_ANOMALY, "high", verdict, None, None, None, "refetch")


def answer(**about: Any) -> Answer:
    return Answer(**{"repair_id": 1, "symbol_id": 7, "session": DAY, "check": "ohlc_inconsistent", "verdict": "data_error",
                     "old": WRONG, "new": GOOD, **about})  # fmt: skip


def alert(id_: int = 1, severity: str = "high", day: date = DAY, **about: Any) -> OpenAlert:
    return OpenAlert(**{"id": id_, "check": "c", "severity": severity, "remediation": "refetch", "session": day,
                        "symbol_ids": (7,), "words": "w", **about})  # fmt: skip


def ended(action: Action, state: State, **about: Any) -> Ended:
    return Ended(**{"id": 1, "alert_id": 1, "action": action, "state": state, "author": "remediation", "reason": "r",
                    "old": WRONG, "new": GOOD, "error": "why", **about})  # fmt: skip


def test_an_answer_that_passes_the_failed_check_and_brings_no_other_error_is_accepted() -> None:
    assert decide(answer(), [finding()], []) == Decision(State.ACCEPTED, mark=False, words=None)
    harmless = [finding("price_move", verdict="undetermined"), finding("zero_volume", symbol_id=8)]
    assert decide(answer(), [finding()], harmless).state is State.ACCEPTED


@pytest.mark.parametrize(
    ("said", "after", "why"),
    [
        (answer(new=None), [], "the other endpoint has no bar of that day"),
        (answer(new=None, error="the answer is not JSON"), [], "the answer is not JSON"),
        (answer(new=WRONG), [finding()], "the vendor says the same from both endpoints"),
        (answer(), [finding()], "the other endpoint's bar fails ohlc_inconsistent too"),
        (answer(), [finding("zero_volume")], "the other endpoint's bar would bring zero_volume of 2024-02-14"),
        (answer(), [finding("copied_bar", day=DAY + timedelta(days=1))], "the other endpoint's bar would bring copied_bar of 2024-02-15"),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_better_is_refused_and_a_proven_error_is_marked(
    said: Answer, after: list[Finding], why: str
) -> None:
    assert decide(said, [finding()], after) == Decision(State.REFUSED, mark=True, words=why)


def test_only_a_proven_error_is_marked() -> None:
    assert decide(answer(new=WRONG, verdict="undetermined"), [finding()], [finding()]).mark is False


def test_a_finding_that_is_not_seen_again_repairs_nothing() -> None:
    gone = decide(answer(), [], [])
    assert (gone.state, gone.mark) == (State.REFUSED, False)
    corrected = decide(answer(changed=True), [], [])
    assert (corrected.state, corrected.mark) == (State.SUPERSEDED, False)


def test_of_a_finding_about_many_symbols_each_bar_is_judged_by_itself() -> None:
    said = answer(market_wide=True)
    assert decide(said, [finding()], []).state is State.ACCEPTED
    assert decide(said, [finding()], [finding(symbol_id=8)]).state is State.ACCEPTED
    assert decide(said, [finding()], [finding()]).state is State.REFUSED
    same = decide(answer(market_wide=True, new=WRONG), [finding()], [finding()])
    assert (same.mark, same.words) == (True, "the vendor says the same again")


def test_of_a_check_on_the_market_as_a_whole_no_single_bar_is_proven_wrong() -> None:
    said = {"check": "copied_closes", "market_wide": True, "by_bar": False}
    assert decide(answer(**said), [], []).state is State.ACCEPTED
    assert decide(answer(**said), [], [finding()]).state is State.REFUSED, "another error would come with it"
    assert decide(answer(**said, new=WRONG), [], []) == Decision(
        State.REFUSED, mark=False, words="the vendor says the same again"
    )


@pytest.mark.parametrize(
    ("check", "remediation", "action"),
    [
        ("missing_session", "reload", Action.RELOAD), ("price_outlier", "refetch", Action.REFETCH),
        ("split_unadjusted", "look_up_split", Action.LOOK_UP_SPLIT), ("stale_data", "review", Action.CHECK_LISTING),
        ("stale_data", "reload", Action.CHECK_LISTING), ("stale_data", "none", None), ("price_move", "review", None),
        ("copied_bar", "refetch", Action.REFETCH), ("market_rows", "reload", Action.RELOAD),
        ("price_move", "none", None),
    ],
)  # fmt: skip
def test_what_is_done_by_itself(check: str, remediation: str, action: Action | None) -> None:
    assert action_for(check, remediation) == action


def test_the_endpoint_that_is_asked_is_not_the_one_that_brought_the_bar() -> None:
    asked = {by: asks_for(alert(), {7: by})[0].endpoint for by in ("grouped", "range", "by_hand", None)}
    assert asked == {"grouped": "range", "range": "grouped", "by_hand": "range", None: "range"}
    wide = asks_for(alert(symbol_ids=(1, 2, 3), market_wide=True), {1: "grouped", 2: "range"})
    assert [one.endpoint for one in wide] == ["grouped"] * 3
    assert asks_for(alert(check="missing_session", remediation="reload"), {})[0].endpoint is None
    assert asks_for(alert(remediation="review"), {}) == []


@given(
    st.lists(st.tuples(st.sampled_from(SEVERITIES), st.integers(0, 30)), max_size=30), st.integers(-3, 40)
)  # fmt: skip
def test_the_limit_takes_the_most_severe_and_counts_the_rest(found: list[tuple[str, int]], left: int) -> None:
    alerts = [alert(at, severity, DAY - timedelta(days=back)) for at, (severity, back) in enumerate(found)]
    taken, waiting = within_limit(alerts, left)
    assert len(taken) == min(len(alerts), max(0, left))
    assert len(taken) + waiting == len(alerts)
    others = [one for one in alerts if one not in taken]
    weights = [SEVERITIES.index(one.severity) for one in taken]  # type: ignore[arg-type]
    assert all(SEVERITIES.index(one.severity) <= min(weights, default=9) for one in others)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "verdict", "state"),
    [
        (ended(Action.REFETCH, State.APPLIED), "data_error", "resolved"),
        (ended(Action.REFETCH, State.MARKED, new=WRONG), "data_error", "given_up"),
        (ended(Action.REFETCH, State.KEPT, new=WRONG), "undetermined", "confirmed"),
        (ended(Action.REFETCH, State.KEPT), "undetermined", "given_up"),
        (ended(Action.RELOAD, State.APPLIED), "data_error", "resolved"),
        (ended(Action.RELOAD, State.DONE, new=None), "data_error", "resolved"),
        (ended(Action.RELOAD, State.FAILED, new=None), "data_error", "given_up"),
        (ended(Action.LOOK_UP_SPLIT, State.DONE, new={"splits": []}), "undetermined", "given_up"),
        (ended(Action.CHECK_LISTING, State.DONE, new={"delisted": "2024-02-01"}), "undetermined", "confirmed"),
        (ended(Action.CHECK_LISTING, State.DONE, new={"active": True}), "undetermined", "given_up"),
        (ended(Action.FIX, State.APPLIED, author="ann"), "data_error", "resolved"),
        (ended(Action.FIX, State.FAILED, author="ann"), "data_error", "given_up"),
        (ended(Action.UNDO, State.APPLIED, undoes=Action.REFETCH), "data_error", "given_up"),
        (ended(Action.UNDO, State.APPLIED, undoes=Action.REFETCH, undid=State.MARKED), "data_error", "confirmed"),
        (ended(Action.UNDO, State.APPLIED, undoes=Action.FIX), "data_error", "confirmed"),
    ],
)  # fmt: skip
def test_how_an_alert_ends(one: Ended, verdict: str, state: str) -> None:
    end = ending([one], verdict, found=False)
    assert end is not None
    assert end.state == state
    assert end.words


def test_how_an_alert_ends_that_hangs_on_what_is_stored_now() -> None:
    splits = ended(Action.LOOK_UP_SPLIT, State.DONE, new={"splits": [{"split_from": 1, "split_to": 4, "ex_date": "d"}]})
    superseded = ended(Action.REFETCH, State.SUPERSEDED)
    states = {}
    for name, one in (("split", splits), ("superseded", superseded)):
        for found in (True, False):
            end = ending([one], "data_error", found=found)
            assert end is not None
            states[name, found] = end.state
    assert states == {("split", True): "given_up", ("split", False): "resolved", ("superseded", True): "open",
                      ("superseded", False): "resolved"}  # fmt: skip
    assert ending([ended(Action.UNDO, State.FAILED)], "data_error", found=False) is None


def test_of_a_finding_about_the_market_the_bars_are_counted() -> None:
    right, marked = ended(Action.REFETCH, State.APPLIED), ended(Action.REFETCH, State.MARKED)
    whole, part = ending([right, right], "data_error", found=False), ending([right, marked], "data_error", found=False)
    assert whole is not None
    assert part is not None
    assert (whole.state, whole.words) == ("resolved", "2 of 2 bars put right")
    assert (part.state, part.words) == ("given_up", "1 of 2 bars put right, 1 marked as suspect")


@pytest.mark.parametrize(
    ("act", "state", "found", "becomes"),
    [
        (Beside(Action.FIX, "ann", "r"), "open", False, "resolved"),
        (Beside(Action.FIX, "ann", "r"), "given_up", True, None),
        (Beside(Action.FIX, "ann", "r"), "resolved", False, None),
        (Beside(Action.UNDO, "ann", "r"), "resolved", True, "given_up"),
        (Beside(Action.UNDO, "ann", "r"), "open", False, None),
        (Beside(Action.MARK, "ann", "r", suspect=False), "given_up", True, "confirmed"),
        (Beside(Action.MARK, "ann", "r", suspect=True), "open", True, None),
    ],
)
def test_what_a_person_does_settles_the_alerts_beside_it(
    act: Beside, state: str, found: bool, becomes: str | None
) -> None:
    end = beside(act, state, found=found)
    assert (end and end.state) == becomes


def test_a_wish_is_one_thing_and_makes_a_possible_bar() -> None:
    check_wish(Wish({"close": 10.1}), GOOD)
    check_wish(Wish(suspect=False), GOOD | {"suspect": True})
    for wish, day in (
        (Wish(), GOOD), (Wish({"close": 1.0}, delete=True), GOOD), (Wish({"close": 99.0}), GOOD), (Wish({"low": 0.0}), GOOD),
        (Wish({"volume": float("nan")}), GOOD), (Wish({"close": 1.0}), NOTHING), (Wish(delete=True), NOTHING),
    ):  # fmt: skip
        with pytest.raises(UsedWrongly):
            check_wish(wish, day)


def test_a_day_in_words() -> None:
    assert in_words(GOOD | {"suspect": True}) == "o 9.9 h 10.2 l 9.7 c 10 v 1,000, suspect"
    assert in_words(NOTHING) == in_words(None) == "no bar"
