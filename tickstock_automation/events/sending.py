"""From rows of the outbox to Redis: the message, what cannot be sent, and the batch that Redis takes whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any
from uuid import UUID

import redis
from pydantic_core import from_json
from redis.backoff import NoBackoff
from redis.retry import Retry

from tickstock_automation.events.catalogue import CANARY_CHANNEL, STREAM_PREFIX, Channel, encode

SEND_BATCH = (files("tickstock_automation.events") / "send_batch.lua").read_text()


class NumberRefused(Exception):
    """Redis holds another number than believed."""


@dataclass(frozen=True)
class Row:
    """One row of the outbox as it is sent."""

    batch: int
    seq: int
    id: UUID
    channel: str
    service: str
    event_type: str
    version: int
    data: str
    created_at: datetime

    def message(self) -> str:
        return encode(
            id=self.id,
            seq=self.seq,
            timestamp=self.created_at.astimezone(UTC),
            service=self.service,
            event_type=self.event_type,
            version=self.version,
            data=self.data,
        )

    def fault(self, most_bytes: int) -> str | None:
        """Why this row cannot be sent, None where it can."""
        if len(self.data.encode()) > most_bytes:
            return f"its data are larger than {most_bytes} bytes"
        try:
            return None if isinstance(from_json(self.data), dict) else "its data are no JSON object"
        except ValueError as error:
            return f"its data are no JSON: {error}"


def connect(redis_url: str) -> redis.Redis:
    """A client that does not try again by itself: the relay must know when an answer was lost."""
    client = redis.Redis.from_url(
        redis_url,
        retry=Retry(NoBackoff(), 0),
        socket_timeout=5.0,
        socket_connect_timeout=2.0,
        socket_keepalive=True,
        decode_responses=True,
        client_name="tickstock-relay",
    )
    client.ping()
    return client


@dataclass
class Sender:
    """Redis as the relay sees it. `held` is the number of the last batch that it is known to hold."""

    client: redis.Redis
    key: str
    stream_max_length: int
    stream_max_age_s: int
    held: int = 0

    def ask(self) -> int:
        """The number Redis holds."""
        return int(self.client.get(self.key) or 0)  # type: ignore[arg-type]

    def check(self) -> None:
        """Raises NumberRefused where Redis lost what it held, or somebody else sent."""
        number = self.ask()
        if number != self.held:
            raise NumberRefused(f"Redis holds batch {number}, this relay believed {self.held}")

    def send(self, batch: int, rows: Sequence[tuple[Row, bool]]) -> list[Row]:
        """Sends a batch, each row with whether it goes live. Where a stream's key holds something else, nothing is sent: gives those rows."""
        arguments: list[str | int] = [self.held, batch, self.stream_max_length]
        for row, live in rows:
            arguments += [row.channel, str(row.id), row.message(), "1" if live else "0"]
        reply: Any = self.client.eval(SEND_BATCH, 1, self.key, *arguments)
        if not reply[0]:
            raise NumberRefused(f"Redis holds batch {reply[1]}, this relay believed {self.held}")
        if reply[2]:
            return [rows[position][0] for position in reply[2]]
        self.held = batch
        return []

    def trim(self) -> None:
        """Takes what is too old from the streams; their length is kept with every event."""
        oldest = int((time.time() - self.stream_max_age_s) * 1000)
        for channel in (*Channel, CANARY_CHANNEL):
            self.client.xtrim(STREAM_PREFIX + channel, minid=oldest, approximate=True)
