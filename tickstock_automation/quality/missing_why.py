"""Why a bar is missing, as far as can be known. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from tickstock_automation.bars.absence import Absence, Facts, Outcome, explain
from tickstock_automation.events.catalogue import Remediation, Severity, Verdict
from tickstock_automation.quality.findings import Finding

CHECKS = ("missing_session", "stale_data")
NEW_SESSIONS = 10  # a listing's details come in the evening of its day, or days later
LIQUID = 50_000.0  # shares a day: what trades so much does not rest for a day
THIN_WORDS = "lacks too many symbols"


class Why(StrEnum):
    """The reasons, `evidence["why"]`."""

    NOT_LISTED = "not_listed"  # not yet
    DETAILS_LATE = "details_late"  # a new listing whose list date is not known yet
    NO_TRADE = "no_trade"  # halted, or nobody traded: asked for, and the vendor's full answer has none
    DELISTED = "delisted"
    VENDOR_INCOMPLETE = "vendor_incomplete"  # its answer lacked much, or its row could not be used
    CALL_FAILED = "call_failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class MissingFacts:
    """`absence`: what the bars' service knows; `first_seen`, `listed_known`: since when the symbol is known, and whether its
    list date is; `days_since_seen`: calendar days from then to the session; `absent_since`: not in the listing since; `usual_volume`: shares that it trades on other
    days."""

    absence: Facts
    listed_known: bool
    days_since_seen: int
    absent_since: date | None = None
    usual_volume: float | None = None


@dataclass(frozen=True)
class Reason:
    """What it comes to for the finding. `verdict` None: it stays what the check says."""

    why: Why
    words: str
    verdict: Verdict | None = None
    severity: Severity | None = None
    remediation: Remediation | None = None


def missing_day(finding: Finding) -> date:
    """The session whose bar is missing: of what is stale, the first one."""
    since = finding.evidence.get("missing_from")
    return date.fromisoformat(since) if since else finding.date


def reason(facts: MissingFacts) -> Reason | None:
    """None where there is nothing to find, or not yet: the bar is asked for and still to come."""
    found = explain(facts.absence)
    outcome, day = found.outcome, facts.absence.day
    if outcome in (Outcome.WAITING, Outcome.NO_SESSION, Outcome.NOT_CLOSED):
        return None
    if outcome is Outcome.NOT_LISTED:
        why = (
            Why.DELISTED
            if facts.absence.delist_date is not None and day >= facts.absence.delist_date
            else Why.NOT_LISTED
        )
        return Reason(why, found.words, "market_event", "low", "none")
    if facts.absent_since is not None and day >= facts.absent_since:
        return Reason(
            Why.DELISTED, f"not in the vendor's listing since {facts.absent_since}", "undetermined", "low", "none"
        )
    if not facts.listed_known and 0 <= facts.days_since_seen <= NEW_SESSIONS:
        words = "a new listing whose first day is not known yet: its details are late"
        return Reason(Why.DETAILS_LATE, words, "undetermined", "low", "none")
    if outcome is Outcome.KNOWN_EMPTY and (facts.usual_volume or 0.0) >= LIQUID:
        words = f"the vendor has none, asked again, though {facts.usual_volume:,.0f} shares are usual: halted, or lost"
        return Reason(Why.VENDOR_INCOMPLETE, words, "undetermined", "medium", "review")
    if outcome is Outcome.KNOWN_EMPTY:
        words = "halted, or nobody traded: the vendor's answer is full otherwise and was asked again"
        return Reason(Why.NO_TRADE, words, "market_event", "low", "none")
    if outcome is Outcome.FAILED:
        return _failed(found)
    return Reason(Why.UNKNOWN, found.words)


def _failed(found: Absence) -> Reason:
    if "refused:" in found.words or THIN_WORDS in found.words:
        return Reason(Why.VENDOR_INCOMPLETE, found.words)
    return Reason(Why.CALL_FAILED, found.words)


def with_reason(finding: Finding, why: Reason) -> Finding:
    """The finding with its reason in evidence and words."""
    evidence = {**finding.evidence, "why": why.why.value, "words": f"{finding.evidence['words']}: {why.words}"}
    return replace(
        finding, evidence=evidence, verdict=why.verdict or finding.verdict, severity=why.severity or finding.severity,
        remediation=why.remediation or finding.remediation,
    )  # fmt: skip
