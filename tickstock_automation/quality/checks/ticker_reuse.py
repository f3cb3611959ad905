"""A history that belongs to another company, or to nobody any more."""

from __future__ import annotations

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import Context
from tickstock_automation.quality.histories import boundaries

COMPLAINT = Complaint("ticker_reuse", Channel.PRICE_ANOMALY, "times")


def ticker_reuse(context: Context) -> list[Finding]:
    """Bars on the wrong side of a boundary: the ticker was another company's before, or data go on after it is gone.

    A boundary is a step of the price that stays and is no split's, with a hole before it or twentyfold more or fewer shares traded
    after it (a spin-off or a crash changes neither so); or the day from which a liquid share has no volume at all. Up to 40
    bars on the side where less is traded are found.
    """
    found: dict[int, Finding] = {}
    for boundary in boundaries(context.bars, context.levels):
        first = context.bars["date"][boundary.at]
        for row in context.rows(boundary.rows):
            found.setdefault(
                row["row"],
                COMPLAINT.about(
                    row, f"another company's or dead data: on {first} {boundary.why}", "data_error", "high", "review",
                    observed=row["close"], threshold=20.0, boundary=str(first),
                ),
            )  # fmt: skip
    return [found[row] for row in sorted(found)]
