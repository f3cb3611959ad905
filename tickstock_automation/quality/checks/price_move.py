"""A close-to-close move over the type's threshold, after splits and the market's own move are taken out."""

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Finding, price_move_severity
from tickstock_automation.quality.frame import Context


def price_move(context: Context) -> list[Finding]:
    """Threshold: 20% (30% for penny stocks), from the symbol's equity type; the contract, section 6.

    The market's own move is the median of the day's moves. One neighbour alone does not tell a wrong print from a wild
    day, so the verdict is `undetermined`.
    """
    own = pl.col("move") - pl.col("market_move")
    rows = context.bars.filter(
        pl.col("date").is_in(context.judged) & (own.abs() > pl.col("move_threshold"))
    ).with_columns(own.alias("own_move"))
    return [
        Finding(
            symbol_id=row["symbol_id"], symbol=row["symbol"], date=row["date"], check="price_move",
            channel=Channel.PRICE_ANOMALY, severity=price_move_severity(row["own_move"]), verdict="undetermined",
            observed=row["close"], expected=row["prev_adj_close"] * row["factor"] * (1 + row["market_move"]),
            threshold=row["move_threshold"], remediation="review",
            evidence={
                "words": f"close {row['close']:g} is {row['move']:+.1%} from {row['prev_date']}'s, the market moved {row['market_move']:+.1%}",
                "measure": "share of the close before", "move": row["move"], "market_move": row["market_move"],
            },
        )
        for row in rows.iter_rows(named=True)
    ]  # fmt: skip
