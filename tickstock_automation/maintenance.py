"""One run of a scan, an end-of-day load or a re-read for one session: claimed, told, and closed however it ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from tickstock_automation.db import operational
from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.db.runs import FAILED, RunMixin, claim_run, finish_run, release_run
from tickstock_automation.errors import BadAnswer, Fault, LeaseLost, Stop, TickstockError
from tickstock_automation.events.catalogue import MaintenanceCompleted, MaintenanceStarted, Service
from tickstock_automation.events.data.maintenance import MaintenanceTask
from tickstock_automation.events.outbox import Pending, add_events
from tickstock_automation.vendor.client import Vendor

Report = TypeVar("Report")


def run_once(
    model: type[RunMixin],
    task: MaintenanceTask,
    day: date,
    vendor: Vendor,
    lease_s: int,
    work: Callable[[int], Report],
    *,
    before_failed: Callable[[ServiceSession], None] = lambda _session: None,
) -> Report | None:
    """Does `work` with the run's claim token; None where the run is done, or another worker has it.

    What the vendor's answer or refusal ends is marked as failed, in the transaction of `before_failed`, and told; what it
    raised passes. After anything else the next try may take the run at once.
    """
    with transaction(Role.IPO_MONITOR) as session:
        claim = claim_run(session, model, day, lease_s)
        if claim is None:
            return None
        token, first = claim
        if first:
            add_events(session, Service.IPO_MONITOR, [Pending(MaintenanceStarted(task=task, session=day))])
    before = vendor.calls
    try:
        return work(token)
    except LeaseLost:
        raise
    except (BadAnswer, Stop) as error:
        with transaction(Role.IPO_MONITOR) as session:
            before_failed(session)
            finish_run(session, model, day, token, FAILED, vendor.calls - before, {}, str(error))
            _tell(session, task, day, error)
        raise
    except Exception:
        with transaction(Role.IPO_MONITOR) as session:
            release_run(session, model, day, token, vendor.calls - before)
        raise


def _tell(session: Session, task: MaintenanceTask, day: date, error: TickstockError) -> None:
    """Once for each session and cause: the schedule tries it again every ten minutes."""
    fault = error.fault if isinstance(error, BadAnswer) else None
    late = fault is Fault.EMPTY and task == "end_of_day"
    check = "vendor_refused" if isinstance(error, Stop) else "vendor_late" if late else "vendor_answer"
    evidence: dict[str, Any] = {"task": task, "session": day.isoformat(), "fault": fault.value if fault else "refused"}
    if operational.reported_lately(session, check, evidence):
        return
    operational.report(
        session, check=check, severity="critical", day=day, reported_by=Service.IPO_MONITOR, message=str(error),
        evidence=evidence,
    )  # fmt: skip
    completed = MaintenanceCompleted(task=task, session=day, outcome="failed", error=str(error))
    add_events(session, Service.IPO_MONITOR, [Pending(completed)])
