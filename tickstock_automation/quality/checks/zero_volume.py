"""A bar without volume."""

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context


def zero_volume(context: Context) -> list[Finding]:
    """No volume at all. A bar is made of trades, so in a symbol that usually trades it is a data error."""
    rows = context.bars.filter(pl.col("date").is_in(context.judged) & (pl.col("volume") <= 0))
    found = []
    for row in rows.iter_rows(named=True):
        trades = (row["volume_median"] or 0) > 0
        usual = f"{row['volume_median'] / row['factor']:,.0f} is usual" if trades else "it hardly ever trades"
        found.append(
            Finding(
                symbol_id=row["symbol_id"], symbol=row["symbol"], date=row["date"], check="zero_volume",
                channel=Channel.VOLUME_ANOMALY, severity="medium" if trades else "low",
                verdict="data_error" if trades else "undetermined", observed=row["volume"],
                expected=row["volume_median"] / row["factor"] if trades else None, threshold=0.0, remediation="refetch",
                evidence={"words": f"no volume at all; {usual}", "measure": "shares"},
            )
        )  # fmt: skip
    return found
