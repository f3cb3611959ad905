"""Findings of the checks, and what a day of them comes to."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tickstock_automation.events.channels import Channel, Service
from tickstock_automation.events.data.base import EventData, Example

Severity = Literal["low", "medium", "high", "critical"]
Verdict = Literal["data_error", "market_event", "undetermined"]
AlertState = Literal["open", "remediating", "resolved", "confirmed", "given_up"]
Remediation = Literal["none", "reload", "refetch", "look_up_split", "review"]


class QualityAlertData(EventData):
    """One step of an alert's life."""

    services = (Service.DATA_QUALITY_MONITOR,)

    alert_id: int = Field(description="Row of quality_alerts; the same in all events of an alert")
    state: AlertState = Field(
        description="open: found; remediating: being put right; resolved: put right; confirmed: the data are right; "
        "given_up: needs a person"
    )
    symbol: str | None = Field(description="Ticker; null where the finding is about the system or the whole market")
    session: date | None = Field(description="Session (New York) of the bar, or that the system worked on")
    check: str = Field(
        description="Name of the check that found it (price_move, missing_session, ...), or of what went wrong in the "
        "system (vendor_coverage, ...); more may come"
    )
    severity: Severity = Field(description="How bad, from low to critical; a data_error is one step higher")
    verdict: Verdict = Field(
        description="data_error: the data are wrong; market_event: they are right, the market did it; "
        "undetermined: the data alone do not tell"
    )
    observed: float | None = Field(
        description="What the data say: on price_anomaly the close in USD as traded (unadjusted), on volume_anomaly "
        "shares as traded, on data_gap a count of bars; where many symbols have it at once (`evidence.symbol_ids`) how many; "
        "null where there is no such figure"
    )
    expected: float | None = Field(description="What was to be expected, in the unit of `observed`; null where unknown")
    threshold: float | None = Field(
        description="What the check held it against, in the unit of `evidence.measure` (a share of 0.2 is 20%); null "
        "where it is about the system"
    )
    remediation: Remediation = Field(
        description="What is to be done. reload: ask for the bar; refetch: ask again and compare; look_up_split: is "
        "there a split that explains it; review: a person looks; none: nothing"
    )
    evidence: dict[str, Any] = Field(
        description="`words`: the finding in a sentence; `measure`: the unit of `threshold`; and the check's own "
        "figures by name: moves as shares (0.2 is 20%), prices in USD as traded. Where many symbols have it at once: `symbols` "
        "and `symbol_ids`, all of them, and `first`, one's evidence. Of a missing bar: `why`. More may come"
    )


class PriceAnomaly(QualityAlertData):
    """A price that is wrong or wild."""

    channel = Channel.PRICE_ANOMALY
    event_type = "price_anomaly"
    examples = (
        Example(
            "2025-09-02T21:40:05.830127Z",
            {
                "alert_id": 2306,
                "state": "open",
                "symbol": "ACME",
                "session": "2025-09-02",
                "check": "price_move",
                "severity": "medium",
                "verdict": "undetermined",
                "observed": 172.5,
                "expected": 230.46,
                "threshold": 0.2,
                "remediation": "review",
                "evidence": {
                    "words": "close 172.5 is -25.0% from 2025-08-29's, the market moved +0.2%",
                    "measure": "share of the close before",
                    "move": -0.25,
                    "market_move": 0.002,
                },
            },
        ),
    )


class VolumeAnomaly(QualityAlertData):
    """A volume out of line."""

    channel = Channel.VOLUME_ANOMALY
    event_type = "volume_anomaly"
    examples = (
        Example(
            "2025-09-02T21:40:05.921344Z",
            {
                "alert_id": 2307,
                "state": "open",
                "symbol": "ACME",
                "session": "2025-09-02",
                "check": "volume_spike",
                "severity": "low",
                "verdict": "undetermined",
                "observed": 8100000.0,
                "expected": 1350000.0,
                "threshold": 5.0,
                "remediation": "review",
                "evidence": {
                    "words": "volume 8,100,000 is 6.0 times the median of the 20 sessions before",
                    "measure": "times the median",
                    "ratio": 6.0,
                    "move": -0.25,
                },
            },
        ),
    )


class DataGap(QualityAlertData):
    """Data that lack, repeat, or should not be; and what went wrong in the system's work."""

    channel = Channel.DATA_GAP
    event_type = "data_gap"
    examples = (
        Example(
            "2025-09-02T21:40:05.977120Z",
            {
                "alert_id": 2308,
                "state": "open",
                "symbol": "ACME",
                "session": "2025-08-27",
                "check": "missing_session",
                "severity": "medium",
                "verdict": "data_error",
                "observed": 0.0,
                "expected": 1.0,
                "threshold": 1.0,
                "remediation": "reload",
                "evidence": {"words": "no bar of 2025-08-27, a session of the exchange", "measure": "bars"},
            },
        ),
        Example(
            "2025-09-03T21:40:06.104862Z",
            {
                "alert_id": 2330,
                "state": "open",
                "symbol": None,
                "session": "2025-09-03",
                "check": "vendor_coverage",
                "severity": "critical",
                "verdict": "undetermined",
                "observed": None,
                "expected": None,
                "threshold": None,
                "remediation": "review",
                "evidence": {
                    "coverage": 0.61,
                    "listed": 6958,
                    "pages": 7,
                    "words": "only 61.0% of the known active symbols are in the listing of 2025-09-03: nothing was archived",
                    "reported_by": "ipo_monitor",
                },
            },
        ),
    )


class Compared(BaseModel):
    """One figure of a day beside those of the days before it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    today: float = Field(description="The figure of this summary")
    yesterday: float | None = Field(description="Of the summary before this one; null: it has none")
    mean_30: float | None = Field(description="Mean over the last 30 summaries before this one; null: none has it")


class DailySummary(EventData):
    """What a day's sweep found, what was put right, and how complete and fresh the bars are."""

    channel = Channel.DAILY_SUMMARY
    event_type = "daily_summary"
    services = (Service.DATA_QUALITY_MONITOR,)
    examples = (
        Example(
            "2025-09-02T21:40:06.248910Z",
            {
                "session": "2025-09-02",
                "symbols_checked": 11406,
                "findings": 3,
                "by_check": {"missing_session": 1, "price_move": 1, "volume_spike": 1},
                "by_verdict": {"data_error": 1, "undetermined": 2},
                "by_severity": {"low": 1, "medium": 2},
                "repaired": 2,
                "repaired_by_check": {"missing_session": 2},
                "corrected": 1,
                "bars_present": 11403,
                "bars_expected": 11406,
                "completeness": 0.9997369805365597,
                "newest_bar": "2025-09-02",
                "lagging": 3,
                "without_bars": 1,
                "worst": [
                    "ACME 2025-08-27 missing_session: no bar of 2025-08-27, a session of the exchange",
                    "ACME 2025-09-02 price_move: close 172.5 is -25.0% from 2025-08-29's, the market moved +0.2%",
                    "ACME 2025-09-02 volume_spike: volume 8,100,000 is 6.0 times the median of the 20 sessions before",
                ],
                "open_by_state": {"given_up": 1, "open": 4, "remediating": 1},
                "open_by_severity": {"low": 2, "medium": 3, "high": 1},
                "findings_yesterday": 5,
                "findings_mean_30": 3.5,
                "against": {
                    "findings": {"today": 3.0, "yesterday": 5.0, "mean_30": 3.5},
                    "repaired": {"today": 2.0, "yesterday": 1.0, "mean_30": 0.5},
                    "completeness": {"today": 0.9997369805365597, "yesterday": 1.0, "mean_30": 0.9998},
                    "lagging": {"today": 3.0, "yesterday": 0.0, "mean_30": 1.25},
                    "open": {"today": 6.0, "yesterday": 5.0, "mean_30": 4.75},
                },
            },
        ),
    )

    session: date = Field(description="Session (New York) that the sweep followed")
    symbols_checked: int = Field(ge=0, description="Count of active symbols that the checks looked at")
    findings: int = Field(
        ge=0, description="Count of findings that are new since the summary before this one, those about the system too"
    )
    by_check: dict[str, int] = Field(description="Count of new findings by check, those about the system too")
    by_verdict: dict[str, int] = Field(description="Count of new findings by verdict, without those about the system")
    by_severity: dict[str, int] = Field(description="Count of new findings by severity, without those about the system")
    repaired: int = Field(
        ge=0, description="Count of bars that remediation put right since the summary before this one"
    )
    repaired_by_check: dict[str, int] = Field(
        default_factory=dict, description="Count of those bars by the check that had found them; found by two, in both"
    )
    corrected: int = Field(
        default=0, ge=0, description="Count of stored bars that the vendor's later word changed, without repairs"
    )
    bars_present: int = Field(
        ge=0, description="Count of the session's bars that are stored, of the symbols listed then"
    )
    bars_expected: int = Field(
        ge=0,
        description="Count of the session's bars that there should be: of the symbols listed then, without those known "
        "not to exist",
    )
    completeness: float = Field(
        ge=0, le=1, description="Share from 0 to 1: bars_present / bars_expected, 1 where none is expected"
    )
    newest_bar: date | None = Field(description="Freshness: the newest session (New York) with a bar; null: no bars")
    lagging: int = Field(
        default=0, ge=0, description="Freshness: count of listed symbols whose newest bar is older than the session"
    )
    without_bars: int = Field(default=0, ge=0, description="Count of those of `lagging` that have no bar at all")
    worst: list[str] = Field(
        description="The ten worst findings at most that nobody has settled, the worst first, in words; of one symbol "
        "and check the worst only"
    )
    open_by_state: dict[str, int] = Field(
        default_factory=dict,
        description="Count of alerts that nobody has settled, by state: open, remediating, given_up (needs a person)",
    )
    open_by_severity: dict[str, int] = Field(default_factory=dict, description="Count of the same alerts by severity")
    findings_yesterday: int | None = Field(description="`findings` of the summary before this one; null: the first")
    findings_mean_30: float | None = Field(
        description="Mean of `findings` over the last 30 summaries before this one; null: the first"
    )
    against: dict[str, Compared] = Field(
        default_factory=dict,
        description="Figures beside those of the summaries before: findings, repaired, completeness, lagging, open "
        "(alerts that nobody has settled); more may come",
    )
