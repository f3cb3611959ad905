"""Scans, end-of-day loads and sweeps: one run of a task for one session."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from tickstock_automation.events.channels import Channel, Service
from tickstock_automation.events.data.base import EventData, Example

MaintenanceTask = Literal["scan", "end_of_day", "reread", "quality_sweep"]

TASK = (
    "scan: the vendor's listing against what is stored; end_of_day: the session's bars; "
    "reread: the morning before the session, the bars of the sessions before once more; "
    "quality_sweep: the checks over the last sessions"
)
SESSION = "Session (New York): before its open for a scan or a reread, after its close for the others"


class MaintenanceStarted(EventData):
    """A scan, an end-of-day load or a sweep began; said once, however often it has to be tried."""

    channel = Channel.MAINTENANCE_STARTED
    event_type = "maintenance_started"
    services = (Service.IPO_MONITOR, Service.DATA_QUALITY_MONITOR)
    examples = (
        Example("2025-09-02T11:00:00.093117Z", {"task": "scan", "session": "2025-09-02"}, Service.IPO_MONITOR),
        Example(
            "2025-09-02T21:40:00.088204Z",
            {"task": "quality_sweep", "session": "2025-09-02"},
            Service.DATA_QUALITY_MONITOR,
        ),
    )

    task: MaintenanceTask = Field(description=TASK)
    session: date = Field(description=SESSION)


class MaintenanceCompleted(EventData):
    """A scan, an end-of-day load or a sweep ended. One that failed may be tried again and end a second time."""

    channel = Channel.MAINTENANCE_COMPLETED
    event_type = "maintenance_completed"
    services = (Service.IPO_MONITOR, Service.DATA_QUALITY_MONITOR)
    examples = (
        Example(
            "2025-09-02T21:30:12.440965Z",
            {
                "task": "end_of_day",
                "session": "2025-09-02",
                "outcome": "done",
                "session_state": "ready",
                "figures": {
                    "loaded": 11402,
                    "updated": 1,
                    "refused": 0,
                    "missing": 3,
                    "expected": 11406,
                    "stored": 11403,
                },
                "corrected": ["BRK.B 2025-09-02"],
                "error": None,
            },
            Service.IPO_MONITOR,
        ),
        Example(
            "2025-09-03T11:00:09.702290Z",
            {
                "task": "scan",
                "session": "2025-09-03",
                "outcome": "failed",
                "session_state": None,
                "figures": {},
                "corrected": [],
                "error": "the vendor's listing of 2025-09-03 is empty",
            },
            Service.IPO_MONITOR,
        ),
        Example(
            "2025-09-02T21:40:06.251833Z",
            {
                "task": "quality_sweep",
                "session": "2025-09-02",
                "outcome": "done",
                "session_state": None,
                "figures": {"checked": 11406, "findings": 3, "operational": 0},
                "corrected": [],
                "error": None,
            },
            Service.DATA_QUALITY_MONITOR,
        ),
    )

    task: MaintenanceTask = Field(description=TASK)
    session: date = Field(description=SESSION)
    outcome: Literal["done", "held", "failed"] = Field(
        description="held: a scan whose listing was too thin to archive anything, all else was done; "
        "failed: the vendor's answer could not be used, or the vendor refused the call"
    )
    session_state: Literal["pending", "ready", "degraded", "missing"] | None = Field(
        None, description="After an end-of-day load that is done: may this session's data be used? Null otherwise"
    )
    figures: dict[str, int] = Field(
        default_factory=dict,
        description="Counts by name. scan, of symbols: listed, new, changed, archived, "
        "held_back (new ones out of a flood, not stored until a second scan agrees), refused and repeated (rows of the "
        "listing). end_of_day, of bars: loaded "
        "(new), updated, refused, missing, expected, stored; or closed 1, where the exchange did not trade that day after all. "
        "reread: sessions (read again), updated and loaded (bars that were changed, that came late), gaps (symbols whose older "
        "gaps are asked for). quality_sweep: checked (symbols), findings, "
        "operational (findings about the system). Empty where it failed; more may come",
    )
    corrected: list[str] = Field(
        default_factory=list,
        description="Stored bars that the load changed, each as ticker, space, session (New York); 500 at most: figures.updated counts all",
    )
    error: str | None = Field(None, description="Why it failed, in words; null otherwise")
