"""Lets go of what a killed stack had claimed, so that the next start need not wait for its leases to run out."""

from __future__ import annotations

from sqlalchemy import text

from tickstock_automation.db.engine import transaction
from tickstock_automation.db.roles import Role

LEASED = (
    text("UPDATE scan_runs SET lease_until = now() - interval '1 minute' WHERE outcome = 'running'"),
    text("UPDATE eod_runs SET lease_until = now() - interval '1 minute' WHERE outcome = 'running'"),
    text("UPDATE equity_processing_queue SET lease_until = now() - interval '1 second' WHERE status = 'running'"),
    text("UPDATE bar_calls SET lease_until = now() - interval '1 second' WHERE status = 'running'"),
)


SWEEPS = text("UPDATE quality_sweep_shards SET lease_until = now() - interval '1 second' WHERE state = 'running'")


def release_leases() -> None:
    """For an embedded database alone, before any worker starts: there nobody else can hold one."""
    with transaction(Role.IPO_MONITOR) as session:
        for statement in LEASED:
            session.execute(statement)
    with transaction(Role.QUALITY_MONITOR) as session:
        session.execute(SWEEPS)
