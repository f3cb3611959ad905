"""Looks at the events' servers for people: channels, groups, backlog, and what the books need."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, cast

import redis
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.events.books import Committed, Group, Stream
from tickstock_automation.events.catalogue import STREAM_PREFIX, Channel, decode

PAGE = 5_000
UUID_SHAPE = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOST_COUNTED = 100_000
MINUTE_MS = 60_000


@dataclass(frozen=True)
class ChannelStatus:
    """A channel's stream: entries, added in the last minute and hour, the age of the oldest and newest in seconds."""

    channel: str
    entries: int
    last_minute: int
    last_hour: int
    oldest_s: float | None
    newest_s: float | None


@dataclass
class GroupStatus:
    """A durable consumer over all its channels: entries not read yet, in hand, set aside; whether one is active."""

    name: str
    channels: int = 0
    lag: int = 0
    in_hand: int = 0
    set_aside: int = 0
    active: bool = False


@dataclass(frozen=True)
class OutboxStatus:
    """The outbox: events that wait, the oldest one's age in seconds, set aside; who sends, its last sign of life."""

    waiting: int
    oldest_s: float
    set_aside: int
    relay: str | None
    heartbeat_s: float | None


@dataclass
class EventsStatus:
    """All of it."""

    outbox: OutboxStatus
    channels: list[ChannelStatus] = field(default_factory=list)
    groups: list[GroupStatus] = field(default_factory=list)


def batch_held(client: redis.Redis, session: Session) -> int:
    """The number of the last batch that Redis holds of this outbox."""
    outbox = session.execute(text("SELECT outbox_id FROM relay_state")).scalar_one()
    return int(client.get(f"tickstock:relay:batch:{outbox}") or 0)  # type: ignore[arg-type]


def status(client: redis.Redis, session: Session) -> EventsStatus:
    """What is going on now."""
    found = EventsStatus(outbox_status(session))
    groups: dict[str, GroupStatus] = {}
    for channel in Channel:
        about = _stream(client, channel.stream)
        now = int(time.time() * 1000)
        found.channels.append(
            ChannelStatus(
                channel,
                about.get("length", 0),
                _since(client, channel.stream, now - MINUTE_MS),
                _since(client, channel.stream, now - 60 * MINUTE_MS),
                _age(now, about.get("first-entry")),
                _age(now, about.get("last-entry")),
            )
        )
        for group in _groups(client, channel.stream):
            one = groups.setdefault(group["name"], GroupStatus(group["name"]))
            one.channels += 1
            one.in_hand += group["pending"]
            one.lag += _lag(client, channel.stream, about, group)
    for one in groups.values():
        one.set_aside = cast(int, client.xlen(f"consumer:{one.name}:dead"))
        one.active = bool(client.exists(f"consumer:{one.name}:lease"))
    found.groups = sorted(groups.values(), key=lambda one: one.name)
    return found


def outbox_status(session: Session) -> OutboxStatus:
    """What waits and who sends."""
    waiting = session.execute(
        text(
            "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8"
            " FROM outbox WHERE batch IS NULL AND set_aside IS NULL"
        )
    ).one()
    aside = session.execute(text("SELECT count(*) FROM outbox WHERE set_aside IS NOT NULL")).scalar_one()
    relay = session.execute(
        text("SELECT holder, extract(epoch FROM clock_timestamp() - heartbeat_at)::float8 FROM relay_state")
    ).one()
    return OutboxStatus(waiting[0], waiting[1], aside, relay[0], relay[1])


def _stream(client: redis.Redis, stream: str) -> dict[str, Any]:
    return cast(dict[str, Any], client.xinfo_stream(stream)) if client.exists(stream) else {}


def _groups(client: redis.Redis, stream: str) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], client.xinfo_groups(stream)) if client.exists(stream) else []


def _since(client: redis.Redis, stream: str, moment_ms: int) -> int:
    """Entries since a moment; counts MOST_COUNTED at most."""
    return len(cast(list[Any], client.xrange(stream, min=moment_ms, count=MOST_COUNTED)))


def _age(now_ms: int, entry: Any) -> float | None:
    return (now_ms - int(entry[0].partition("-")[0])) / 1000 if entry else None


def _lag(client: redis.Redis, stream: str, about: dict[str, Any], group: dict[str, Any]) -> int:
    """Our consumers keep their position; another's lag is Redis's word, which it does not always know."""
    position = client.hget(f"consumer:{group['name']}:position", stream)
    if position is not None:
        return max(0, int(about["entries-added"]) - int(cast(str, position)))
    return int(group.get("lag") or 0)


def committed(session: Session, day: date | None) -> list[Committed]:
    """The outbox's rows, of one session or all; a row's session is its data's, else the New York day it was made."""
    rows = session.execute(
        text(
            "SELECT CAST(id AS text), seq, channel, batch, set_aside IS NOT NULL FROM outbox"
            " WHERE channel = ANY(:channels) AND (CAST(:day AS text) IS NULL OR :day = coalesce("
            '   substring(data FROM \'"session": ?"([0-9-]{10})"\'),'
            "   CAST(CAST(created_at AT TIME ZONE 'America/New_York' AS date) AS text)))"
        ),
        {"channels": [str(channel) for channel in Channel], "day": day.isoformat() if day else None},
    )
    return [Committed(*row) for row in rows]


def known_ids(session: Session, ids: Sequence[str]) -> set[str]:
    """Those of the ids that are in the outbox."""
    found: set[str] = set()
    ids = [id_ for id_ in ids if UUID_SHAPE.fullmatch(id_)]  # a forged entry may carry anything
    for start in range(0, len(ids), PAGE):
        page = ids[start : start + PAGE]
        rows = session.execute(
            text("SELECT CAST(id AS text) FROM outbox WHERE id = ANY(CAST(:ids AS uuid[]))"), {"ids": page}
        )
        found.update(rows.scalars())
    return found


def older_than(client: redis.Redis, stream: Stream, ids: Sequence[str], moment: datetime) -> set[str]:
    """Those of the ids whose message is older: they may have left the outbox because of their age."""
    found: set[str] = set()
    for id_ in ids:
        entry: Any = client.xrange(f"{STREAM_PREFIX}{stream.channel}", stream.entries[id_][0], stream.entries[id_][0])
        try:
            if entry and decode(entry[0][1].get("event", "")).timestamp < moment:
                found.add(id_)
        except ValidationError:
            continue
    return found


def streams(client: redis.Redis) -> list[Stream]:
    """What the streams hold, and how far each group has come."""
    return [
        Stream(
            channel,
            _entries(client, channel.stream),
            _first(client, channel.stream),
            [
                Group(
                    group["name"],
                    group["last-delivered-id"],
                    frozenset(_pending(client, channel.stream, group["name"])),
                    frozenset(_set_aside(client, group["name"])),
                )
                for group in _groups(client, channel.stream)
            ],
        )
        for channel in Channel
    ]


def _first(client: redis.Redis, stream: str) -> tuple[int, int] | None:
    entry: Any = client.xrange(stream, count=1)
    if not entry:
        return None
    fields = entry[0][1]
    try:
        return int(fields.get("batch", 0)), decode(fields.get("event", "")).seq
    except (ValidationError, ValueError):
        return None


def _entries(client: redis.Redis, stream: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry, fields in pages(client, stream):
        found.setdefault(fields.get("id", ""), []).append(entry)
    return found


def pages(client: redis.Redis, stream: str) -> Iterator[tuple[str, dict[str, str]]]:
    """A stream's entries, oldest first, read page by page."""
    after = "-"
    while True:
        page: Any = client.xrange(stream, min=after, count=PAGE)
        yield from page
        if len(page) < PAGE:
            return
        after = f"({page[-1][0]}"


def _pending(client: redis.Redis, stream: str, group: str) -> Iterator[str]:
    after = "-"
    while True:
        page: Any = client.xpending_range(stream, group, after, "+", PAGE)
        yield from (entry["message_id"] for entry in page)
        if len(page) < PAGE:
            return
        after = f"({page[-1]['message_id']}"


def _set_aside(client: redis.Redis, group: str) -> Iterator[str]:
    return (fields.get("id", "") for _, fields in pages(client, f"consumer:{group}:dead"))
