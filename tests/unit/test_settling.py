"""What becomes of the pairs that a call was for."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from tickstock_automation.bars.ingest import Stored
from tickstock_automation.bars.needs import OpenRequest, lacking_of, needs_of, serving, within_limits, without
from tickstock_automation.bars.parse import BAR_COLUMNS, Refused
from tickstock_automation.bars.planner import GroupedCall, RangeCall, Wanted
from tickstock_automation.bars.session_state import Counts, in_all, thin_exchanges
from tickstock_automation.bars.settling import Absent, by_job, outcomes
from tickstock_automation.bars.tenure import Tenure
from tickstock_automation.bars.wanted_now import COLUMNS
from tickstock_automation.sessions import calendar

D = calendar().between(date(2024, 1, 2), date(2024, 1, 31))


def pair(symbol_id: int, *, jobs: str | None = None, asks_left: int = 0, stored: bool = False) -> tuple[Any, ...]:
    return (symbol_id, D[0], f"T{symbol_id}", jobs, asks_left, stored, "backfill")


def became(pairs: list[tuple[Any, ...]], *, bars: list[int], refused: list[int], absent: Absent) -> pl.DataFrame:
    rows = [dict.fromkeys(BAR_COLUMNS, None) | {"symbol_id": id_, "date": D[0]} for id_ in bars]
    schema = dict.fromkeys(BAR_COLUMNS, pl.Float64) | {"symbol_id": pl.Int64, "date": pl.Date, "flag": pl.String}
    kept = tuple(Refused("unreadable", f"T{id_}", None, id_, {}) for id_ in refused)
    stored = Stored(1, len(bars), 0, pl.DataFrame(rows, schema=schema), kept)
    return outcomes(pl.DataFrame(pairs, schema=COLUMNS, orient="row"), stored, absent, D[0])


def test_each_pair_has_one_outcome_with_its_reason() -> None:
    pairs = [pair(1), pair(2), pair(3, asks_left=1), pair(4), pair(5, stored=True)]
    found = became(pairs, bars=[1], refused=[2], absent=Absent("empty", "no bar"))
    assert found.select("symbol_id", "outcome", "why").rows() == [
        (1, "bars", "no bar"), (2, "refused", "unreadable"), (3, "later", "no bar"), (4, "empty", "no bar"), (5, "bars", "no bar"),
    ]  # fmt: skip
    thin = became([pair(4)], bars=[], refused=[], absent=Absent("failed", "too thin"))
    assert thin.select("outcome", "why").rows() == [("failed", "too thin")]


def test_what_came_of_a_pair_counts_in_each_job_that_wanted_it() -> None:
    pairs = [pair(1, jobs="7"), pair(2, jobs="7 12"), pair(3, jobs="12"), pair(4)]
    found = became(pairs, bars=[1], refused=[2], absent=Absent("empty", "no bar"))
    assert by_job(found) == {7: Counter(bars=1, failed=1), 12: Counter(failed=1, empty=1)}


def request(first: int, last: int) -> OpenRequest:
    moment = datetime(2024, 2, 1, tzinfo=UTC)
    return OpenRequest(1, 9, D[first], D[last], 50, False, moment, 3, "running")


def test_what_lacks_are_the_spans_between_settled_sessions() -> None:
    found = lacking_of(request(0, 6), D[0:7], {D[0], D[3], D[4]})
    assert (found.spans, found.pairs) == (((D[1], D[2]), (D[5], D[6])), 4)
    assert lacking_of(request(0, 2), D[0:3], set(D)).spans == ()


def test_spans_of_a_symbol_become_spans_of_the_tickers_it_had_and_days_without_one_are_named() -> None:
    lacking = [lacking_of(request(0, 8), D[0:9])]
    names = {9: [Tenure("OLD", date.min, D[2]), Tenure("NEW", D[5], date.max)]}
    needs = needs_of(lacking, names, calendar())
    assert needs.wanted == [Wanted("OLD", D[0], D[2], 50), Wanted("NEW", D[5], D[8], 50)]
    assert needs.by_job == {3: needs.wanted}
    assert needs.nobodys == [(9, D[3]), (9, D[4])]


def test_what_is_being_read_is_cut_out_of_what_is_wanted() -> None:
    reads = [Tenure("A", D[2], D[3])]
    day = timedelta(days=1)
    assert without([Wanted("A", D[0], D[5]), Wanted("B", D[0], D[5]), Wanted("A", D[2], D[3])], reads) == [
        Wanted("A", D[0], D[2] - day), Wanted("A", D[3] + day, D[5]), Wanted("B", D[0], D[5]),
    ]  # fmt: skip


def test_a_limited_job_costs_no_more_calls_than_it_may_unless_another_wants_them() -> None:
    calls = [GroupedCall(D[3]), GroupedCall(D[2]), GroupedCall(D[1]), RangeCall("A", D[0], D[0])]
    limited = serving(calls, [Wanted("A", D[0], D[3])], calendar())
    other = serving(calls, [Wanted("B", D[1], D[1])], calendar())
    assert (limited, other) == (set(calls), {GroupedCall(D[1])})
    assert within_limits(calls, {1: limited, 2: other}, {1: 1}) == [GroupedCall(D[3]), GroupedCall(D[1])]
    assert within_limits(calls, {1: limited, None: other}, {1: 0}) == [GroupedCall(D[1])]
    assert within_limits(calls, {1: limited}, {}) == calls


def test_a_sessions_counts_add_up_and_say_what_keeps_it_from_ready() -> None:
    parts = {"XNYS": Counts(100, 90, 4, 3, 3), "XNAS": Counts(50, 50, 0, 0, 0)}
    both = in_all(list(parts.values()))
    assert (both, both.open) == (Counts(150, 140, 4, 3, 3), 0)
    assert both.state() == ("degraded", ["3 rows were refused", "3 bars could not be loaded"])
    assert Counts(10, 8, 0, 1, 0).state() == (
        "pending",
        ["1 bars are missing and asked for again", "1 rows were refused"],
    )
    assert Counts(10, 9, 1, 0, 0).state() == ("ready", [])
    assert in_all([]).state()[0] == "missing"


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        (Counts(100, 94, 0, 0, 0), True),  # six of a hundred
        (Counts(100, 95, 0, 0, 0), False),  # a twentieth is not more than a twentieth
        (Counts(20, 15, 0, 0, 0), False),  # five are a few
        (Counts(20, 14, 0, 0, 0), True),
        (Counts(100, 50, 50, 0, 0), False),
    ],
)
def test_an_exchange_that_lacks_more_than_a_few_and_more_than_a_twentieth_is_named(counts: Counts, told: bool) -> None:
    assert bool(thin_exchanges({"XNAS": counts})) is told
