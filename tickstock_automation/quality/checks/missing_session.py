"""A session of the exchange without a bar."""

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Complaint, Finding
from tickstock_automation.quality.frame import Context

LISTED_BEFORE_DAYS = 21
COMPLAINT = Complaint("missing_session", Channel.DATA_GAP, "bars")


def _expected_from() -> pl.Expr:
    long_before = pl.col("listed_from") < pl.col("first_bar") - pl.duration(days=LISTED_BEFORE_DAYS)
    return (
        pl.when(pl.col("listed_from").is_null() | long_before)
        .then(pl.col("first_bar"))
        .otherwise(pl.col("listed_from"))
    )


def missing_session(context: Context) -> list[Finding]:
    """A session with no bar, from listing to the last session judged, or to the symbol's last bar where `context.until_last_bar`.

    A symbol that was listed long before its first bar, or nobody knows when, is expected from that bar on: history that was never asked for is not
    missing.

    Holidays, half days and special closures are the calendar's. A symbol that has no bar at all yet is not judged, nor
    is one that the vendor no longer lists (it is left out of `context.symbols` by the caller).
    """
    present = pl.concat([context.bars.select("symbol_id", "date"), context.broken.select("symbol_id", "date")])
    spans = present.group_by("symbol_id").agg(
        pl.col("date").min().alias("first_bar"), pl.col("date").max().alias("last_bar"), pl.len().alias("bars")
    )
    places = pl.DataFrame(
        {"date": context.sessions, "place": range(len(context.sessions))}, schema={"date": pl.Date, "place": pl.Int64}
    )
    last = pl.col("last_bar") if context.until_last_bar else pl.lit(context.sessions[-1] if context.sessions else None)
    symbols = (
        context.symbols.join(spans, on="symbol_id")
        .with_columns(_expected_from().alias("from"), last.alias("until"))
    )  # fmt: skip
    early = symbols.filter(pl.col("first_bar") < pl.col("from")).select(
        "symbol_id", "from"
    )  # bars before it are none of its own
    too_many = (
        present.join(early, on="symbol_id").filter(pl.col("date") < pl.col("from")).group_by("symbol_id").len("early")
    )
    symbols = symbols.join(too_many, on="symbol_id", how="left").with_columns(
        pl.col("bars") - pl.col("early").fill_null(0)
    )
    bounds = symbols.sort("from").join_asof(
        places.rename({"place": "first_place"}), left_on="from", right_on="date", strategy="forward"
    ).sort("until").join_asof(places.rename({"place": "last_place"}), left_on="until", right_on="date", strategy="backward")  # fmt: skip
    short = bounds.filter(pl.col("last_place") - pl.col("first_place") + 1 > pl.col("bars"))
    if short.is_empty():
        return []
    rows = (
        short.select("symbol_id", "symbol", "from", "until").join(places, how="cross")
        .filter(pl.col("date").is_between("from", "until") & pl.col("date").is_in(context.judged))
        .join(present, on=["symbol_id", "date"], how="anti")
        .sort("date")
        .join_asof(_usual_volumes(context), on="date", by="symbol_id", strategy="backward", check_sortedness=False)
        .sort("symbol", "date")
    )  # fmt: skip
    return [
        COMPLAINT.about(
            row, f"no bar of {row['date']}, a session of the exchange", "data_error", "low", "reload",
            observed=0.0, expected=1.0, threshold=1.0, usual_volume=row["usual_volume"],
        )
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip


def _usual_volumes(context: Context) -> pl.DataFrame:
    """What is usual as of each bar, in shares: whether a share that has no bar hardly ever trades."""
    usual = (pl.col("v_usual").exp() / pl.col("factor")).round(0)
    return context.bars.select("symbol_id", "date", usual.alias("usual_volume")).sort("date")
