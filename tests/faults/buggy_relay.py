"""The relay with a bug in it: `python -m tests.faults.buggy_relay early-sent|ids-above-last`."""

from __future__ import annotations

import sys
from typing import Any

from tests.faults.bugs import EARLY_SENT, IDS_ABOVE_LAST
from tickstock_automation.events import relay
from tickstock_automation.ops import relay_process

LAST_GIVEN = "SELECT last_batch FROM relay_state"
ABOVE_LAST = "WHERE batch IS NULL AND seq > (SELECT coalesce(max(seq), 0) FROM outbox WHERE batch IS NOT NULL)"


class EarlySent(relay.Relay):
    """Believes PostgreSQL's number instead of Redis's, and forces it on Redis."""

    def _catch_up(self) -> None:
        assert self._redis is not None
        self._redis.set(self.key, self._execute(LAST_GIVEN)[0][0])
        super()._catch_up()


def main(bug: str) -> None:
    """The product's relay process, but for the bug."""
    known: dict[str, Any] = {EARLY_SENT: put_early_sent, IDS_ABOVE_LAST: put_ids_above_last}
    known[bug]()
    relay_process.run_relay(with_parent=False)


def put_early_sent() -> None:
    relay_process.Relay = EarlySent  # type: ignore[misc]


def put_ids_above_last() -> None:
    right = "WHERE batch IS NULL"
    assert relay.NUMBER_ROWS.count(right) == 1, "the relay asks for its rows in another way now: adapt this bug"
    relay.NUMBER_ROWS = relay.NUMBER_ROWS.replace(right, ABOVE_LAST)


if __name__ == "__main__":
    main(sys.argv[1])
