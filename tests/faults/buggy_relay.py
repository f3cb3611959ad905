"""The relay with a bug in it: `python -m tests.faults.buggy_relay early-sent|ids-above-last`."""

from __future__ import annotations

import sys

from tests.faults.bugs import EARLY_SENT, IDS_ABOVE_LAST
from tickstock_automation.events import relay, waiting
from tickstock_automation.ops import relay_process

LAST_GIVEN = "SELECT last_batch FROM relay_state"
ABOVE_LAST = "seq > (SELECT coalesce(max(seq), 0) FROM outbox WHERE batch IS NOT NULL)"


class EarlySent(relay.Relay):
    """Believes PostgreSQL's number instead of Redis's, and forces it on Redis."""

    def _catch_up(self) -> None:
        self.sender.client.set(self.sender.key, self._ask(LAST_GIVEN)[0][0])
        super()._catch_up()


def put_early_sent() -> None:
    setattr(relay_process, "Relay", EarlySent)  # noqa: B010 -- it is not exported


def put_ids_above_last() -> None:
    for name in ("NUMBER_ALL", "NUMBER_NEW"):
        right = getattr(waiting, name)
        assert waiting.UNSENT in right, "the relay asks for its rows in another way now: adapt this bug"
        setattr(waiting, name, right.replace(waiting.UNSENT, f"{waiting.UNSENT} AND {ABOVE_LAST}"))


PUT = {EARLY_SENT: put_early_sent, IDS_ABOVE_LAST: put_ids_above_last}

if __name__ == "__main__":
    PUT[sys.argv[1]]()
    relay_process.run_relay(with_parent=False)
