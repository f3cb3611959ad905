"""A volume far below what the symbol usually trades."""

import math
from typing import Any

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import Context, other_bar

THRESHOLD = 0.1
ERROR = 1 / 20
NEIGHBOUR = 1 / 8
HARDLY = 1_000
COMPLAINT = Complaint("volume_drought", Channel.VOLUME_ANOMALY, "share of the median")


def volume_drought(context: Context) -> list[Finding]:
    """Under a tenth of the median of 20 sessions, adjusted for splits and for what the whole market traded that day.

    The contract, section 6. Half days and quiet weeks stay above a sixth of the median, and no real day of 92 large companies
    over five years lies under a twentieth: below that it is an error of units (lots, thousands), where the median before and
    the median after agree, or both neighbours trade eight times as much. The first days of a listing, which may be
    when-issued trading, are not decided by the days after alone.
    """
    before, after = other_bar("v", -1), other_bar("v", 1)
    rows = context.bars.with_columns(before.alias("v_prior"), after.alias("v_next")).filter(
        (pl.col("v_ratio") < math.log(THRESHOLD))
        & (pl.col("v_usual") > math.log(HARDLY))
        & pl.col("date").is_in(context.judged)
    )
    found = []
    for row in rows.iter_rows(named=True):
        ratio, usual = math.exp(row["v_ratio"]), math.exp(row["v_usual"] + row["day_v"]) / row["factor"]
        wrong = ratio < ERROR and (row["number"] >= 15 or _alone(row))
        found.append(
            COMPLAINT.about(
                row, f"volume {row['volume']:,.0f} is 1/{1 / ratio:,.0f} of the usual {usual:,.0f}"
                + ("; prices move as ever: an error of units" if wrong else ""),
                "data_error" if wrong else "undetermined", "low", "refetch" if wrong else "review",
                observed=row["volume"], expected=usual, threshold=THRESHOLD, ratio=ratio,
            )
        )  # fmt: skip
    return found


def _alone(row: dict[str, Any]) -> bool:
    sides = [row[name] for name in ("v_prior", "v_next") if row[name] is not None]
    return len(sides) == 2 and all(row["v"] - side < math.log(NEIGHBOUR) for side in sides)
