"""Made bars that behave like a market's: bursts, storms, earnings, debuts, splits. A seed decides everything; nothing is wrong in them."""

from tickstock_automation.bench.lifelike.bars import Lifelike, lifelike_bars

__all__ = ["Lifelike", "lifelike_bars"]
