"""A wrong bar is put right from the other endpoint, or marked; what was done is told, kept and can be taken back."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.repairing import ABSURD, DAY, ZERO, Mender, altered
from tests.services import Altered
from tickstock_automation.bars.reread import reread
from tickstock_automation.sessions import calendar
from tickstock_automation.vendor.client import BarsAnswer

pytestmark = [pytest.mark.integration, pytest.mark.database]


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
    mender.load()
    mender.rows("UPDATE historical_data SET volume = 0 WHERE symbol_id = (SELECT id FROM symbols WHERE ticker = 'T03') RETURNING 1")  # fmt: skip
    mender.rows("DELETE FROM quality_metrics RETURNING 1")
    mender.system.sweep(DAY)
    silent = Altered(mender.system.played.vendor, grouped_bars=altered("T03", v=0), range_bars=altered("T03", v=0))
    mender.mend(silent)
    told = mender.rows(
        "SELECT DISTINCT state FROM quality_alerts WHERE check_name = 'zero_volume' AND session = :day", day=DAY
    )
    assert told == [("confirmed",)]
    assert mender.close("T03") == (13.0, False, "polygon")


def test_a_missing_bar_is_asked_for_and_told(mender: Mender) -> None:
    def without(answer: BarsAnswer) -> BarsAnswer:
        return replace(answer, rows=tuple(row for row in answer.rows if row["T"] != "T03"))

    mender.load(grouped_bars=without)
    assert mender.close("T03") is None
    mender.mend()
    assert mender.life("missing_session") == ["open", "remediating", "resolved"]
    assert mender.close("T03") == (13.0, False, "polygon")
    assert mender.repairs() == [("reload", "applied", None)]


def test_a_finding_about_the_market_is_one_call(mender: Mender) -> None:
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
        " VALUES ('market', :day, 'market_wide', 'tickstock.quality.data_gap', 'critical', 'data_error', 'refetch', CAST(:e AS jsonb))"
        " RETURNING id",
        day=DAY, e=json.dumps({"words": "ten of twelve are at zero", "symbols": [*wrong, "NOBODY"]}),
    )  # fmt: skip
    calls = mender.system.played.vendor.calls
    mender.turn()
    assert mender.system.played.vendor.calls - calls == 1
    assert mender.rows("SELECT endpoint, state, count(*) FROM repair_requests GROUP BY 1, 2") == [("grouped", "answered", 10)]  # fmt: skip


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


def test_what_a_check_leaves_to_a_person_is_left_to_a_person(mender: Mender) -> None:
    mender.load(grouped_bars=altered("T03", **ABSURD))
    mender.mend()
    assert mender.life("price_move") == ["open"]
    assert mender.repairs() == []
