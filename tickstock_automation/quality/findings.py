"""What a check finds, and how severe it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tickstock_automation.events.catalogue import Channel, Remediation, Severity, Verdict

SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")


@dataclass(frozen=True)
class Finding:
    """One finding. `threshold` is in the unit of `evidence["measure"]`; `evidence["words"]` says it in a sentence."""

    symbol_id: int
    symbol: str
    date: date
    check: str
    channel: Channel
    severity: Severity
    verdict: Verdict
    observed: float | None
    expected: float | None
    threshold: float | None
    remediation: Remediation
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The same finding has the same key, however often a sweep sees it."""
        return f"{self.check}:{self.symbol_id}:{self.date}"


def raised(severity: Severity, verdict: Verdict) -> Severity:
    """A `data_error` is one step more severe."""
    at = SEVERITIES.index(severity) + (verdict == "data_error")
    return SEVERITIES[min(at, len(SEVERITIES) - 1)]


def price_move_severity(move: float) -> Severity:
    """20% medium, 35% high, 50% critical; `move` as a share, either way. Source: the contract, section 6."""
    size = abs(move)
    return "critical" if size >= 0.5 else "high" if size >= 0.35 else "medium"
