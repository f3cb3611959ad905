"""Every event: its channel, who may send it, what its data mean, and the envelope it travels in.

Dates are session days in New York; moments are UTC. Stands on pydantic alone: consumers import it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tickstock_automation.events.channels import CANARY_CHANNEL, STREAM_PREFIX, Channel, Service
from tickstock_automation.events.data.backfill import BackfillCompleted, BackfillProgress, BackfillStarted
from tickstock_automation.events.data.base import EventData
from tickstock_automation.events.data.canary import Canary
from tickstock_automation.events.data.maintenance import MaintenanceCompleted, MaintenanceStarted, MaintenanceTask
from tickstock_automation.events.data.quality import (
    AlertState,
    Compared,
    DailySummary,
    DataGap,
    PriceAnomaly,
    QualityAlertData,
    Remediation,
    Severity,
    Verdict,
    VolumeAnomaly,
)
from tickstock_automation.events.data.symbols import FieldChange, NewSymbol, SymbolArchived, SymbolChanged

__all__ = [
    "CANARY_CHANNEL",
    "EVENT_TYPES",
    "STREAM_PREFIX",
    "AlertState",
    "BackfillCompleted",
    "BackfillProgress",
    "BackfillStarted",
    "Canary",
    "Channel",
    "Compared",
    "DailySummary",
    "DataGap",
    "Event",
    "EventData",
    "FieldChange",
    "MaintenanceCompleted",
    "MaintenanceStarted",
    "MaintenanceTask",
    "NewSymbol",
    "PriceAnomaly",
    "QualityAlertData",
    "Remediation",
    "Service",
    "Severity",
    "SymbolArchived",
    "SymbolChanged",
    "Verdict",
    "VolumeAnomaly",
    "decode",
    "encode",
]

EVENT_TYPES: tuple[type[EventData], ...] = (
    NewSymbol,
    SymbolChanged,
    SymbolArchived,
    BackfillStarted,
    BackfillProgress,
    BackfillCompleted,
    MaintenanceStarted,
    MaintenanceCompleted,
    PriceAnomaly,
    VolumeAnomaly,
    DataGap,
    DailySummary,
)
"""The contract's events, one for each channel."""

_ALL: tuple[type[EventData], ...] = (*EVENT_TYPES, Canary)
_BY_TYPE = {model.event_type: model for model in _ALL}


class Event(BaseModel):
    """The envelope: what travels, on the channel and in the stream alike."""

    model_config = ConfigDict(frozen=True)

    id: UUID = Field(description="Stays the same however often the message is sent")
    seq: int = Field(description="Grows; per symbol it follows the order of the commits, across channels")
    timestamp: AwareDatetime
    service: str
    event_type: str
    version: int
    data: dict[str, Any]

    @property
    def typed(self) -> EventData | None:
        """The data as their model; None for a type, or a newer version, that this catalogue does not know.

        A field that the model does not know is left out: a version may gain optional ones. ValidationError where the
        data do not fit.
        """
        model = _BY_TYPE.get(self.event_type)
        if model is None or self.version > model.version:
            return None
        return model.model_validate(self.data, extra="ignore")

    @property
    def symbol(self) -> str | None:
        """The ticker the event is about, if it is about one."""
        symbol = self.data.get("symbol")
        return symbol if isinstance(symbol, str) else None


def encode(*, id: UUID, seq: int, timestamp: datetime, service: str, event_type: str, version: int, data: str) -> str:
    """The message as it travels. `data` is JSON already validated by its model."""
    moment = timestamp.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return (
        f'{{"id": "{id}", "seq": {seq}, "timestamp": "{moment}", "service": "{service}", '
        f'"event_type": "{event_type}", "version": {version}, "data": {data}}}'
    )


def decode(message: str | bytes) -> Event:
    """An event from a message; pydantic.ValidationError where it is not one."""
    return Event.model_validate_json(message)
