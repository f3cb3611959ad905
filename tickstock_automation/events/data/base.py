"""What all events' data have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from tickstock_automation.events.channels import Service


@dataclass(frozen=True)
class Example:
    """Data as they travel, when they were sent (ISO 8601, UTC), and by whom (None: by the type's only sender)."""

    sent: str
    data: dict[str, Any]
    service: Service | None = None


class EventData(BaseModel):
    """What an event says. Frozen; a field that is not named here is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    channel: ClassVar[str]
    event_type: ClassVar[str]
    services: ClassVar[tuple[Service, ...]]
    version: ClassVar[int] = 1
    examples: ClassVar[tuple[Example, ...]]
