"""Events that were set aside, by a consumer whose handler kept failing or by the relay: listed, sent back, dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files

import redis
from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.errors import UsedWrongly
from tickstock_automation.events.inspection import pages
from tickstock_automation.events.relay import wake

OUTBOX = "outbox"  # in place of a consumer's name: what the relay could not send
SEND_BACK = (files("tickstock_automation.events") / "send_back.lua").read_text()


@dataclass(frozen=True)
class Dead:
    """An event that was set aside; `since` is UTC."""

    consumer: str
    number: str
    since: str
    channel: str
    attempts: int
    reason: str
    event: str


def all_dead(client: redis.Redis, session: Session) -> list[Dead]:
    """All of them, the outbox's first."""
    rows = session.execute(
        text("SELECT seq, created_at, channel, set_aside, data FROM outbox WHERE set_aside IS NOT NULL ORDER BY seq")
    ).all()
    found = [Dead(OUTBOX, str(row[0]), f"{row[1]:%Y-%m-%d %H:%M:%S}", row[2], 1, row[3], row[4]) for row in rows]
    return found + [one for key in sorted(client.scan_iter("consumer:*:dead", count=1000)) for one in _of(client, key)]


def _of(client: redis.Redis, key: str) -> Iterator[Dead]:
    consumer = key.removeprefix("consumer:").removesuffix(":dead")
    for number, fields in pages(client, key):
        since = datetime.fromtimestamp(int(number.partition("-")[0]) / 1000, UTC)
        yield Dead(
            consumer, number, f"{since:%Y-%m-%d %H:%M:%S}", fields.get("channel", ""), int(fields.get("attempts", 0)),
            fields.get("reason", ""), fields.get("event", ""),
        )  # fmt: skip


def send_back(client: redis.Redis, session: Session, consumer: str, number: str) -> bool:
    """Lets the consumer handle it next, or the relay try to send it; whether there was one. Its place in the order is lost."""
    if consumer != OUTBOX:
        keys = (f"consumer:{consumer}:dead", f"consumer:{consumer}:retry")
        return bool(client.eval(SEND_BACK, 2, *keys, _entry(number)))
    back = session.execute(
        text("UPDATE outbox SET set_aside = NULL, batch = NULL WHERE seq = :seq AND set_aside IS NOT NULL RETURNING 1"),
        {"seq": _seq(number)},
    ).first()
    wake(session)
    return back is not None


def drop(client: redis.Redis, session: Session, consumer: str, number: str) -> bool:
    """Forgets it for good; whether there was one."""
    if consumer != OUTBOX:
        return bool(client.xdel(f"consumer:{consumer}:dead", _entry(number)))
    gone = session.execute(
        text("DELETE FROM outbox WHERE seq = :seq AND set_aside IS NOT NULL RETURNING 1"), {"seq": _seq(number)}
    ).first()
    return gone is not None


def _seq(number: str) -> int:
    if not number.isdigit():
        raise UsedWrongly(f"{number!r} is no number of the outbox's")
    return int(number)


def _entry(number: str) -> str:
    if not all(part.isdigit() for part in number.split("-")) or number.count("-") != 1:
        raise UsedWrongly(f"{number!r} is no number: it looks like 1763899200000-0")
    return number
