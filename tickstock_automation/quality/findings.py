"""What a check finds, and how severe it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
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

    def beside(self, words: str) -> Finding:
        """The same, with what was seen beside it."""
        seen = [*self.evidence.get("beside", []), words]
        return replace(self, evidence={**self.evidence, "beside": seen})


@dataclass(frozen=True)
class Complaint:
    """What all findings of a check have in common; `about` makes one of a bar's row."""

    check: str
    channel: Channel
    measure: str

    def about(
        self,
        row: Mapping[str, Any],
        words: str,
        verdict: Verdict,
        severity: Severity,
        remediation: Remediation,
        *,
        observed: float | None = None,
        expected: float | None = None,
        threshold: float | None = None,
        **evidence: Any,
    ) -> Finding:
        """A finding on the bar of `row` (symbol_id, symbol, date); a `data_error` becomes one step more severe."""
        return Finding(
            row["symbol_id"], row["symbol"], row["date"], self.check, self.channel, raised(severity, verdict), verdict,
            observed, expected, threshold, remediation, {"words": words, "measure": self.measure, **evidence},
        )  # fmt: skip


def raised(severity: Severity, verdict: Verdict) -> Severity:
    """A `data_error` is one step more severe."""
    at = SEVERITIES.index(severity) + (verdict == "data_error")
    return SEVERITIES[min(at, len(SEVERITIES) - 1)]


def price_move_severity(move: float) -> Severity:
    """20% medium, 35% high, 50% critical; `move` as a share, either way. Source: the contract, section 6."""
    size = abs(move)
    return "critical" if size >= 0.5 else "high" if size >= 0.35 else "medium"


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By symbol, date, check."""
    return sorted(findings, key=lambda finding: (finding.symbol, finding.date, finding.check))
