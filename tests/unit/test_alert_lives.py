"""What becomes of an alert; what many at once come to; why a bar is missing; what is stale; the plot."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickstock_automation.bars.absence import Call, Facts
from tickstock_automation.cli.bar_plot import plot
from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import BARS, SYMBOLS
from tickstock_automation.quality.lives import Known, decide, seen_as
from tickstock_automation.quality.mass import Bounds, Standing, gather, hold_back
from tickstock_automation.quality.missing_why import MissingFacts, Why, reason, with_reason
from tickstock_automation.quality.reading import Window
from tickstock_automation.quality.staleness import stale_data
from tickstock_automation.sessions import calendar

DAYS = calendar().between(date(2024, 1, 2), date(2024, 2, 29))
DAY = DAYS[20]
BOUNDS = Bounds(50, 0.02, 0.6)


def finding(number: int = 1, check: str = "price_move", **changes: Any) -> Finding:
    found = Finding(
        number, f"S{number:03}", DAY, check, Channel.PRICE_ANOMALY, "medium", "undetermined", 13.0, 10.0, 0.2, "review",
        {"words": "13 is +30%"},
    )  # fmt: skip
    return replace(found, **changes)


def known(of: Finding, **changes: Any) -> Known:
    found = Known(
        7, of.key, of.symbol_id, of.date, of.check, "open", of.verdict, of.severity, of.observed, of.evidence["words"], False,
        seen_as(of),
    )  # fmt: skip
    return replace(found, **changes)


def test_what_is_found_as_it_was_takes_no_step_in_any_state_but_resolved() -> None:
    one = finding()
    for state in ("open", "remediating", "confirmed", "given_up"):
        assert decide(known(one, state=state), one) is None
    again = decide(known(one, state="resolved"), one)
    assert again is not None
    assert (again.state, again.words) == ("open", "found again: 13 is +30%")


@given(
    st.sampled_from(["open", "remediating", "resolved", "confirmed", "given_up"]),
    st.sampled_from(["undetermined", "data_error", "market_event"]),
    st.booleans(),
    st.booleans(),
)
def test_a_persons_word_is_never_taken_back_while_the_bar_stays(
    state: Any, verdict: Any, gone: bool, other: bool
) -> None:
    one = finding()
    closed = state in ("resolved", "confirmed", "given_up")
    after = None if gone else finding(verdict=verdict, observed=14.0 if other else 13.0)
    change = decide(known(one, state=state, closed_by_person=closed), after)
    if closed and (gone or not other):
        assert change is None


@given(st.sampled_from(["open", "remediating", "resolved", "confirmed", "given_up"]), st.booleans())
def test_a_change_made_is_not_made_again(state: Any, gone: bool) -> None:
    before, after = finding(), None if gone else finding(verdict="data_error", severity="high")
    change = decide(known(before, state=state), after)
    if change is None:
        return
    stands = known(before if after is None else after, state=change.state)
    assert decide(stands, after) is None


def test_many_are_one_from_bounds_on_that_fit_the_market() -> None:
    assert [BOUNDS.least(size) for size in (0, 5, 20, 60, 1_000, 2_500, 10_000)] == [5, 5, 12, 36, 50, 50, 200]


def test_shards_hold_back_their_part_of_what_may_be_many() -> None:
    own = [finding(number) for number in range(30)]
    assert hold_back(own, 50, 1, ()).held == []
    assert len(hold_back(own, 50, 2, ()).held) == 30
    assert len(hold_back(own[:3], 50, 1, {("price_move", DAY)}).held) == 3, "an alert for many stands already"


def test_the_members_of_a_mass_event_are_listed_once_and_others_stand_alone() -> None:
    own = [finding(number, verdict="data_error") for number in range(60)]
    odd = finding(99, verdict="market_event")
    found = gather([*own, odd], 50, 1_000, {})
    [one] = found.mass.values()
    assert (one.key, one.observed, one.severity, one.verdict) == (
        f"price_move:market:{DAY}",
        60.0,
        "high",
        "data_error",
    )
    assert one.evidence["symbols"] == [f"S{number:03}" for number in range(60)]
    assert found.alone == [odd]
    assert gather(own[:49], 50, 1_000, {}).alone == own[:49]


def test_a_market_that_moved_is_no_more_severe_than_its_members() -> None:
    own = [finding(number, verdict="market_event", severity="low") for number in range(60)]
    [one] = gather(own, 50, 1_000, {}).mass.values()
    assert one.severity == "low"


def test_members_that_were_not_judged_keep_a_market_wide_alert() -> None:
    alert = Standing({1: "S001", 2: "S002"}, Channel.PRICE_ANOMALY, "data_error", "high", "reload")
    [one] = gather([], 50, 1_000, {("price_move", DAY): alert}).mass.values()
    assert (one.evidence["symbols"], one.verdict, one.remediation) == (["S001", "S002"], "data_error", "reload")
    gone = gather([], 50, 1_000, {("price_move", DAY): replace(alert, members={})})
    assert (gone.mass, gone.alone) == ({}, [])


@pytest.mark.parametrize(
    ("facts", "why", "verdict"),
    [
        (MissingFacts(Facts(DAY, list_date=DAYS[25]), True, -1), Why.NOT_LISTED, "market_event"),
        (MissingFacts(Facts(DAY, delist_date=DAYS[10]), True, -1), Why.DELISTED, "market_event"),
        (MissingFacts(Facts(DAY), True, -1, absent_since=DAYS[10]), Why.DELISTED, "undetermined"),
        (MissingFacts(Facts(DAY), False, 1), Why.DETAILS_LATE, "undetermined"),
        (MissingFacts(Facts(DAY, empty="no bar in the vendor's answer"), True, -1), Why.NO_TRADE, "market_event"),
        (MissingFacts(Facts(DAY, unloaded="failed: timeout"), True, -1), Why.CALL_FAILED, None),
        (MissingFacts(Facts(DAY, unloaded="refused: unreadable"), True, -1), Why.VENDOR_INCOMPLETE, None),
        (MissingFacts(Facts(DAY, unloaded="failed: the vendor's answer lacks too many symbols to be believed"), True, -1), Why.VENDOR_INCOMPLETE, None),
        (MissingFacts(Facts(DAY), True, -1), Why.UNKNOWN, None),
    ],
)  # fmt: skip
def test_a_missing_bar_says_why(facts: MissingFacts, why: Why, verdict: str | None) -> None:
    found = reason(facts)
    assert found is not None
    assert (found.why, found.verdict) == (why, verdict)
    told = with_reason(finding(check="missing_session", verdict="data_error"), found)
    assert told.evidence["why"] == why.value
    assert told.verdict == (verdict or "data_error")
    assert told.evidence["words"].endswith(found.words)


def test_a_bar_that_is_asked_for_is_not_missing_yet() -> None:
    asked = Facts(DAY, waiting=True, call=Call("waiting", datetime(2024, 2, 1, tzinfo=UTC)))
    assert reason(MissingFacts(asked, True, -1)) is None


def test_what_has_no_bar_for_three_sessions_is_stale_and_dated_by_its_last() -> None:
    ends = {1: DAYS[-1], 2: DAYS[-3], 3: DAYS[-4], 4: DAYS[-11], 5: DAYS[3]}
    bars = pl.DataFrame(
        [(id_, day, 1.0, 1.0, 1.0, 1.0, 1.0) for id_, end in ends.items() for day in DAYS if day <= end],
        schema=BARS, orient="row",
    )  # fmt: skip
    names = pl.DataFrame([(id_, f"S{id_}", "STOCK_EOD", None, 0.2) for id_ in ends], schema=SYMBOLS, orient="row")
    found = stale_data(bars, names, Window(DAYS, DAYS[10:]))
    assert [(one.symbol, one.date, one.severity) for one in found] == [
        ("S3", DAYS[-4], "medium"), ("S4", DAYS[-11], "high"),
    ]  # fmt: skip
    assert found[0].evidence["missing_from"] == str(DAYS[-3])


def test_the_plot_marks_its_day_and_leaves_room_for_what_is_missing() -> None:
    bars = [
        {"date": day, "open": 10.0, "high": 10.0 + at, "low": 9.0, "close": 10.5, "volume": 100.0 * at}
        for at, day in enumerate(DAYS[:30])
    ]  # fmt: skip
    bars[5] = {"date": DAYS[5], **dict.fromkeys(("open", "high", "low", "close", "volume"))}
    lines = plot(bars, DAYS[5])
    assert len(lines) == 11
    column = lines[0].plain.index("┤") + 1 + 5
    assert {line.plain[column] for line in lines[:10]} == {" "}
    assert lines[-1].plain[column:] == f"△ {DAYS[5]}, no bar"
    assert all(len(line.plain) <= 80 for line in plot(bars, DAYS[29]))
    assert plot([bars[5]], DAYS[5]) == []
    assert "39.00" in lines[0].plain
