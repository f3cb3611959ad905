"""What becomes of an alert when a sweep sees its finding again, anew, changed, or no more. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from zlib import crc32

from tickstock_automation.events.catalogue import AlertState, Severity, Verdict
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.market_checks.finding import MarketFinding

CLOSED: tuple[AlertState, ...] = ("resolved", "confirmed", "given_up")
Found = Finding | MarketFinding
GONE = "the check does not find it any more"


@dataclass(frozen=True)
class Known:
    """An alert as it stands. `seen_as`: verdict and severity that the last sweep gave."""

    id: int
    key: str
    symbol_id: int | None
    session: date | None
    check: str
    state: AlertState
    verdict: Verdict
    severity: Severity
    observed: float | None
    words: str
    closed_by_person: bool
    seen_as: str | None


@dataclass(frozen=True)
class Change:
    """What a sweep makes of an alert. `told`: a step with its event; else only what the alert shows is brought up to date.

    `finding`: what the alert shows from now on; None where its finding is gone.
    """

    alert_id: int
    state: AlertState
    words: str
    finding: Found | None
    told: bool = True


def first_state(finding: Found) -> AlertState:
    """A move that the market made needs nobody: it is confirmed as it is found."""
    return "confirmed" if finding.verdict == "market_event" else "open"


def seen_as(finding: Found) -> str:
    """How a finding was judged, and whom it is about where these are many, in a few letters to compare."""
    judged = f"{finding.verdict} {finding.severity}"
    members = finding.evidence.get("symbol_ids")
    return judged if members is None else f"{judged} {crc32(repr(sorted(members)).encode()):08x}"


def decide(known: Known, finding: Found | None) -> Change | None:
    """The change that a sweep makes, None where it makes none.

    What a person closed stays closed while the bar is what it was. What remediation made of an alert holds until the checks
    judge otherwise than they did. What is resolved and found again is open again.
    """
    if finding is None:
        closed = known.state == "resolved" or known.closed_by_person
        return None if closed else Change(known.id, "resolved", GONE, None)
    other_bar = finding.observed != known.observed
    if known.closed_by_person and not other_bar:
        return None
    changed = other_bar or seen_as(finding) != (known.seen_as or f"{known.verdict} {known.severity}")
    words = str(finding.evidence["words"])
    if known.state == "resolved":
        return Change(known.id, first_state(finding), f"found again: {words}", finding)
    if changed:
        return Change(known.id, _after_change(known.state, finding), words, finding)
    if words != known.words and known.state not in CLOSED:
        return Change(known.id, known.state, words, finding, told=False)
    return None


def _after_change(state: AlertState, finding: Found) -> AlertState:
    if finding.verdict == "market_event":
        return "confirmed"
    return "remediating" if state == "remediating" else "open"
