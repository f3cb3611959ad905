"""The checks: each a pure function from a prepared frame to findings, in a file of its own, registered here by one line."""

from collections.abc import Callable

from tickstock_automation.quality.checks.copied_bar import copied_bar
from tickstock_automation.quality.checks.duplicate_bar import duplicate_bar
from tickstock_automation.quality.checks.foreign_bar import foreign_bar
from tickstock_automation.quality.checks.missing_session import missing_session
from tickstock_automation.quality.checks.ohlc_inconsistent import ohlc_inconsistent
from tickstock_automation.quality.checks.open_close_swapped import open_close_swapped
from tickstock_automation.quality.checks.price_move import price_move
from tickstock_automation.quality.checks.price_outlier import price_outlier
from tickstock_automation.quality.checks.split_unadjusted import split_unadjusted
from tickstock_automation.quality.checks.stale_close import stale_close
from tickstock_automation.quality.checks.stuck_price import stuck_price
from tickstock_automation.quality.checks.stuck_volume import stuck_volume
from tickstock_automation.quality.checks.ticker_reuse import ticker_reuse
from tickstock_automation.quality.checks.unexpected_session import unexpected_session
from tickstock_automation.quality.checks.volume_drought import volume_drought
from tickstock_automation.quality.checks.volume_spike import volume_spike
from tickstock_automation.quality.checks.zero_volume import zero_volume
from tickstock_automation.quality.findings import Finding
from tickstock_automation.quality.frame import Context

Check = Callable[[Context], list[Finding]]

CHECKS: tuple[Check, ...] = (
    ticker_reuse,
    price_outlier,
    split_unadjusted,
    ohlc_inconsistent,
    price_move,
    volume_spike,
    volume_drought,
    zero_volume,
    stuck_volume,
    missing_session,
    stuck_price,
    copied_bar,
    foreign_bar,
    open_close_swapped,
    stale_close,
    unexpected_session,
    duplicate_bar,
)
