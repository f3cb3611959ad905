"""A bar on a day on which the exchange does not trade."""

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import Context

COMPLAINT = Complaint("unexpected_session", Channel.DATA_GAP, "bars")


def unexpected_session(context: Context) -> list[Finding]:
    """No exchange session, no bar: Saturdays, holidays, closures. Such a bar is nobody's neighbour to the other checks.

    The database cannot hold one (its load refuses it, and that is a finding of the same name): this is for files.
    """
    return [
        COMPLAINT.about(
            row, f"a bar of {row['date']:%A} {row['date']}, when the exchange did not trade", "data_error", "low", "review",
            observed=1.0, expected=0.0, threshold=0.0,
        )
        for row in context.off_session.iter_rows(named=True) if context.asks_for(row["date"])
    ]  # fmt: skip
