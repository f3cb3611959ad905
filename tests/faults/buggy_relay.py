"""The relay with a bug in it: `python -m tests.faults.buggy_relay early-sent|ids-above-last`."""

from __future__ import annotations

import sys
from typing import Any

from tests.faults.bugs import EARLY_SENT, IDS_ABOVE_LAST
from tickstock_automation.events import relay, waiting
from tickstock_automation.ops import relay_process

LAST_GIVEN = "SELECT last_batch FROM relay_state"
NUMBERS = "numbered AS"  # stands in the statement that gives rows their number
ABOVE_LAST = "seq > (SELECT coalesce(max(seq), 0) FROM outbox WHERE batch IS NOT NULL)"


class EarlySent(relay.Relay):
    """Believes PostgreSQL's number instead of Redis's, and forces it on Redis."""

    def _catch_up(self) -> None:
        self.sender.client.set(self.sender.key, self._ask(LAST_GIVEN)[0][0])
        super()._catch_up()


class IdsAboveLast(relay.Relay):
    """Asks for rows above the last one it gave a number."""

    bent = False

    def _ask(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        if NUMBERS in statement and waiting.UNSENT in statement:
            self.bent = True
            statement = statement.replace(waiting.UNSENT, f"{waiting.UNSENT} AND {ABOVE_LAST}")
        return super()._ask(statement, **values)

    def _send(self, *arguments: Any, **options: Any) -> None:
        assert self.bent, "the relay asks for its rows in another way now: adapt this bug"
        super()._send(*arguments, **options)


RELAYS = {EARLY_SENT: EarlySent, IDS_ABOVE_LAST: IdsAboveLast}

if __name__ == "__main__":
    setattr(relay_process, "Relay", RELAYS[sys.argv[1]])  # noqa: B010 -- it is not exported
    relay_process.run_relay(with_parent=False)
