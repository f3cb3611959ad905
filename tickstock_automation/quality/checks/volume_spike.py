"""A volume far above what the symbol usually trades."""

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import MEDIAN_SESSIONS, Context

THRESHOLD = 5.0
ENOUGH_BARS = 10  # a median of fewer says nothing: the first days of a listing trade wildly


def volume_spike(context: Context) -> list[Finding]:
    """Over 5 times the median of the 20 sessions before, adjusted for splits; the contract, section 6.

    Volume alone does not tell an error from news, so the verdict is `undetermined`.
    """
    ratio = pl.col("adj_volume") / pl.col("volume_median")
    rows = context.bars.filter(
        pl.col("date").is_in(context.judged) & (pl.col("volume_bars") >= ENOUGH_BARS) & (pl.col("volume_median") > 0)
    ).with_columns(ratio.alias("ratio"))
    return [
        Finding(
            symbol_id=row["symbol_id"], symbol=row["symbol"], date=row["date"], check="volume_spike",
            channel=Channel.VOLUME_ANOMALY, severity="medium" if row["ratio"] >= 2 * THRESHOLD else "low",
            verdict="undetermined", observed=row["volume"], expected=row["volume_median"] / row["factor"],
            threshold=THRESHOLD, remediation="review",
            evidence={
                "words": f"volume {row['volume']:,.0f} is {row['ratio']:.1f} times the median of the {MEDIAN_SESSIONS} sessions before",
                "measure": "times the median", "ratio": row["ratio"], "move": row["move"],
            },
        )
        for row in rows.filter(pl.col("ratio") > THRESHOLD).iter_rows(named=True)
    ]  # fmt: skip
