"""Sending sent events again: what it would be, the wish in the database, how far the relay has come with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.errors import NotFound
from tickstock_automation.events.relay import wake

COUNT = """
SELECT channel, count(*), min(seq), max(seq), min(created_at), max(created_at) FROM outbox
 WHERE seq > :after AND (CAST(:since AS timestamptz) IS NULL OR created_at >= :since)
   AND (CAST(:until AS timestamptz) IS NULL OR created_at <= :until)
   AND batch IS NOT NULL AND set_aside IS NULL AND channel = ANY(:channels) GROUP BY channel"""


@dataclass(frozen=True)
class Replay:
    """What would be sent again: seq numbers behind `after` up to `until`, on channels; first and last made when."""

    after: int
    until: int
    channels: list[str]
    counts: dict[str, int]
    first: datetime | None
    last: datetime | None

    @property
    def events(self) -> int:
        return sum(self.counts.values())


def plan_replay(session: Session, since: datetime | UUID, until: datetime | None, channels: Sequence[str]) -> Replay:
    """What would be sent again, since a moment or behind an event; NotFound where that event is not in the outbox."""
    after = 0
    if isinstance(since, UUID):
        seq = session.execute(text("SELECT seq FROM outbox WHERE id = :id"), {"id": since}).scalar()
        if seq is None:
            raise NotFound(f"no event {since} is in the outbox (any more)")
        after = seq
    moment = since if isinstance(since, datetime) else None
    values = {"after": after, "since": moment, "until": until, "channels": list(channels)}
    rows = session.execute(text(COUNT), values).all()
    if not rows:
        return Replay(0, 0, list(channels), {}, None, None)
    return Replay(
        min(row[2] for row in rows) - 1, max(row[3] for row in rows), list(channels), {row[0]: row[1] for row in rows},
        min(row[4] for row in rows), max(row[5] for row in rows),
    )  # fmt: skip


def ask_for(session: Session, replay: Replay) -> int:
    """Lets the relay do it; gives the number to ask by."""
    number: int = session.execute(
        text(
            "INSERT INTO outbox_replays (channels, sent_through, until_seq) VALUES (:channels, :after, :until) RETURNING id"
        ),
        {"channels": replay.channels, "after": replay.after, "until": replay.until},
    ).scalar_one()
    wake(session)
    return number


def progress(session: Session, number: int) -> tuple[int, int, bool]:
    """Events sent so far, the seq up to which it is done, whether it is over."""
    sent, through, done = session.execute(
        text("SELECT sent, sent_through, done_at IS NOT NULL FROM outbox_replays WHERE id = :id"), {"id": number}
    ).one()
    return sent, through, done


def withdraw(session: Session, number: int) -> None:
    """What was not sent yet is not."""
    session.execute(
        text("UPDATE outbox_replays SET done_at = clock_timestamp() WHERE id = :id AND done_at IS NULL"), {"id": number}
    )
