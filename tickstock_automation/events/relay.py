"""The relay: sends the outbox's rows to Redis, in order, each at least once, from one process at a time.

Rows are given a batch number in PostgreSQL first and sent after; what is sent is what Redis holds the number of. After
any doubt the relay reads Redis's number and sends every batch above it again. See docs/decisions/0002-outbox.md.
"""

from __future__ import annotations

import os
import random
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import psycopg2
import redis
import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from tickstock_automation.events.patient import Patient
from tickstock_automation.events.sending import NumberRefused, Row, Sender, connect
from tickstock_automation.events.waiting import (
    ABSENT,
    BATCH,
    COLUMNS,
    SESSION,
    SNAPSHOT,
    START,
    UNSENT,
    Waiting,
    prepare,
)

POLL_S = 0.5  # the net below NOTIFY, and the lease's heartbeat
LEASE_S = 1.5
MEASURE_S = 5.0
HOUSEKEEPING_S = 60.0
HOUSEKEEPING_TAKES_S = 0.3  # events wait meanwhile
BACKOFF_S = (0.1, 2.0)
NOTICE = "tickstock_outbox"
DELETED_AT_ONCE = 5_000
REPLAY_SPAN = 20_000  # numbers looked through at once for a replay
LOOK = "look"  # the payload that says: an old row waits again, or a replay is asked for

log = structlog.get_logger("relay")


def wake(session: Session) -> None:
    """Tells the relay, with the commit, that an old row waits again or a replay is asked for."""
    session.execute(text("SELECT pg_notify(:channel, :look)"), {"channel": NOTICE, "look": LOOK})


class LeaseTaken(Exception):
    """Another relay sends now."""


@dataclass(frozen=True)
class RelayOptions:
    """Where from, where to, and how long things are kept (seconds)."""

    dsn: str
    redis_url: str
    stream_max_length: int
    stream_max_age_s: int
    live_max_age_s: float
    outbox_keep_s: int
    message_max_bytes: int


@dataclass
class Figures:
    """What a relay did since it began, and what it sees: rows that wait (at most MOST_COUNTED), the oldest one's age."""

    active: bool = False
    sent: int = 0
    sent_again: int = 0
    set_aside: int = 0
    backlog: int = 0
    oldest_s: float = 0.0


# Numbers are given by commits that a crash of PostgreSQL may lose. A new epoch begins above all that may have been given and
# lost, or a late batch of the one before would pass for one of this epoch's, with other members.
JUMP = 1_000_000
TAKE_LEASE = f"""
UPDATE relay_state SET holder = %(holder)s, epoch = epoch + 1, heartbeat_at = clock_timestamp(), last_batch = last_batch + {JUMP}
 WHERE heartbeat_at IS NULL OR holder = %(holder)s OR heartbeat_at < clock_timestamp() - make_interval(secs => %(lease)s)
RETURNING epoch, outbox_id::text"""  # noqa: S608

HEARTBEAT = "UPDATE relay_state SET heartbeat_at = clock_timestamp() WHERE epoch = %(epoch)s RETURNING 1"
GIVE_LEASE_BACK = "UPDATE relay_state SET heartbeat_at = NULL WHERE epoch = %(epoch)s"

# A number that PostgreSQL lost with its last unsynced commit must not be given twice.
NEVER_BELOW = "UPDATE relay_state SET last_batch = %(held)s WHERE last_batch < %(held)s AND epoch = %(epoch)s"
NEXT_NUMBER = "UPDATE relay_state SET last_batch = last_batch + 1 WHERE epoch = %(epoch)s RETURNING last_batch"

ROWS_ABOVE = f"""
SELECT {COLUMNS} FROM outbox o WHERE o.batch > %(held)s AND o.set_aside IS NULL
 AND o.batch <= (SELECT min(batch) + 20 FROM outbox WHERE batch > %(held)s AND set_aside IS NULL)
 ORDER BY o.batch, o.seq"""  # noqa: S608 -- all parts are constants

SET_ASIDE = """
WITH aside AS (UPDATE outbox SET set_aside = %(reason)s WHERE seq = %(seq)s RETURNING seq, id, channel, event_type)
INSERT INTO operational_findings (check_name, severity, reported_by, message, evidence)
SELECT 'outbox_poison', 'high', 'relay', format('event %%s (%%s) cannot be sent: %%s', seq, event_type, %(reason)s),
       jsonb_build_object('seq', seq, 'id', id, 'channel', channel) FROM aside"""

DELETE_SENT = f"""
DELETE FROM outbox WHERE seq IN (
    SELECT seq FROM (SELECT * FROM outbox ORDER BY seq LIMIT {DELETED_AT_ONCE}) lowest
     WHERE batch <= %(held)s AND set_aside IS NULL AND created_at < now() - make_interval(secs => %(keep)s)) RETURNING 1"""  # noqa: S608

MOST_COUNTED = 100_000
BACKLOG = f"""
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8
  FROM ((SELECT created_at FROM outbox WHERE {UNSENT} AND seq > %(seen)s ORDER BY seq LIMIT {MOST_COUNTED})
        UNION ALL (SELECT created_at FROM outbox WHERE {UNSENT} AND seq = ANY(%(missing)s::bigint[]))) waiting"""  # noqa: S608

ASKED_REPLAY = """
SELECT id, sent_through, until_seq, channels FROM outbox_replays WHERE done_at IS NULL ORDER BY id LIMIT 1"""

REPLAY_ROWS = f"""
SELECT %(batch)s, {COLUMNS.partition(", ")[2]} FROM outbox o WHERE seq > %(after)s AND seq <= %(bound)s
   AND batch <= %(held)s AND set_aside IS NULL AND channel = ANY(%(channels)s) ORDER BY seq LIMIT {BATCH}"""  # noqa: S608

REPLAYED = """
UPDATE outbox_replays SET sent = sent + %(sent)s, sent_through = %(through)s,
       done_at = coalesce(done_at, CASE WHEN %(done)s THEN clock_timestamp() END) WHERE id = %(id)s"""


@dataclass
class Relay:
    """One relay process: takes the lease when it can, sends while it holds it."""

    options: RelayOptions
    keep_on: Callable[[], bool] = lambda: True
    holder: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}")
    figures: Figures = field(default_factory=Figures)
    epoch: int = 0

    def __post_init__(self) -> None:
        self._waiting = Waiting()
        self._sender: Sender | None = None
        self._database: Patient | None = None
        self._measured = self._housekept = float("-inf")
        self._replay_asked = True

    def run(self) -> None:
        """Works until `keep_on` says no. Trouble with either server is waited out with growing, jittered pauses."""
        pause = BACKOFF_S[0]
        while self.keep_on():
            try:
                self._connect()
                if self._take_lease():
                    self._catch_up()
                    log.info("relay sends", epoch=self.epoch, redis_holds=self.sender.held)
                    pause = BACKOFF_S[0]
                    self._serve()
                else:
                    self._measure()
                    time.sleep(POLL_S / 2)
            except (LeaseTaken, NumberRefused) as doubt:
                log.warning("relay looks again", reason=str(doubt))
            except (psycopg2.Error, redis.RedisError) as trouble:
                log.warning("relay waits", server=type(trouble).__module__.partition(".")[0], reason=_brief(trouble))
                self._disconnect()
                time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- jitter, no secret
                pause = min(pause * 2, BACKOFF_S[1])
            finally:
                self.figures.active = False
        self._release()

    # -- connections and the lease ---------------------------------------------------------------------------------

    @property
    def sender(self) -> Sender:
        assert self._sender is not None
        return self._sender

    def _ask(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        assert self._database is not None
        return self._database.ask(statement, **values)

    def _connect(self) -> None:
        if self._database is None:
            options = f"-c role=tickstock_relay -c synchronous_commit=off -c tcp_user_timeout=1500 {SESSION}"
            self._database = Patient(self.options.dsn, name="tickstock relay", options=options)
            self._ask(f"LISTEN {NOTICE}")
            for statement in prepare():
                self._ask(statement)
            self._measure()  # also while Redis is away
        if self._sender is None:
            client = connect(self.options.redis_url)
            self._sender = Sender(client, "", self.options.stream_max_length, self.options.stream_max_age_s)

    def _disconnect(self) -> None:
        if self._database is not None:
            self._database.close()
        if self._sender is not None:
            self._sender.client.close()
        self._database = self._sender = None

    def _take_lease(self) -> bool:
        assert self._database is not None
        self._database.drop()  # numbered after a doubt began: catching up finds it
        self._ask("SET synchronous_commit = on")
        rows = self._ask(TAKE_LEASE, holder=self.holder, lease=LEASE_S)
        self._ask("SET synchronous_commit = off")
        if rows:
            self.epoch, outbox_id = rows[0]
            self.sender.key = f"tickstock:relay:batch:{outbox_id}"
        return bool(rows)

    def _release(self) -> None:
        """Lets a standby in at once; a relay that cannot say so is found out by its heartbeat."""
        try:
            if self._database is not None and self.epoch:
                self._ask(GIVE_LEASE_BACK, epoch=self.epoch)
        except psycopg2.Error as trouble:
            log.warning("relay could not give its lease back", reason=_brief(trouble))
        self._disconnect()

    def _beat(self) -> None:
        """Says that it lives, and looks whether Redis still holds what it held."""
        if not self._ask(HEARTBEAT, epoch=self.epoch):
            raise LeaseTaken(f"epoch {self.epoch} is over, another relay sends")
        self.sender.check()
        if self._waiting.grow_older(*self._ask(SNAPSHOT)[0]):
            self._waiting.settle(*self._ask(ABSENT, seen=self._waiting.seen)[0])
        self._measure()
        self._housekeep()

    # -- sending ---------------------------------------------------------------------------------------------------

    def _catch_up(self) -> None:
        """What Redis does not hold the number of goes out again, batch by batch with the same members."""
        self.sender.held = self.sender.ask()
        self._ask(NEVER_BELOW, held=self.sender.held, epoch=self.epoch)
        self._waiting.begin(*self._ask(START)[0])
        self.figures.active = True
        while self.keep_on() and (rows := self._rows(self._ask(ROWS_ABOVE, held=self.sender.held))):
            for batch, members in groupby(rows, key=lambda row: row.batch):
                self._send(batch, list(members), again=True)
            if not self._ask(HEARTBEAT, epoch=self.epoch):
                raise LeaseTaken(f"epoch {self.epoch} is over, another relay sends")

    def _serve(self) -> None:
        assert self._database is not None
        beat = time.monotonic()
        while self.keep_on():
            rows = self._rows_to_send()
            while rows:
                if time.monotonic() - beat >= POLL_S:
                    self._beat()
                    beat = time.monotonic()
                more = len(rows) == BATCH and self.keep_on()
                if more:
                    self._begin_numbering()  # PostgreSQL numbers the next batch while Redis takes this one
                self._send(rows[0].batch, rows, again=False)
                # a batch that is not full was all that could be seen; what was committed since has sent a notice
                rows = self._numbered() if more else []
            replaying = self._replay_asked and self._replay()
            left = POLL_S - (time.monotonic() - beat)
            if left <= 0:
                self._beat()
                beat, left = time.monotonic(), POLL_S
            if LOOK in self._database.await_notice(0 if replaying else left):
                self._waiting.look_everywhere = self._replay_asked = True

    def _rows_to_send(self) -> list[Row]:
        """Gives the rows that wait their batch number, committed; none where none wait, or the epoch is over."""
        self._begin_numbering()
        return self._numbered()

    def _begin_numbering(self) -> None:
        """Has PostgreSQL give the rows that wait their batch number, and commit it."""
        assert self._database is not None
        statement, values = self._waiting.statement()
        self._database.begin(statement, epoch=self.epoch, **values)

    def _numbered(self) -> list[Row]:
        """The rows of the numbering that was begun."""
        assert self._database is not None
        rows = self._rows(self._database.finish())
        self._waiting.took([row.seq for row in rows])
        return rows

    def _rows(self, found: list[tuple[Any, ...]]) -> list[Row]:
        rows = [Row(row[0], row[1], UUID(row[2]), *row[3:]) for row in found]
        return sorted(rows, key=lambda row: (row.batch, row.seq))

    def _send(self, batch: int, rows: list[Row], *, again: bool) -> None:
        faults = [(row, fault) for row in rows if (fault := row.fault(self.options.message_max_bytes))]
        for row, fault in faults:
            self._set_aside(row, fault)
        good = [row for row in rows if row not in {row for row, _ in faults}] if faults else rows
        now = datetime.now(UTC)
        live_age = self.options.live_max_age_s
        pairs = [(row, not again or (now - row.created_at).total_seconds() < live_age) for row in good]
        while refused := self.sender.send(batch, pairs):  # nothing of it was sent
            for row in refused:
                self._set_aside(row, f"the key of its stream in Redis holds something that is no stream: {row.channel}")
            pairs = [(row, live) for row, live in pairs if row not in refused]
        self.figures.sent += len(good)
        self.figures.sent_again += len(good) if again else 0

    def _set_aside(self, row: Row, reason: str) -> None:
        """Kept in the outbox with its reason, and an alert's finding; `tickstock events dead` shows it."""
        self._ask("SET synchronous_commit = on")  # it may not look sent after a crash
        self._ask(SET_ASIDE, seq=row.seq, reason=reason)
        self._ask("SET synchronous_commit = off")
        self.figures.set_aside += 1
        log.error("event set aside", seq=row.seq, event_type=row.event_type, reason=reason)

    def _replay(self) -> bool:
        """Sends the next part of what an operator asked for again, between the events that wait; whether there is more."""
        asked = self._ask(ASKED_REPLAY)
        if not asked:
            self._replay_asked = False
            return False
        replay, after, until, channels = asked[0]
        number = self._ask(NEXT_NUMBER, epoch=self.epoch)
        if not number:
            raise LeaseTaken(f"epoch {self.epoch} is over, another relay sends")
        bound = min(until, after + REPLAY_SPAN)
        values = {"after": after, "bound": bound, "channels": channels, "held": self.sender.held}
        rows = self._rows(self._ask(REPLAY_ROWS, batch=number[0][0], **values))
        if rows:
            self._send(number[0][0], rows, again=True)
        through = rows[-1].seq if len(rows) == BATCH else bound
        self._ask(REPLAYED, id=replay, sent=len(rows), through=through, done=through >= until)
        return True

    # -- besides ---------------------------------------------------------------------------------------------------

    def _measure(self) -> None:
        if time.monotonic() - self._measured >= MEASURE_S:
            self._measured = time.monotonic()
            waiting = self._waiting if self._waiting.settled and self.figures.active else Waiting()
            values = {"seen": waiting.seen, "missing": list(waiting.missing)}
            self.figures.backlog, self.figures.oldest_s = self._ask(BACKLOG, **values)[0]

    def _housekeep(self) -> None:
        if time.monotonic() - self._housekept < HOUSEKEEPING_S:
            return
        self._housekept = time.monotonic()
        self._waiting.look_everywhere = self._replay_asked = True  # the net below what is known
        until = time.monotonic() + HOUSEKEEPING_TAKES_S
        while self._ask(DELETE_SENT, held=self.sender.held, keep=self.options.outbox_keep_s):
            if time.monotonic() > until:
                break
        self.sender.trim()


def _brief(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
