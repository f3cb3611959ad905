"""A backfill job's life. A pair is one symbol on one session: one bar that is wanted."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from tickstock_automation.events.channels import Channel, Service
from tickstock_automation.events.data.base import EventData, Example

JOB_ID = "Row of backfill_jobs; the same in all events of a job"


class BackfillStarted(EventData):
    """A backfill job began."""

    channel = Channel.BACKFILL_STARTED
    event_type = "backfill_started"
    services = (Service.IPO_MONITOR,)
    examples = (
        Example(
            "2025-09-02T11:01:02.118034Z",
            {
                "job_id": 12,
                "reason": "new_listing",
                "symbols": 3,
                "bars_wanted": 183,
                "first_session": "2025-06-04",
                "last_session": "2025-08-29",
            },
        ),
    )

    job_id: int = Field(description=JOB_ID)
    reason: str = Field(
        description="Why the bars are wanted: new_listing (symbols were listed), asked (symbols were queued by hand or "
        "by a program); more may come"
    )
    symbols: int = Field(ge=0, description="Count of symbols that the job is for")
    bars_wanted: int = Field(ge=0, description="Count of pairs that are neither stored nor known to be empty")
    first_session: date = Field(description="Oldest session (New York) that the job looks at")
    last_session: date = Field(description="Newest session (New York) that the job looks at")


class BackfillProgress(EventData):
    """A backfill job came a step further: one event for each ten per cent, and several steps may be one."""

    channel = Channel.BACKFILL_PROGRESS
    event_type = "backfill_progress"
    services = (Service.IPO_MONITOR,)
    examples = (Example("2025-09-02T11:01:26.904417Z", {"job_id": 12, "percent": 50, "bars": 92}),)

    job_id: int = Field(description=JOB_ID)
    percent: int = Field(ge=0, le=100, description="Per cent of the wanted pairs that are settled, rounded down")
    bars: int = Field(ge=0, description="Count of wanted pairs whose bar is stored by now")


class BackfillCompleted(EventData):
    """A backfill job ended."""

    channel = Channel.BACKFILL_COMPLETED
    event_type = "backfill_completed"
    services = (Service.IPO_MONITOR,)
    examples = (
        Example(
            "2025-09-02T11:01:39.350872Z",
            {
                "job_id": 12,
                "outcome": "done",
                "symbols": 3,
                "bars": 181,
                "empty": 2,
                "failed": 0,
                "vendor_calls": 3,
                "awaiting_first_bar": ["ACMI"],
            },
        ),
    )

    job_id: int = Field(description=JOB_ID)
    outcome: Literal["done", "failed", "cancelled"] = Field(
        description="done: every pair has its bar or is known to be empty; failed: at least one pair failed, the others "
        "are settled; cancelled: a person ended it"
    )
    symbols: int = Field(ge=0, description="Count of symbols that the job was for")
    bars: int = Field(ge=0, description="Count of wanted pairs whose bar is stored")
    empty: int = Field(ge=0, description="Count of pairs that the vendor has no bar for")
    failed: int = Field(
        ge=0, description="Count of pairs whose call failed, whose bar was refused, or whose answer was incomplete"
    )
    vendor_calls: int = Field(
        ge=0, description="Count of answered vendor calls; one that served two jobs counts in both"
    )
    awaiting_first_bar: list[str] = Field(
        default_factory=list,
        description="Tickers, 500 at most, that have no bar at all yet, as an IPO of today; each end-of-day load asks for them",
    )
