"""Run rows: what makes a scheduled task idempotent per session, and what shows that it ran."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from tickstock_automation.errors import LeaseLost

RUNNING, DONE, HELD, FAILED = "running", "done", "held", "failed"


class RunMixin:
    """One row per (task, session). A row that is `running` past its lease belongs to whoever takes it."""

    session: Mapped[date] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(server_default=RUNNING, doc="running, done, held or failed")
    claim_token: Mapped[int] = mapped_column(server_default="1", doc="grows with every claim; an old one is refused")
    lease_until: Mapped[datetime]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
    vendor_calls: Mapped[int] = mapped_column(server_default="0")
    figures: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    error: Mapped[str | None]


def claim_run(session: Session, model: type[RunMixin], day: date, lease_s: int) -> tuple[int, bool] | None:
    """Takes the run of `day`: (claim token, whether this is its first claim), None where it is done or being done."""
    lease = func.now() + text("make_interval(secs => :lease)").bindparams(lease=lease_s)
    first = session.execute(
        insert(model).values(session=day, lease_until=lease).on_conflict_do_nothing().returning(model.claim_token)
    ).scalar()
    if first is not None:
        return first, True
    row = session.execute(
        select(model)
        .where(
            model.session == day,
            or_(model.outcome == FAILED, (model.outcome == RUNNING) & (model.lease_until < func.now())),
        )
        .with_for_update(skip_locked=True)
    ).scalar()
    if row is None:
        return None
    row.claim_token += 1
    row.outcome, row.error, row.finished_at = RUNNING, None, None
    row.lease_until = session.execute(select(lease)).scalar_one()
    return row.claim_token, False


def renew_run(session: Session, model: type[RunMixin], day: date, token: int, lease_s: int) -> None:
    """A sign of life in the caller's transaction; LeaseLost where the run is another worker's now."""
    row = session.execute(select(model).where(model.session == day).with_for_update()).scalar_one()
    if row.claim_token != token:
        raise LeaseLost(
            f"{model.__name__} of {day} was taken over by another worker; nothing more of this one is stored"
        )
    row.lease_until = session.execute(
        select(func.now() + text("make_interval(secs => :lease)").bindparams(lease=lease_s))
    ).scalar_one()
    session.flush()


def release_run(session: Session, model: type[RunMixin], day: date, token: int, vendor_calls: int) -> None:
    """Lets go of a run that passing trouble stopped: the next try may take it at once."""
    row = session.execute(select(model).where(model.session == day).with_for_update()).scalar_one()
    if row.claim_token == token:
        row.vendor_calls += vendor_calls
        row.lease_until = session.execute(select(func.now() - text("interval '1 second'"))).scalar_one()


def finish_run(
    session: Session,
    model: type[RunMixin],
    day: date,
    token: int,
    outcome: str,
    vendor_calls: int,
    figures: dict[str, Any],
    error: str | None = None,
) -> None:
    """Closes a run; LeaseLost where another has taken it since."""
    row = session.execute(select(model).where(model.session == day).with_for_update()).scalar_one()
    if row.claim_token != token:
        raise LeaseLost(f"{model.__name__} of {day} was taken over by another worker; nothing of this one is stored")
    row.outcome, row.figures, row.error = outcome, figures, error
    row.vendor_calls += vendor_calls
    row.finished_at = session.execute(select(func.clock_timestamp())).scalar_one()
