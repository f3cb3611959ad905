"""What all outliers share: the limits, and how they are told."""

from __future__ import annotations

import math

from tickstock_automation.events.catalogue import Channel, Severity
from tickstock_automation.quality.findings import Complaint

SURE = 6.0  # usual moves
HEAVY = 1.0  # ln of volume over usual: above it, people traded on the news
BIG = math.log(1.8)
HUGE = math.log(2.5)  # such a level for some days and back is no market's work
RETURN = 0.4  # of the shift may be left when it is back
HEAVIER = 1.8  # ln of volume over usual that may stand beside a shift too large to be real
COMPLAINT = Complaint("price_outlier", Channel.PRICE_ANOMALY, "usual moves")


def severity(shift: float) -> Severity:
    """By how far it is off: medium, from 50% high, from 150% critical; `shift` is a logarithm."""
    size = abs(shift)
    return "critical" if size > math.log(2.5) else "high" if size > math.log(1.5) else "medium"


def times(shift: float) -> str:
    """A shift in words: as a factor where it is large, else in percent."""
    factor = math.exp(shift)
    return f"{factor:.4g}x" if factor >= 2 or factor <= 0.5 else f"{factor - 1:+.1%} of"
