"""A wrong bar is put right from the other endpoint, or marked; what was done is told, kept and can be taken back."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from statistics import median

import pytest

from tests.builders import lively
from tests.repairing import DAY, ZERO, Mender, altered, market
from tests.services import DAYS, Altered, System
from tickstock_automation.bars.reread import reread
from tickstock_automation.errors import BadAnswer, VendorRefused, VendorUnavailable
from tickstock_automation.local.cycle import REPAIRS_DUE
from tickstock_automation.quality.repairing import remediate
from tickstock_automation.sessions import calendar
from tickstock_automation.vendor.client import BarsAnswer, Details, Listing, Split, TickerChange

pytestmark = [pytest.mark.integration, pytest.mark.database]

LEAPT = {"o": 14.9, "h": 15.1, "l": 14.8, "c": 15.0}
"""A sixth more than the day before, beside ordinary volume: nobody can tell yet."""


def test_a_zero_price_is_repaired_from_the_other_endpoint(mender: Mender) -> None:
    mender.load(grouped_bars=altered("T03", **ZERO))
    assert mender.life("ohlc_inconsistent") == ["open"]
    calls = mender.system.played.vendor.calls
    mender.mend()
    assert mender.life("ohlc_inconsistent") == ["open", "remediating", "resolved"]
    assert mender.close("T03") == (13.0, False, "polygon")
    assert mender.system.played.vendor.calls - calls == 1, "one range call"
    [(old, new, reason, endpoint)] = mender.rows(
        "SELECT c.old, c.new, c.reason, l.endpoint FROM bar_corrections c JOIN loads l ON l.id = c.load_id"
    )
    assert (old["open"], new["open"], reason, endpoint) == (0, 13 * 0.99, "repair", "range")
    assert mender.rows("SELECT rows, inserted, updated FROM loads ORDER BY id DESC LIMIT 1") == [(1, 0, 1)]
    [(words,)] = mender.rows("SELECT words FROM quality_alert_steps WHERE state = 'resolved'")
    assert words.startswith("repaired from the other endpoint: o 0 h 0 l 0 c 13 v 1,000 -> o 12.87")


def test_a_bar_that_is_wrong_at_both_endpoints_is_marked_and_left_as_the_vendor_gave_it(mender: Mender) -> None:
    mender.load(grouped_bars=altered("T03", **ZERO))
    before = mender.day("T03")
    mender.mend(Altered(mender.system.played.vendor, range_bars=altered("T03", **ZERO)))
    assert mender.life("ohlc_inconsistent") == ["open", "remediating", "given_up"]
    assert mender.close("T03") == (13.0, True, "polygon")
    assert mender.day("T03") == before[:-2] + "t)", "nothing but the mark"
    assert mender.rows("SELECT action, state, error_message FROM repair_requests") == [
        ("refetch", "marked", "the vendor says the same from both endpoints")
    ]
    assert mender.rows("SELECT count(*) FROM bar_corrections") == [(0,)]
    marked = "SELECT count(*) FROM {} WHERE date = :day"
    assert mender.rows(marked.format("adjusted_bars"), day=DAY) == [(12,)]
    assert mender.rows(marked.format("trusted_bars"), day=DAY) == [(11,)]
    mender.mend()
    assert len(mender.repairs()) == 1, "it is not asked for again and again"


def test_another_answer_that_is_no_better_is_not_taken(mender: Mender) -> None:
    mender.load(grouped_bars=altered("T03", **ZERO))
    mender.mend(Altered(mender.system.played.vendor, range_bars=altered("T03", o=0, c=14.0)))
    assert mender.close("T03") == (13.0, True, "polygon")
    [(state, why)] = mender.rows("SELECT state, error_message FROM repair_requests")
    assert (state, why) == ("marked", "the other endpoint's bar fails ohlc_inconsistent too")


def test_an_endpoint_without_the_bar_marks_it(mender: Mender) -> None:
    mender.load(grouped_bars=altered("T03", **ZERO))
    mender.mend(Altered(mender.system.played.vendor, range_bars=lambda answer: replace(answer, rows=())))
    assert mender.close("T03") == (13.0, True, "polygon")
    assert mender.repairs() == [("refetch", "marked", "the other endpoint has no bar of that day")]


def test_the_vendors_next_word_takes_the_mark_away(mender: Mender) -> None:
    mender.load(grouped_bars=altered("T03", **ZERO))
    mender.mend(Altered(mender.system.played.vendor, range_bars=altered("T03", **ZERO)))
    reread(calendar().after(DAY), mender.system.played.vendor, calendar(), mender.settings)
    assert mender.close("T03") == (13.0, False, "polygon")


def test_what_was_judged_wrong_does_not_come_back_with_the_next_re_read(mender: Mender) -> None:
    wrong = altered("T03", **ZERO)
    mender.load(grouped_bars=wrong)
    mender.mend()
    repaired = mender.day("T03")
    again = Altered(mender.system.played.vendor, grouped_bars=wrong)
    reread(calendar().after(DAY), again, calendar(), mender.settings)
    assert mender.day("T03") == repaired
    assert mender.rows("SELECT count(*) FROM bar_corrections") == [(1,)]


def test_an_unfounded_suspicion_of_an_undetermined_finding_confirms_the_bar(mender: Mender) -> None:
    mender.load(grouped_bars=altered("T03", **LEAPT))
    assert mender.rows("SELECT check_name, verdict FROM quality_alerts") == [("price_outlier", "undetermined")]
    before = mender.day("T03")
    mender.mend(Altered(mender.system.played.vendor, range_bars=altered("T03", **LEAPT)))
    assert mender.day("T03") == before
    assert mender.close("T03") == (15.0, False, "polygon")
    mender.sweep_again()
    assert mender.life("price_outlier") == ["open", "remediating", "confirmed"], (
        "a sweep that sees no more leaves it at that"
    )


def test_what_was_confirmed_is_put_right_once_the_next_session_tells_that_it_was_wrong(mender: Mender) -> None:
    mender.load(grouped_bars=altered("T03", **LEAPT))
    mender.mend(Altered(mender.system.played.vendor, range_bars=altered("T03", **LEAPT)))
    following = calendar().after(DAY)
    mender.system.eod(following)
    mender.system.sweep(following)
    mender.mend(day=following)
    assert mender.life("price_outlier") == ["open", "remediating", "confirmed", "open", "remediating", "resolved"]
    assert mender.close("T03") == (13.0, False, "polygon")
    assert [row[:2] for row in mender.repairs()] == [("refetch", "kept"), ("refetch", "applied")]


def test_a_missing_bar_is_asked_for_and_told(mender: Mender) -> None:
    mender.load_without()
    assert mender.close("T03") is None
    mender.mend()
    assert mender.life("missing_session") == ["open", "remediating", "resolved"]
    assert mender.close("T03") == (13.0, False, "polygon")
    assert mender.repairs() == [("reload", "applied", None)]


@pytest.mark.parametrize("check", ["ohlc_inconsistent", "copied_closes"])
def test_a_finding_about_the_market_is_one_call(mender: Mender, check: str) -> None:
    wrong = [f"T{number:02}" for number in range(10)]

    def spoil(answer: BarsAnswer) -> BarsAnswer:
        for ticker in wrong:
            answer = altered(ticker, **ZERO)(answer)
        return answer

    mender.load(grouped_bars=spoil)
    mender.rows("DELETE FROM quality_alert_steps RETURNING 1")
    mender.rows("DELETE FROM quality_alerts RETURNING 1")
    mender.rows(
        "INSERT INTO quality_alerts (finding_key, session, check_name, channel, severity, verdict, remediation, evidence)"
        " VALUES ('market', :day, :check, 'tickstock.quality.data_gap', 'critical', 'data_error', 'refetch', CAST(:e AS jsonb))"
        " RETURNING id",
        day=DAY, check=check, e=json.dumps({"words": "ten of twelve are at zero", "symbols": [*wrong, "NOBODY"]}),
    )  # fmt: skip
    calls = mender.system.played.vendor.calls
    mender.turn()
    assert mender.system.played.vendor.calls - calls == 1
    assert mender.rows("SELECT endpoint, state, count(*) FROM repair_requests GROUP BY 1, 2") == [("grouped", "answered", 10)]  # fmt: skip
    mender.mend()
    assert mender.rows("SELECT state, count(*) FROM repair_requests GROUP BY 1") == [("applied", 10)]
    assert mender.rows("SELECT count(*) FROM historical_data WHERE date = :day AND open = 0", day=DAY) == [(0,)]
    assert mender.system.events("data_gap")[-1]["state"] == "resolved"


def test_the_days_limit_holds_and_says_what_waits(mender: Mender) -> None:
    def spoil(answer: BarsAnswer) -> BarsAnswer:
        return altered("T05", **ZERO)(altered("T04", **ZERO)(altered("T03", **ZERO)(answer)))

    mender.load(grouped_bars=spoil)
    mender.limited(2).mend()
    assert len(mender.repairs()) == 2
    mender.mend()
    assert len(mender.repairs()) == 2, "another run of the same day asks for no more"
    [(message,)] = mender.rows("SELECT message FROM operational_findings WHERE check_name = 'repair_limit'")
    assert "1 more wait for tomorrow" in message
    mender.mend(day=DAY + timedelta(days=1))
    assert len(mender.repairs()) == 3
    assert mender.rows("SELECT DISTINCT state FROM quality_alerts WHERE check_name = 'ohlc_inconsistent'") == [("resolved",)]  # fmt: skip


def ask_for(mender: Mender, check: str, remediation: str, ticker: str = "T03") -> None:
    """An alert as a check of another name leaves it."""
    mender.rows(
        "INSERT INTO quality_alerts (finding_key, symbol_id, session, check_name, channel, severity, verdict, remediation, evidence)"
        " SELECT :check || ticker, id, :day, :check, 'tickstock.quality.price_anomaly', 'high', 'undetermined', :remediation,"
        " jsonb_build_object('words', 'as the check says') FROM symbols WHERE ticker = :ticker RETURNING id",
        check=check, remediation=remediation, ticker=ticker, day=DAY,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("listed", "state", "words"),
    [
        ([Split("T03", DAY, 1, 4)], "resolved", f"the vendor lists 4 for 1 on {DAY}"),
        ([Split("T04", DAY, 1, 4)], "given_up", "the vendor lists no split about that day"),
    ],
)
def test_a_suspected_split_is_looked_up(mender: Mender, listed: list[Split], state: str, words: str) -> None:
    mender.load()
    ask_for(mender, "split_unadjusted", "look_up_split")
    mender.mend(Altered(mender.system.played.vendor, splits=lambda _answer: tuple(listed)))
    assert mender.life("split_unadjusted") == ["remediating", state]
    assert mender.rows("SELECT words FROM quality_alert_steps WHERE state = :state", state=state) == [(words,)]
    assert mender.rows("SELECT ticker FROM corporate_actions c JOIN symbols s ON s.id = c.symbol_id") == [(listed[0].ticker,)]  # fmt: skip


def load_with_a_split_nobody_knows(mender: Mender) -> None:
    """T03 trades at a quarter of its price from `DAYS[26]` on."""
    mender.load()
    mender.rows(
        "UPDATE historical_data SET open = open / 4, high = high / 4, low = low / 4, close = close / 4, volume = volume * 4"
        " WHERE symbol_id = (SELECT id FROM symbols WHERE ticker = 'T03') AND date >= :day RETURNING 1",
        day=DAYS[26],
    )  # fmt: skip
    mender.sweep_again()
    assert mender.rows("SELECT check_name, session FROM quality_alerts") == [("split_unadjusted", DAYS[26])]


def test_a_split_that_is_known_by_now_and_explains_nothing_is_a_persons(mender: Mender) -> None:
    load_with_a_split_nobody_knows(mender)
    splits = (Split("T03", DAYS[29], 1, 1.1),)
    mender.mend(Altered(mender.system.played.vendor, splits=lambda _answer: splits))
    assert mender.life("split_unadjusted") == ["open", "remediating", "given_up"]
    [(words,)] = mender.rows("SELECT words FROM quality_alert_steps WHERE state = 'given_up'")
    assert words == f"the vendor lists 1.1 for 1 on {DAYS[29]}, which does not explain it"


def test_a_split_that_is_known_by_now_and_explains_it_is_the_end_of_it(mender: Mender) -> None:
    load_with_a_split_nobody_knows(mender)
    splits = (Split("T03", DAYS[26], 1, 4),)
    mender.mend(Altered(mender.system.played.vendor, splits=lambda _answer: splits))
    assert mender.life("split_unadjusted") == ["open", "remediating", "resolved"]
    mender.sweep_again()
    assert mender.life("split_unadjusted") == ["open", "remediating", "resolved"], (
        "with the split known it is not found again"
    )


@pytest.mark.parametrize(
    ("details", "changes", "state", "words"),
    [
        (Details(Listing("T03"), active=False, delisted=DAYS[28]), (), "confirmed", "delisted on"),
        (Details(Listing("T03"), active=True), (TickerChange("NEW", DAYS[29]),), "confirmed", "it is called NEW since"),
        (Details(Listing("T03"), active=True), (), "given_up", "it is active"),
        (None, (), "given_up", "does not know it any more"),
    ],
)
def test_a_stale_symbol_is_asked_about(
    mender: Mender, details: Details | None, changes: tuple[TickerChange, ...], state: str, words: str
) -> None:
    mender.load()
    ask_for(mender, "stale_data", "review")
    vendor = Altered(mender.system.played.vendor, details=lambda _: details, ticker_changes=lambda _: changes)
    mender.mend(vendor)
    assert mender.life("stale_data") == ["remediating", state]
    [(said,)] = mender.rows("SELECT words FROM quality_alert_steps WHERE state = :state", state=state)
    assert words in said


def test_a_vendor_that_is_away_is_waited_for_and_spends_no_attempt(mender: Mender) -> None:
    mender.load(grouped_bars=altered("T03", **ZERO))

    def away(_answer: BarsAnswer) -> BarsAnswer:
        raise VendorUnavailable("no answer", 60.0)

    mender.mend(Altered(mender.system.played.vendor, range_bars=away))
    [waiting] = mender.rows("SELECT state, attempts, waits, due_at > now() + interval '50 s' FROM repair_requests")
    assert waiting == ("waiting", 0, 1, True)
    mender.rows("UPDATE repair_requests SET due_at = now() RETURNING 1")
    mender.mend()
    assert mender.life("ohlc_inconsistent") == ["open", "remediating", "resolved"]


def test_answers_that_cannot_be_used_end_in_a_mark(mender: Mender) -> None:
    mender.load(grouped_bars=altered("T03", **ZERO))

    def broken(_answer: BarsAnswer) -> BarsAnswer:
        raise BadAnswer("the answer is not JSON")

    vendor = Altered(mender.system.played.vendor, range_bars=broken)
    for _ in range(mender.settings.max_attempts):
        mender.rows("UPDATE repair_requests SET due_at = now() RETURNING 1")
        mender.mend(vendor)
    assert mender.repairs() == [("refetch", "marked", "the answer is not JSON")]


def test_a_vendor_that_refuses_us_is_told_of_and_nothing_is_lost(mender: Mender) -> None:
    mender.load(grouped_bars=altered("T03", **ZERO))

    def refuse(_answer: BarsAnswer) -> BarsAnswer:
        raise VendorRefused("the key is refused")

    with pytest.raises(VendorRefused):
        mender.mend(Altered(mender.system.played.vendor, range_bars=refuse))
    assert mender.rows("SELECT state, attempts FROM repair_requests") == [("waiting", 0)]
    assert mender.rows("SELECT message FROM operational_findings WHERE check_name = 'vendor_refused'") == [("the key is refused",)]  # fmt: skip


def test_a_bar_that_was_corrected_on_the_way_is_not_overwritten(mender: Mender) -> None:
    mender.load(grouped_bars=altered("T03", **ZERO))
    mender.turn()
    remediate(DAY, calendar(), mender.settings)
    assert [row[1] for row in mender.repairs()] == ["accepted"]
    moved = Altered(mender.system.played.vendor, grouped_bars=altered("T03", c=13.1))
    reread(calendar().after(DAY), moved, calendar(), mender.settings)
    mender.mend()
    assert mender.close("T03") == (13.1, False, "polygon")
    assert [row[:2] for row in mender.repairs()] == [("refetch", "superseded")]
    assert mender.life("ohlc_inconsistent") == ["open", "remediating", "resolved"]


def test_one_range_serves_all_days_of_a_symbol(mender: Mender) -> None:
    mender.load()
    mender.rows(
        "UPDATE historical_data SET open = 0, load_id = (SELECT max(id) FROM loads WHERE endpoint = 'grouped')"
        " WHERE symbol_id = (SELECT id FROM symbols WHERE ticker = 'T03') AND date = ANY (:days) RETURNING 1",
        days=DAYS[20:25],
    )  # fmt: skip
    mender.sweep_again()
    calls = mender.system.played.vendor.calls
    mender.mend()
    assert mender.system.played.vendor.calls - calls == 1
    assert mender.repairs() == [("refetch", "applied", None)] * 5


def test_each_of_a_symbols_days_is_asked_of_that_days_market(mender: Mender) -> None:
    mender.load()
    mender.rows(
        "UPDATE historical_data SET open = 0 WHERE symbol_id = (SELECT id FROM symbols WHERE ticker = 'T03')"
        " AND date = ANY (:days) RETURNING 1",
        days=DAYS[20:23],
    )  # fmt: skip
    mender.sweep_again()
    calls = mender.system.played.vendor.calls
    mender.mend()
    assert mender.repairs() == [("refetch", "applied", None)] * 3, (
        "bars that came by a range are asked of the other endpoint"
    )
    assert mender.system.played.vendor.calls - calls == 3


def test_a_block_is_judged_again_with_all_that_follows_it(mender: Mender) -> None:
    mender.load()
    mender.rows(
        "UPDATE historical_data SET open = open * 1.5, high = high * 1.5, low = low * 1.5, close = close * 1.5"
        " WHERE symbol_id = (SELECT id FROM symbols WHERE ticker = 'T03') AND date BETWEEN :first AND :last RETURNING 1",
        first=DAYS[8], last=DAYS[23],
    )  # fmt: skip
    mender.sweep_again()
    mender.rows("UPDATE quality_alerts SET state = 'given_up' WHERE session > :first RETURNING 1", first=DAYS[8])
    mender.mend()
    assert mender.life("price_outlier") == ["open"] * 16 + ["remediating", "resolved"]
    assert mender.repairs() == [("refetch", "applied", None)]


def test_a_symbols_old_days_are_held_against_the_market_of_then(mender: Mender) -> None:
    """No whole sweep has seen them, so nothing is noted of what the market did."""
    mender.load()
    mender.rows(
        "UPDATE historical_data SET high = high * 1.12, close = close * 1.12"
        " WHERE symbol_id = (SELECT id FROM symbols WHERE ticker = 'T03') AND date = :day RETURNING 1",
        day=DAYS[15],
    )  # fmt: skip
    mender.sweep_again()
    mender.rows("DELETE FROM quality_metrics WHERE scope = 'market' RETURNING 1")
    mender.mend()
    assert mender.life("price_outlier") == ["open", "remediating", "resolved"]


def test_a_day_of_copies_is_asked_for_again_and_not_taken_for_loaded(build: Callable[..., System]) -> None:
    mender = Mender(build(market(24)))

    def copied(answer: BarsAnswer) -> BarsAnswer:
        """The prices of the day before."""
        before = {row[0]: dict(zip("ohlc", row[2:6], strict=True)) for row in market(24) if row[1] == str(DAYS[29])}
        return replace(answer, rows=tuple(row | before[row["T"]] for row in answer.rows))

    mender.load(grouped_bars=copied)
    due = {"day": DAY, "limit": mender.settings.repairs_per_day}
    assert mender.rows(REPAIRS_DUE, **due) == [(True,)], "a cycle waits for what is asked about the whole market"
    mender.mend()
    assert mender.rows(REPAIRS_DUE, **due) == [(False,)]
    [(state, named)] = mender.rows(
        "SELECT state, evidence -> 'symbols' FROM quality_alerts WHERE symbol_id IS NULL AND session = :day", day=DAY
    )
    assert state == "resolved"
    assert len(named) >= 20
    assert {mender.close(ticker)[0] for ticker in named} == {10.0 + int(ticker[1:]) for ticker in named}
    mender.sweep_again()
    [(gap,)] = mender.rows(
        "SELECT (figures ->> 'market_gap')::float8 FROM quality_metrics WHERE scope = 'market' AND session = :day",
        day=DAY,
    )
    gaps = mender.rows(
        "SELECT ln(h.open / before.close) FROM historical_data h JOIN historical_data before USING (symbol_id)"
        " WHERE h.date = :day AND before.date = :before",
        day=DAY, before=DAYS[29],
    )  # fmt: skip
    assert gap == pytest.approx(median(one for (one,) in gaps)), "what the copies said of the market is forgotten"


def test_the_replays_faults_are_repaired_or_marked(mender: Mender) -> None:
    """Zero prices in the grouped answer alone; absurd ones, on another ticker, from both endpoints."""
    mender.system.played.market.faults.set([f"zero-prices:grouped@{DAY}"])
    mender.load()
    wrong = mender.rows("SELECT count(*) FROM historical_data WHERE flag IS NOT NULL")[0][0]
    assert wrong > 0
    mender.mend()
    assert mender.rows("SELECT count(*) FROM historical_data WHERE flag IS NOT NULL OR suspect") == [(0,)]
    assert mender.rows("SELECT DISTINCT action, state FROM repair_requests") == [("refetch", "applied")]


def test_the_same_fault_at_both_endpoints_is_marked(mender: Mender) -> None:
    mender.system.played.market.faults.set([f"zero-prices@{DAY}"])
    mender.load()
    mender.mend()
    assert mender.rows("SELECT bool_and(suspect) FROM historical_data WHERE flag IS NOT NULL") == [(True,)]
    assert mender.rows("SELECT DISTINCT action, state FROM repair_requests") == [("refetch", "marked")]


def test_what_a_check_leaves_to_a_person_is_left_to_a_person(build: Callable[..., System]) -> None:
    mender = Mender(build([lively(f"T{number:02}", day, 10 + number) for number in range(12) for day in DAYS[:40]]))
    mender.load(grouped_bars=altered("T03", o=13.0, h=16.6, l=12.9, c=16.5))
    mender.mend()
    assert mender.rows("SELECT check_name, verdict FROM quality_alerts") == [("price_move", "undetermined")]
    assert mender.life("price_move") == ["open"]
    assert mender.close("T03") == (16.5, False, "polygon")
    assert mender.repairs() == []
