"""Sweeps as rows: made once, worked at in shards that are claimed by lease and fencing token, finished by the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import Select, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from tickstock_automation.db.engine import ServiceSession, transaction
from tickstock_automation.db.roles import Role
from tickstock_automation.errors import LeaseLost
from tickstock_automation.quality.sweep_models import Sweep, SweepShard
from tickstock_automation.settings import Settings

Kind = Literal["whole", "touched"]
LANE_LOCKS = 0x7155

# The finishing shard, whose number is the count of the others, once these are done.
_CLAIM = text("""
UPDATE quality_sweep_shards s
   SET state = 'running', claim_token = s.claim_token + 1, attempts = s.attempts + 1, lease_until = now() + make_interval(secs => :lease)
  FROM quality_sweeps w
 WHERE w.id = s.sweep_id AND (s.sweep_id, s.shard) = (
       SELECT c.sweep_id, c.shard FROM quality_sweep_shards c JOIN quality_sweeps o ON o.id = c.sweep_id
        WHERE c.state <> 'done' AND (c.state = 'waiting' OR c.lease_until < now()) AND c.attempts < :most
          AND (CAST(:sweep AS bigint) IS NULL OR c.sweep_id = :sweep)
          AND (c.shard < o.shards OR NOT EXISTS (
               SELECT 1 FROM quality_sweep_shards b WHERE b.sweep_id = c.sweep_id AND b.shard < o.shards AND b.state <> 'done'))
        ORDER BY c.sweep_id, c.shard LIMIT 1 FOR UPDATE OF c SKIP LOCKED)
RETURNING s.sweep_id, s.shard, s.claim_token, s.attempts, w.kind, w.session, w.first_session, w.shards""")

_HOLD = text("""
UPDATE quality_sweep_shards SET lease_until = now() + make_interval(secs => :lease)
 WHERE sweep_id = :sweep AND shard = :shard AND claim_token = :token AND state = 'running'""")

_LET_GO = text("""
UPDATE quality_sweep_shards SET lease_until = now() - interval '1 second', attempts = attempts - :forgiven
 WHERE sweep_id = :sweep AND shard = :shard AND claim_token = :token AND state = 'running'""")

_OPEN = text("""
SELECT count(*) FROM quality_sweep_shards s JOIN quality_sweeps w ON w.id = s.sweep_id
 WHERE w.id = :sweep AND s.shard < w.shards AND (s.state = 'waiting' OR (s.state = 'running' AND s.lease_until < now()))""")

_FORGET = text("""
WITH old AS (SELECT id FROM quality_sweeps WHERE kind = 'touched' AND finished_at < now() - interval '7 days'),
 loads AS (UPDATE quality_sweep_loads SET sweep_id = NULL WHERE sweep_id IN (SELECT id FROM old))
DELETE FROM quality_sweep_shards WHERE sweep_id IN (SELECT id FROM old)""")
_FORGET_EMPTY = text("""
DELETE FROM quality_sweeps w WHERE kind = 'touched' AND finished_at < now() - interval '7 days'
   AND NOT EXISTS (SELECT 1 FROM quality_sweep_shards s WHERE s.sweep_id = w.id)""")

_LANES = text("""
SELECT count(pg_advisory_xact_lock(:class, lane)) FROM (SELECT unnest(CAST(:lanes AS int[])) AS lane ORDER BY 1) ordered""")


@dataclass(frozen=True)
class Claimed:
    """A shard that this worker has, until its lease runs out."""

    sweep_id: int
    shard: int
    token: int
    attempts: int
    kind: Kind
    session: date
    first_session: date
    shards: int

    @property
    def whole(self) -> bool:
        """Whether it is of the whole market."""
        return self.kind == "whole"

    @property
    def finishes(self) -> bool:
        """Whether it is the one that finishes the sweep."""
        return self.shard == self.shards


def make_sweep(session: ServiceSession, kind: Kind, first: date, last: date, shards: int) -> int | None:
    """A new sweep with its shards; None where the session's whole sweep is there already."""
    row = upsert(Sweep).values(kind=kind, session=last, first_session=first, shards=shards)
    made = session.scalar(row.on_conflict_do_nothing().returning(Sweep.id))
    if made is not None:
        session.execute(insert(SweepShard), [{"sweep_id": made, "shard": number} for number in range(shards + 1)])
    return made


def sweep_of(session: ServiceSession, day: date) -> int | None:
    """The whole sweep of a session."""
    return session.scalar(select(Sweep.id).where(Sweep.kind == "whole", Sweep.session == day))


def claim_shard(
    session: ServiceSession, lease_s: int, most_attempts: int, sweep_id: int | None = None
) -> Claimed | None:
    """Takes the next shard, of one sweep or of any, that nobody works at and that did not fail too often."""
    row = session.execute(_CLAIM, {"lease": lease_s, "most": most_attempts, "sweep": sweep_id}).first()
    return Claimed(*row) if row else None


def hold_shard(session: ServiceSession, claimed: Claimed, lease_s: int) -> None:
    """A sign of life that fences the caller's transaction; LeaseLost where the shard is another worker's by now."""
    held = session.execute(_HOLD, {**_names(claimed), "lease": lease_s})
    if not held.rowcount:  # type: ignore[attr-defined]
        raise LeaseLost(
            f"shard {claimed.shard} of sweep {claimed.sweep_id} was taken over by another worker: nothing more of this one is stored"
        )


def finish_shard(session: ServiceSession, claimed: Claimed, figures: dict[str, Any], lease_s: int) -> None:
    """Ends a shard, with what the finishing one needs of it."""
    hold_shard(session, claimed, lease_s)
    session.execute(
        update(SweepShard)
        .values(state="done", figures=figures, finished_at=text("clock_timestamp()"))
        .where(SweepShard.sweep_id == claimed.sweep_id, SweepShard.shard == claimed.shard)
    )
    if claimed.finishes:
        session.execute(update(Sweep).values(finished_at=text("clock_timestamp()")).where(Sweep.id == claimed.sweep_id))


def forget_old_sweeps(session: ServiceSession) -> None:
    """Sweeps of what loads touched are kept for a week."""
    session.execute(_FORGET)
    session.execute(_FORGET_EMPTY)


def let_go(session: ServiceSession, claimed: Claimed, *, passing: bool) -> None:
    """After trouble: whoever comes next may take the shard at once. Passing trouble is no attempt."""
    session.execute(_LET_GO, {**_names(claimed), "forgiven": int(passing)})


def try_again(session: ServiceSession, sweep_id: int, most_attempts: int) -> None:
    """What failed too often is tried again, since somebody asks for it."""
    left = (SweepShard.sweep_id == sweep_id, SweepShard.state != "done", SweepShard.attempts >= most_attempts)
    session.execute(update(SweepShard).values(attempts=0).where(*left))


def left_sessions(settings: Settings) -> Select[Any]:
    """Sessions whose whole sweep failed too often."""
    return (
        select(Sweep.session)
        .join(SweepShard, SweepShard.sweep_id == Sweep.id)
        .where(Sweep.kind == "whole", SweepShard.state != "done", SweepShard.attempts >= settings.max_attempts)
    )


def open_shards(sweep_id: int) -> int:
    """How many shards of a sweep nobody works at, the finishing one apart."""
    with transaction(Role.QUALITY_MONITOR) as session:
        return int(session.execute(_OPEN, {"sweep": sweep_id}).scalar_one())


def figures_of(session: ServiceSession, sweep_id: int) -> list[dict[str, Any]]:
    """What the shards left, in their order."""
    found = select(SweepShard.figures).where(SweepShard.sweep_id == sweep_id).order_by(SweepShard.shard)
    return list(session.scalars(found))


def hold_lanes(session: ServiceSession, lanes: Sequence[int], lease_s: int) -> None:
    """Until the caller's transaction ends no other sweep judges these lanes, so that what was read first is not stored last.

    A worker that freezes meanwhile is cut off by PostgreSQL once the lease is over.
    """
    session.execute(
        text("SELECT set_config('idle_in_transaction_session_timeout', :ms, true)"), {"ms": str(lease_s * 1000)}
    )
    session.execute(_LANES, {"class": LANE_LOCKS, "lanes": list(lanes)})


def _names(claimed: Claimed) -> dict[str, int]:
    return {"sweep": claimed.sweep_id, "shard": claimed.shard, "token": claimed.token}
