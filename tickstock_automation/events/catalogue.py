"""Every event: its channel, who may send it, and what its data mean. Channel names stand here and nowhere else.

Dates are session days in New York; moments are UTC. Stands on pydantic alone: consumers import it.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

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

Severity = Literal["low", "medium", "high", "critical"]
Verdict = Literal["data_error", "market_event", "undetermined"]
AlertState = Literal["open", "remediating", "resolved", "confirmed", "given_up"]
Remediation = Literal["none", "reload", "refetch", "look_up_split", "review"]
MaintenanceTask = Literal["scan", "end_of_day", "quality_sweep"]


class EventData(BaseModel):
    """What an event says. Frozen; a field that is not named here is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    channel: ClassVar[str]
    event_type: ClassVar[str]
    services: ClassVar[tuple[Service, ...]]
    version: ClassVar[int] = 1


class NewSymbol(EventData):
    """A listing was discovered and stored."""

    channel = Channel.SYMBOLS_NEW
    event_type = "new_symbol"
    services = (Service.IPO_MONITOR,)

    symbol: str = Field(description="Ticker", min_length=1)
    name: str | None = Field(description="Company or fund")
    type: str | None = Field(description="The vendor's type: CS, ETF, ...")
    exchange: str | None = Field(description="MIC of the primary exchange")
    equity_type: str = Field(description="How it is processed: a row of equity_types")
    reason: Literal["bootstrap", "ipo", "listed", "relisted"] = Field(
        description="bootstrap: first scan of an empty database; listed: no IPO is known"
    )
    session: date = Field(description="Session before which the scan ran")
    universes: list[str] = Field(description="Universes it was put into with this")


class FieldChange(BaseModel):
    """One field's change."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    old: str | float | bool | list[str] | None
    new: str | float | bool | list[str] | None


class SymbolChanged(EventData):
    """Renamed, re-typed, details changed, or put into or out of universes."""

    channel = Channel.SYMBOLS_CHANGED
    event_type = "symbol_changed"
    services = (Service.IPO_MONITOR,)

    symbol: str = Field(description="Ticker after the change", min_length=1)
    session: date = Field(description="Session before which the scan ran")
    changes: dict[str, FieldChange] = Field(description="Field name to what it was and became", min_length=1)


class SymbolArchived(EventData):
    """Delisted: kept with its history, no longer processed."""

    channel = Channel.SYMBOLS_ARCHIVED
    event_type = "symbol_archived"
    services = (Service.IPO_MONITOR,)

    symbol: str = Field(description="Ticker", min_length=1)
    session: date = Field(description="Session before which the scan ran")
    delist_date: date = Field(description="First session on which it was no longer listed")
    reason: Literal["absent_twice", "vendor_says_delisted"] = Field(description="Why it is held to be delisted")


class BackfillStarted(EventData):
    """A backfill job began."""

    channel = Channel.BACKFILL_STARTED
    event_type = "backfill_started"
    services = (Service.IPO_MONITOR,)

    job_id: int
    reason: str = Field(description="new_listing, missing, backfill_job")
    symbols: int = Field(ge=0, description="Symbols with at least one bar wanted")
    bars_wanted: int = Field(ge=0, description="(symbol, session) pairs")
    first_session: date
    last_session: date


class BackfillProgress(EventData):
    """A backfill job came a step further."""

    channel = Channel.BACKFILL_PROGRESS
    event_type = "backfill_progress"
    services = (Service.IPO_MONITOR,)

    job_id: int
    percent: int = Field(ge=0, le=100, description="Share of the wanted pairs that are settled")
    bars: int = Field(ge=0, description="Bars stored so far")


class BackfillCompleted(EventData):
    """A backfill job ended."""

    channel = Channel.BACKFILL_COMPLETED
    event_type = "backfill_completed"
    services = (Service.IPO_MONITOR,)

    job_id: int
    outcome: Literal["done", "failed", "cancelled"]
    symbols: int = Field(ge=0)
    bars: int = Field(ge=0, description="Bars stored")
    empty: int = Field(ge=0, description="Pairs that the vendor has no bar for")
    failed: int = Field(ge=0, description="Pairs whose call failed")
    vendor_calls: int = Field(ge=0)


class MaintenanceStarted(EventData):
    """A scan, an end-of-day load or a sweep began."""

    channel = Channel.MAINTENANCE_STARTED
    event_type = "maintenance_started"
    services = (Service.IPO_MONITOR, Service.DATA_QUALITY_MONITOR)

    task: MaintenanceTask
    session: date


class MaintenanceCompleted(EventData):
    """A scan, an end-of-day load or a sweep ended."""

    channel = Channel.MAINTENANCE_COMPLETED
    event_type = "maintenance_completed"
    services = (Service.IPO_MONITOR, Service.DATA_QUALITY_MONITOR)

    task: MaintenanceTask
    session: date
    outcome: Literal["done", "held", "failed"] = Field(
        description="held: the vendor's answer was too thin to archive anything"
    )
    session_state: Literal["pending", "ready", "degraded", "missing"] | None = Field(
        None, description="After an end-of-day load: may this session's data be used?"
    )
    figures: dict[str, int] = Field(default_factory=dict, description="Counts, by name")
    corrected: list[str] = Field(default_factory=list, description="SYMBOL DATE of changed bars, 500 at most")
    error: str | None = Field(None, description="Why it failed")


class QualityAlertData(EventData):
    """One step of an alert's life."""

    services = (Service.DATA_QUALITY_MONITOR,)

    alert_id: int
    state: AlertState
    symbol: str | None = Field(description="None where the finding is about the system or the whole market")
    session: date | None
    check: str = Field(description="Which check found it")
    severity: Severity
    verdict: Verdict
    observed: float | None
    expected: float | None
    threshold: float | None = Field(description="What it was held against, in the unit of `evidence.measure`")
    remediation: Remediation
    evidence: dict[str, Any] = Field(description="`words` in a sentence, `measure`, and figures by name")


class PriceAnomaly(QualityAlertData):
    """A price that is wrong or wild."""

    channel = Channel.PRICE_ANOMALY
    event_type = "price_anomaly"


class VolumeAnomaly(QualityAlertData):
    """A volume out of line."""

    channel = Channel.VOLUME_ANOMALY
    event_type = "volume_anomaly"


class DataGap(QualityAlertData):
    """Data that lack, repeat, or should not be; and what went wrong in the system's work."""

    channel = Channel.DATA_GAP
    event_type = "data_gap"


class DailySummary(EventData):
    """What a day's sweep found."""

    channel = Channel.DAILY_SUMMARY
    event_type = "daily_summary"
    services = (Service.DATA_QUALITY_MONITOR,)

    session: date
    symbols_checked: int = Field(ge=0)
    findings: int = Field(ge=0, description="New with this sweep")
    by_check: dict[str, int]
    by_verdict: dict[str, int]
    by_severity: dict[str, int]
    repaired: int = Field(ge=0)
    bars_present: int = Field(ge=0)
    bars_expected: int = Field(ge=0, description="Active symbols of the session")
    completeness: float = Field(ge=0, le=1, description="bars_present / bars_expected, 1 where none is expected")
    newest_bar: date | None = Field(description="Freshness: the newest session with a bar")
    worst: list[str] = Field(description="The ten worst findings, in words")
    findings_yesterday: int | None
    findings_mean_30: float | None = Field(description="Mean over the last 30 summaries before this one")


class Canary(EventData):
    """A health check's event: it goes all the way round and tells nobody anything."""

    channel = CANARY_CHANNEL
    event_type = "canary"
    services = (Service.IPO_MONITOR, Service.DATA_QUALITY_MONITOR)

    probe: str


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
