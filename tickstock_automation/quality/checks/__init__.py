"""The checks: each a pure function from a prepared frame to findings, in a file of its own, registered here by one line."""

from collections.abc import Callable

from tickstock_automation.quality.checks.missing_session import missing_session
from tickstock_automation.quality.checks.ohlc_inconsistent import ohlc_inconsistent
from tickstock_automation.quality.checks.price_move import price_move
from tickstock_automation.quality.checks.volume_spike import volume_spike
from tickstock_automation.quality.checks.zero_volume import zero_volume
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context

Check = Callable[[Context], list[Finding]]

CHECKS: tuple[Check, ...] = (
    price_move,
    ohlc_inconsistent,
    volume_spike,
    zero_volume,
    missing_session,
)


def run_checks(context: Context) -> list[Finding]:
    """All findings of all checks, in the order of symbol, date, check."""
    found = [finding for check in CHECKS for finding in check(context)]
    return sorted(found, key=lambda finding: (finding.symbol, finding.date, finding.check))
