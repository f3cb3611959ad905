"""Which rows of the outbox wait, without reading again and again over those that do not.

The index of waiting rows keeps an entry for each that was numbered until VACUUM may take it away, and while somebody
holds an old snapshot it may not: a relay that begins at the index's start each time would read more with every row. So it
reads behind the last seq it saw, and remembers the numbers it did not find: a transaction that has not committed yet, or
was rolled back. Such a number is looked for by name until every transaction of that time is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

BATCH = 1_000
MOST_MISSING = 2_000  # more are found sooner by reading the whole index
COLUMNS = "o.batch, o.seq, o.id::text, o.channel, o.service, o.event_type, o.version, o.data, o.created_at"
UNSENT = "batch IS NULL AND set_aside IS NULL"

_ALL = f"SELECT seq FROM outbox WHERE {UNSENT} ORDER BY seq LIMIT {BATCH}"  # noqa: S608 -- all parts are constants
_NEW = f"""SELECT seq FROM (
         (SELECT seq FROM outbox WHERE {UNSENT} AND seq > $2 ORDER BY seq LIMIT {BATCH})
         UNION ALL (SELECT seq FROM outbox WHERE {UNSENT} AND seq = ANY($3))) found ORDER BY seq LIMIT {BATCH}"""  # noqa: S608

# One statement: the number is given and the rows get it, or neither; a relay of an older epoch numbers nothing.
_NUMBER = """
WITH waiting AS MATERIALIZED ({waiting}),
     numbered AS (UPDATE relay_state SET last_batch = last_batch + 1, heartbeat_at = clock_timestamp()
                   WHERE epoch = $1 AND EXISTS (SELECT 1 FROM waiting) RETURNING last_batch)
UPDATE outbox o SET batch = n.last_batch FROM waiting w, numbered n WHERE o.seq = w.seq RETURNING {columns}"""

NUMBER_ALL = _NUMBER.format(waiting=_ALL, columns=COLUMNS)  # $1: the epoch
NUMBER_NEW = _NUMBER.format(waiting=_NEW, columns=COLUMNS)  # $2: the last seq seen, $3: those that are missing

# Planned once for a connection: planning would cost more than doing. What is planned on an empty table must not be a scan
# of the whole, so the relay's connection plans none (SESSION).
SESSION = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off"
EXECUTE_ALL = "EXECUTE number_all (%(epoch)s)"
EXECUTE_NEW = "EXECUTE number_new (%(epoch)s, %(seen)s, %(missing)s::bigint[])"

# The next transaction's id is our own: pg_snapshot_xmax is the one behind the last that ended, and an open one may be above it.
START = "SELECT coalesce(max(seq), 0), pg_current_xact_id()::text::bigint FROM outbox"
SNAPSHOT = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_current_xact_id()::text::bigint"

ABSENT = f"""
SELECT coalesce(max(seq), %(seen)s), ARRAY(SELECT n FROM generate_series(%(seen)s + 1, max(seq)) n
          WHERE NOT EXISTS (SELECT 1 FROM outbox o WHERE o.seq = n AND NOT ({UNSENT})))
  FROM outbox WHERE seq > %(seen)s"""  # noqa: S608


def prepare() -> list[str]:
    """What the relay's connection prepares."""
    return [
        f"PREPARE number_all (bigint) AS {NUMBER_ALL}",
        f"PREPARE number_new (bigint, bigint, bigint[]) AS {NUMBER_NEW}",
    ]


@dataclass
class Waiting:
    """What is known of the rows that wait. `begin` once, `took` after each numbering, `grow_older` at each heartbeat."""

    seen: int = 0
    settled: bool = False  # whether every transaction that was open at the start is over
    look_everywhere: bool = False
    missing: dict[int, int | None] = field(default_factory=dict)  # to the first transaction that cannot be its own
    _start: int = 0
    _over: int = 0  # every transaction below it was over at a heartbeat
    _all_read: bool = False  # whether all rows that could be seen then have been read since

    def begin(self, newest: int, next_transaction: int) -> None:
        """At the start the whole index is read, until all transactions that may have taken a number are over."""
        self.seen, self._start, self.settled, self._over, self._all_read = newest, next_transaction, False, 0, False
        self.missing.clear()

    def statement(self) -> tuple[str, dict[str, Any]]:
        """Numbers the rows that wait, BATCH at most, lowest first."""
        if not self.settled or self.look_everywhere or len(self.missing) > MOST_MISSING:
            self.look_everywhere = False
            return EXECUTE_ALL, {}
        return EXECUTE_NEW, {"seen": self.seen, "missing": list(self.missing)}

    def took(self, seqs: Sequence[int]) -> None:
        """These were numbered now: the lowest of all that waited."""
        self._all_read = self._all_read or len(seqs) < BATCH
        if not self.settled:
            return
        new = sorted(seq for seq in seqs if seq > self.seen)
        for seq in seqs:
            self.missing.pop(seq, None)
        if new:
            found = set(new)
            self.missing.update((seq, None) for seq in range(self.seen + 1, new[-1]) if seq not in found)
            self.seen = new[-1]

    def settle(self, seen: int, absent: Sequence[int]) -> None:
        """From now on only what is new is read."""
        self.seen, self.settled = seen, True
        self.missing = dict.fromkeys(absent, None)

    def grow_older(self, oldest_open: int, next_transaction: int) -> bool:
        """Forgets numbers whose transactions are over and were looked for since. True: it is time to `settle`."""
        ready = False
        if self._all_read:
            self.missing = {seq: until for seq, until in self.missing.items() if until is None or until > self._over}
            ready = not self.settled and self._start <= self._over
            self._over, self._all_read = oldest_open, False
        for seq, until in self.missing.items():
            if until is None:
                self.missing[seq] = next_transaction
        return ready
