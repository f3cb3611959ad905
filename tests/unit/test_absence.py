"""Why a bar is not there."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from tickstock_automation.bars.absence import Call, Facts, Outcome, explain

DAY = date(2024, 1, 16)
ASKED = Facts(DAY)
NOON = datetime(2024, 1, 17, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("facts", "outcome", "words"),
    [
        (replace(ASKED, beside=(date(2024, 1, 12), date(2024, 1, 16)), empty="x"), Outcome.NO_SESSION, "2024-01-12 and"),
        (replace(ASKED, closed=False, waiting=True), Outcome.NOT_CLOSED, "not closed"),
        (replace(ASKED, empty="halted", list_date=date(2024, 2, 1)), Outcome.KNOWN_EMPTY, "not to exist: halted"),
        (replace(ASKED, waiting=True), Outcome.WAITING, "no call is planned"),
        (replace(ASKED, waiting=True, call=Call("running", NOON), list_date=date(2024, 2, 1)), Outcome.WAITING, "a worker is at it"),
        (replace(ASKED, waiting=True, call=Call("waiting", NOON, "HTML came")), Outcome.WAITING, "12:00:00 UTC on; before, HTML"),
        (replace(ASKED, list_date=date(2024, 1, 17), unloaded="failed: no"), Outcome.NOT_LISTED, "it was on 2024-01-17"),
        (replace(ASKED, delist_date=DAY), Outcome.NOT_LISTED, "until before 2024-01-16"),
        (replace(ASKED, unloaded="refused: duplicate"), Outcome.FAILED, "refused: duplicate"),
        (replace(ASKED, partition=False), Outcome.OUTSIDE, "no bar of 2024"),
        (replace(ASKED, list_date=DAY, delist_date=date(2024, 1, 17)), Outcome.NEVER_ASKED, "backfill"),
    ],
)  # fmt: skip
def test_the_first_reason_that_holds_is_the_one(facts: Facts, outcome: Outcome, words: str) -> None:
    absence = explain(facts)
    assert absence.outcome == outcome
    assert words in absence.words
