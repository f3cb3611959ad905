"""The relay: sends the outbox's rows to Redis, in order, each at least once, from one process at a time.

Rows are given a batch number in PostgreSQL first and sent after; what is sent is what Redis holds the number of. After
any doubt the relay reads Redis's number and sends every batch above it again. See docs/decisions/0002-outbox.md.
"""

from __future__ import annotations

import os
import random
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from itertools import groupby
from typing import Any
from uuid import UUID

import psycopg2
import redis
import structlog
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT
from psycopg2.extensions import connection as Connection  # noqa: N812
from redis.backoff import NoBackoff
from redis.retry import Retry

from tickstock_automation.events.catalogue import CANARY_CHANNEL, STREAM_PREFIX, Channel, encode

BATCH = 500
POLL_S = 0.5  # the net below NOTIFY, and the lease's heartbeat
LEASE_S = 1.5
HOUSEKEEPING_S = 60.0
BACKOFF_S = (0.1, 2.0)
SEND_BATCH = (files("tickstock_automation.events") / "send_batch.lua").read_text()

log = structlog.get_logger("relay")


class LeaseTaken(Exception):
    """Another relay sends now."""


class NumberRefused(Exception):
    """Redis holds another number than believed."""


@dataclass(frozen=True)
class RelayOptions:
    """Where from, where to, and how long things are kept (seconds)."""

    dsn: str
    redis_url: str
    stream_max_length: int
    stream_max_age_s: int
    live_max_age_s: float
    outbox_keep_s: int


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


COLUMNS = "o.batch, o.seq, o.id::text, o.channel, o.service, o.event_type, o.version, o.data, o.created_at"

TAKE_LEASE = """
UPDATE relay_state SET holder = %(holder)s, epoch = epoch + 1, heartbeat_at = clock_timestamp()
 WHERE heartbeat_at IS NULL OR holder = %(holder)s OR heartbeat_at < clock_timestamp() - make_interval(secs => %(lease)s)
RETURNING epoch, outbox_id::text"""

HEARTBEAT = "UPDATE relay_state SET heartbeat_at = clock_timestamp() WHERE epoch = %(epoch)s"

# One statement: the number is given and the rows get it, or neither; a relay of an older epoch numbers nothing.
NUMBER_ROWS = f"""
WITH waiting AS (SELECT seq FROM outbox WHERE batch IS NULL ORDER BY seq LIMIT {BATCH}),
     numbered AS (UPDATE relay_state SET last_batch = last_batch + 1, heartbeat_at = clock_timestamp()
                   WHERE epoch = %(epoch)s AND EXISTS (SELECT 1 FROM waiting) RETURNING last_batch)
UPDATE outbox o SET batch = n.last_batch FROM waiting w, numbered n WHERE o.seq = w.seq RETURNING {COLUMNS}"""  # noqa: S608

ROWS_ABOVE = f"""
SELECT {COLUMNS} FROM outbox o WHERE o.batch > %(held)s
 AND o.batch <= (SELECT min(batch) + 20 FROM outbox WHERE batch > %(held)s) ORDER BY o.batch, o.seq"""  # noqa: S608

DELETE_SENT = """
DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE batch <= %(held)s
   AND created_at < now() - make_interval(secs => %(keep)s) ORDER BY seq LIMIT 5000)"""


class Relay:
    """One relay process: takes the lease when it can, sends while it holds it."""

    def __init__(self, options: RelayOptions, keep_on: Callable[[], bool] = lambda: True) -> None:
        self.options = options
        self.keep_on = keep_on
        self.holder = f"{socket.gethostname()}:{os.getpid()}"
        self.epoch = 0
        self.key = ""
        self.held = 0
        self.sent = 0
        self._housekept = 0.0
        self._database: Connection | None = None
        self._redis: redis.Redis | None = None

    def run(self) -> None:
        """Works until `keep_on` says no. Trouble with either server is waited out with growing, jittered pauses."""
        pause = BACKOFF_S[0]
        while self.keep_on():
            try:
                self._connect()
                if self._take_lease():
                    self._catch_up()
                    log.info("relay sends", epoch=self.epoch, redis_holds=self.held)
                    pause = BACKOFF_S[0]
                    self._serve()
                else:
                    time.sleep(POLL_S / 2)
            except (LeaseTaken, NumberRefused) as doubt:
                log.warning("relay looks again", reason=str(doubt))
            except (psycopg2.Error, redis.RedisError) as trouble:
                log.warning("relay waits", server=type(trouble).__module__.partition(".")[0], reason=_brief(trouble))
                self._disconnect()
                time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- jitter, no secret
                pause = min(pause * 2, BACKOFF_S[1])
        self._release()

    def _connect(self) -> None:
        if self._database is None:
            self._database = psycopg2.connect(
                self.options.dsn,
                application_name="tickstock relay",
                connect_timeout=5,
                options="-c role=tickstock_relay -c synchronous_commit=off",
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=2,
                tcp_user_timeout=5000,
            )
            self._database.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
            self._execute("LISTEN tickstock_outbox")
        if self._redis is None:
            self._redis = redis.Redis.from_url(
                self.options.redis_url,
                retry=Retry(NoBackoff(), 0),
                socket_timeout=5.0,
                socket_connect_timeout=2.0,
                socket_keepalive=True,
                decode_responses=True,
                client_name="tickstock-relay",
            )
            self._redis.ping()

    def _disconnect(self) -> None:
        if self._database is not None:
            self._database.close()
        if self._redis is not None:
            self._redis.close()
        self._database = self._redis = None

    def _execute(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        assert self._database is not None
        with self._database.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def _take_lease(self) -> bool:
        rows = self._execute(TAKE_LEASE, holder=self.holder, lease=LEASE_S)
        if rows:
            self.epoch, outbox_id = rows[0]
            self.key = f"tickstock:relay:batch:{outbox_id}"
        return bool(rows)

    def _release(self) -> None:
        """Lets a standby in at once; a relay that cannot say so is found out by its heartbeat."""
        try:
            if self._database is not None and self.epoch:
                self._execute("UPDATE relay_state SET heartbeat_at = NULL WHERE epoch = %(epoch)s", epoch=self.epoch)
        except psycopg2.Error as trouble:
            log.warning("relay could not give its lease back", reason=_brief(trouble))
        self._disconnect()

    def _catch_up(self) -> None:
        """What Redis does not hold the number of goes out again, batch by batch with the same members."""
        assert self._redis is not None
        self.held = int(self._redis.get(self.key) or 0)  # type: ignore[arg-type]
        # A number that PostgreSQL lost with its last unsynced commit must not be given twice.
        self._execute("UPDATE relay_state SET last_batch = %(held)s WHERE last_batch < %(held)s", held=self.held)
        while rows := self._rows(ROWS_ABOVE, held=self.held):
            for batch, members in groupby(rows, key=lambda row: row.batch):
                self._send(batch, list(members), again=True)
            self._beat()

    def _serve(self) -> None:
        assert self._database is not None
        beat = time.monotonic()
        while self.keep_on():
            while self.keep_on() and (rows := self._rows_to_send()):
                self._send(rows[0].batch, rows, again=False)
                beat = time.monotonic()
                self._housekeep()
            if time.monotonic() - beat >= POLL_S:
                self._beat()
                self._housekeep()
                beat = time.monotonic()
            select.select([self._database], [], [], POLL_S)
            self._database.poll()
            self._database.notifies.clear()

    def _rows_to_send(self) -> list[Row]:
        """Gives the rows that wait their batch number, committed; none where none wait, or the epoch is over."""
        return self._rows(NUMBER_ROWS, epoch=self.epoch)

    def _rows(self, statement: str, **values: Any) -> list[Row]:
        found = [Row(row[0], row[1], UUID(row[2]), *row[3:]) for row in self._execute(statement, **values)]
        return sorted(found, key=lambda row: (row.batch, row.seq))

    def _send(self, batch: int, rows: list[Row], *, again: bool) -> None:
        assert self._redis is not None
        now = datetime.now(UTC)
        arguments: list[str | int] = [self.held, batch, self.options.stream_max_length]
        for row in rows:
            live = not again or (now - row.created_at).total_seconds() < self.options.live_max_age_s
            arguments += [row.channel, str(row.id), row.message(), "1" if live else "0"]
        accepted, number, *_ = self._redis.eval(SEND_BATCH, 1, self.key, *arguments)  # type: ignore[misc, str-unpack]
        if not accepted:
            raise NumberRefused(f"Redis holds batch {number}, this relay believed {self.held}")
        self.held = batch
        self.sent += len(rows)

    def _beat(self) -> None:
        assert self._database is not None
        with self._database.cursor() as cursor:
            cursor.execute(HEARTBEAT, {"epoch": self.epoch})
            if cursor.rowcount == 0:
                raise LeaseTaken(f"epoch {self.epoch} is over, another relay sends")

    def _housekeep(self) -> None:
        assert self._redis is not None
        if time.monotonic() - self._housekept < HOUSEKEEPING_S:
            return
        self._housekept = time.monotonic()
        if int(self._redis.get(self.key) or 0) != self.held:  # type: ignore[arg-type]
            raise NumberRefused("Redis lost the batch number")
        self._execute(DELETE_SENT, held=self.held, keep=self.options.outbox_keep_s)
        oldest = int((time.time() - self.options.stream_max_age_s) * 1000)
        for channel in (*Channel, CANARY_CHANNEL):
            self._redis.xtrim(STREAM_PREFIX + channel, minid=oldest, approximate=True)


def _brief(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
