"""What a finding is, and how severe."""

from __future__ import annotations

from datetime import date

import pytest

from tickstock_automation.events.catalogue import Channel, Severity, Verdict
from tickstock_automation.quality.findings import Complaint, Finding, in_order, price_move_severity, raised

COMPLAINT = Complaint("price_move", Channel.PRICE_ANOMALY, "share")
ROW = {"symbol_id": 4, "symbol": "ABC", "date": date(2024, 3, 4), "close": 10.0}


def finding(verdict: Verdict = "undetermined", symbol: str = "ABC", day: int = 4) -> Finding:
    row = ROW | {"symbol": symbol, "date": date(2024, 3, day)}
    return COMPLAINT.about(row, "it moved", verdict, "medium", "review", observed=1.0, expected=2.0, threshold=0.2, z=3)


def test_a_complaint_makes_a_finding_of_a_bars_row() -> None:
    one = finding()
    assert (one.symbol_id, one.symbol, one.date, one.check) == (4, "ABC", date(2024, 3, 4), "price_move")
    assert (one.channel, one.severity, one.verdict, one.remediation) == (
        Channel.PRICE_ANOMALY, "medium", "undetermined", "review",
    )  # fmt: skip
    assert (one.observed, one.expected, one.threshold) == (1.0, 2.0, 0.2)
    assert one.evidence == {"words": "it moved", "measure": "share", "z": 3}


def test_the_same_finding_has_the_same_key_whatever_it_observed() -> None:
    assert finding().key == finding("data_error").key == "price_move:4:2024-03-04"


@pytest.mark.parametrize(
    ("severity", "verdict", "after"),
    [
        ("low", "data_error", "medium"), ("medium", "data_error", "high"), ("high", "data_error", "critical"),
        ("critical", "data_error", "critical"), ("low", "undetermined", "low"), ("high", "market_event", "high"),
    ],
)  # fmt: skip
def test_a_data_error_is_one_step_more_severe(severity: Severity, verdict: Verdict, after: Severity) -> None:
    assert raised(severity, verdict) == after
    assert finding("data_error").severity == "high"


@pytest.mark.parametrize(
    ("move", "severity"),
    [(0.2, "medium"), (-0.349, "medium"), (0.35, "high"), (-0.36, "high"), (0.5, "critical"), (-0.9, "critical"), (7, "critical")],
)  # fmt: skip
def test_a_move_is_as_severe_as_it_is_large_either_way(move: float, severity: Severity) -> None:
    assert price_move_severity(move) == severity


def test_what_was_seen_beside_it_is_added_and_the_finding_stays_as_it_was() -> None:
    one = finding()
    more = one.beside("a spike").beside("a hole")
    assert more.evidence["beside"] == ["a spike", "a hole"]
    assert "beside" not in one.evidence
    assert more.key == one.key


def test_they_are_ordered_by_symbol_date_and_check() -> None:
    made = [finding(symbol="B"), finding(day=5), finding(day=4)]
    assert in_order(made) == [made[2], made[1], made[0]]
