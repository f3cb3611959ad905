"""Channels, and who sends on them. Channel names stand here and nowhere else."""

from __future__ import annotations

from enum import StrEnum

STREAM_PREFIX = "stream:"


class Service(StrEnum):
    """Who sends."""

    IPO_MONITOR = "ipo_monitor"
    DATA_QUALITY_MONITOR = "data_quality_monitor"


class Channel(StrEnum):
    """All channels. The stream of a channel has the same name behind `stream:`."""

    SYMBOLS_NEW = "tickstock.automation.symbols.new"
    SYMBOLS_CHANGED = "tickstock.automation.symbols.changed"
    SYMBOLS_ARCHIVED = "tickstock.automation.symbols.archived"
    BACKFILL_STARTED = "tickstock.automation.backfill.started"
    BACKFILL_PROGRESS = "tickstock.automation.backfill.progress"
    BACKFILL_COMPLETED = "tickstock.automation.backfill.completed"
    MAINTENANCE_STARTED = "tickstock.automation.maintenance.started"
    MAINTENANCE_COMPLETED = "tickstock.automation.maintenance.completed"
    PRICE_ANOMALY = "tickstock.quality.price_anomaly"
    VOLUME_ANOMALY = "tickstock.quality.volume_anomaly"
    DATA_GAP = "tickstock.quality.data_gap"
    DAILY_SUMMARY = "tickstock.quality.daily_summary"

    @property
    def stream(self) -> str:
        """The key of the stream that keeps this channel's messages."""
        return STREAM_PREFIX + self.value


CANARY_CHANNEL = "internal.canary"
"""Not a channel of the contract: a health check's event travels on it, beside everything named `tickstock.*`."""
