"""An event outside the contract, for health checks."""

from __future__ import annotations

from pydantic import Field

from tickstock_automation.events.channels import CANARY_CHANNEL, Service
from tickstock_automation.events.data.base import EventData


class Canary(EventData):
    """A health check's event: it goes all the way round and tells nobody anything."""

    channel = CANARY_CHANNEL
    event_type = "canary"
    services = (Service.IPO_MONITOR, Service.DATA_QUALITY_MONITOR)
    examples = ()

    probe: str = Field(description="What the health check looks for when it comes back")
