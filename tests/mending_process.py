"""A process that mends until nothing moves, and kills itself (-9) around the commit it is told: `BASE DAY NUMBER before|after`.

Counted are the commits of transactions that wrote.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import date
from typing import Any

from sqlalchemy import event

from tests.builders import KEY
from tickstock_automation.bars.repair.service import repair
from tickstock_automation.db.engine import engine
from tickstock_automation.quality.repairing import remediate
from tickstock_automation.sessions import calendar
from tickstock_automation.settings import settings
from tickstock_automation.vendor.polygon import PolygonVendor

MOST_TURNS = 12


def main() -> None:
    """Prints how many commits it took where it was not killed."""
    base, day, number, moment = sys.argv[1], date.fromisoformat(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    seen, wrote = 0, False

    def look(_connection: Any, _cursor: Any, statement: str, *_about: Any) -> None:
        nonlocal wrote
        wrote = wrote or statement.lstrip()[:6] in ("INSERT", "UPDATE", "DELETE")

    def count(*_about: Any) -> None:
        nonlocal seen, wrote
        written, wrote = wrote, False
        seen += written
        if written and seen == number:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(engine(), "before_cursor_execute", look)
    event.listen(engine(), "commit" if moment == "before" else "checkin", count)
    vendor = PolygonVendor(KEY, base, 5.0)
    for _ in range(MOST_TURNS):
        asked = remediate(day, calendar(), settings())
        if not (repair(vendor, calendar(), settings()).moved or asked.moved):
            break
    sys.stdout.write(f"{seen}\n")


if __name__ == "__main__":
    main()
