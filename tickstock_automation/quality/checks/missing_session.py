"""A session of the exchange without a bar."""

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Finding, raised
from tickstock_automation.quality.frame import Context


def missing_session(context: Context) -> list[Finding]:
    """A session with no bar, from listing (the first bar, where the listing day is unknown) to the last session judged.

    Holidays, half days and special closures are the calendar's. A symbol that has no bar at all yet is not judged, nor
    is one that the vendor no longer lists (it is left out of `context.symbols` by the caller).
    """
    spans = context.bars.group_by("symbol_id").agg(pl.col("date").min().alias("first_bar"))
    symbols = context.symbols.join(spans, on="symbol_id").with_columns(
        pl.coalesce("listed_from", "first_bar").alias("from")
    )
    sessions = pl.DataFrame(
        {"date": [day for day in context.sessions if day in set(context.judged)]}, schema={"date": pl.Date}
    )
    rows = (
        symbols.join(sessions, how="cross")
        .filter(pl.col("date") >= pl.col("from"))
        .join(context.bars.select("symbol_id", "date"), on=["symbol_id", "date"], how="anti")
        .sort("symbol", "date")
    )
    return [
        Finding(
            symbol_id=row["symbol_id"], symbol=row["symbol"], date=row["date"], check="missing_session",
            channel=Channel.DATA_GAP, severity=raised("low", "data_error"), verdict="data_error",
            observed=0.0, expected=1.0, threshold=1.0, remediation="reload",
            evidence={"words": f"no bar of {row['date']}, a session of the exchange", "measure": "bars"},
        )
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip
