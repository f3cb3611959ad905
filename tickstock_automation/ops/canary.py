"""The canary: an event that goes all the way round, to show that queue, worker, database and relay are alive."""

from __future__ import annotations

from celery import shared_task

from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.events.catalogue import Canary, Service
from tickstock_automation.events.outbox import Pending, add_events

ROLES = {Service.IPO_MONITOR: Role.IPO_MONITOR, Service.DATA_QUALITY_MONITOR: Role.QUALITY_MONITOR}


@shared_task(name="ops.canary")
def canary(probe: str, service: str) -> None:
    """Sends a canary event as one of the services."""
    with transaction(ROLES[Service(service)]) as session:
        add_events(session, Service(service), [Pending(Canary(probe=probe))])
