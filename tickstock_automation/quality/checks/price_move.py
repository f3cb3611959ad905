"""A close-to-close move over the type's threshold, after splits and the market's own move are taken out."""

import math

import polars as pl

from tickstock_automation.events.catalogue import Channel
from tickstock_automation.quality.findings import Complaint, Finding, price_move_severity
from tickstock_automation.quality.frame import Context, other_bar

TRADED = math.log(1.5)
COMPLAINT = Complaint("price_move", Channel.PRICE_ANOMALY, "share of the close before")


def price_move(context: Context) -> list[Finding]:
    """Threshold: 20% (30% for penny stocks), from the symbol's equity type; the contract, section 6.

    The market's own move is the median of the day's moves. Whether the data are wrong is for `price_outlier`,
    `split_unadjusted` and `ticker_reuse` to say; what they do not claim and traded half as much again as usual, or fell within a storm
    of the whole market, is the market's.
    """
    own = (pl.col("gap") + pl.col("body")).exp() - 1
    prior = other_bar("close", -1) * (pl.col("factor") / other_bar("factor", -1))
    rows = context.bars.with_columns(
        own.alias("own_move"), prior.alias("prior"), pl.col("date").shift(1).alias("prior_date")
    ).filter(pl.col("date").is_in(context.judged) & (pl.col("own_move").abs() > pl.col("move_threshold")))
    found = []
    for row in rows.iter_rows(named=True):
        market = math.expm1(row["raw_gap"] + row["raw_body"] - row["gap"] - row["body"])
        move = math.expm1(row["raw_gap"] + row["raw_body"])
        traded = row["v_ratio"] is not None and row["v_ratio"] > TRADED
        stormy = max(row["day_gap"], row["day_body"]) > 2
        volume = "unknown" if row["v_ratio"] is None else f"{math.exp(row['v_ratio']):.1f} times the usual"
        found.append(
            COMPLAINT.about(
                row, f"close {row['close']:g} is {move:+.1%} from {row['prior_date']}'s, the market moved {market:+.1%}; volume {volume}",
                "market_event" if traded or stormy else "undetermined", price_move_severity(row["own_move"]),
                "none" if traded or stormy else "review", observed=row["close"], expected=row["prior"] * (1 + market),
                threshold=row["move_threshold"], move=move, market_move=market,
            )
        )  # fmt: skip
    return found
