"""A finding about the whole market on one session."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tickstock_automation.events.catalogue import Channel, Remediation, Severity, Verdict


@dataclass(frozen=True)
class MarketFinding:
    """One finding about a session. `evidence["words"]` says it in a sentence; `evidence["symbols"]`: whose bars, if of some."""

    date: date
    check: str
    severity: Severity
    verdict: Verdict
    observed: float | None
    expected: float | None
    threshold: float | None
    remediation: Remediation
    evidence: dict[str, Any] = field(default_factory=dict)
    channel: Channel = Channel.DATA_GAP

    @property
    def key(self) -> str:
        """The same finding has the same key, however often a sweep sees it."""
        return market_key(self.check, self.date)

    @property
    def symbol_id(self) -> None:
        """It is about no single symbol."""
        return


def market_key(check: str, day: date) -> str:
    """The key of what a check finds of a whole session."""
    return f"{check}:market:{day}"
