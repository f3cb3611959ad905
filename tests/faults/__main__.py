"""`python -m tests.faults`: exit code 0 where every property holds, 1 where one does not, 2 for wrong use."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import TextIO

from tests.faults.bugs import BUGS
from tests.faults.campaign import Plan, run_campaign

SHORTEST_S = 5.0


def main(arguments: list[str] | None = None) -> int:
    """Runs one campaign."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description="Kills, freezes, wipes, cuts; and checks."
    )
    parser.add_argument(
        "--seconds", type=float, default=900.0, help="how long faults are injected (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="same seed, same schedule (default %(default)s)")
    parser.add_argument("--bug", choices=list(BUGS), help="put this bug in; the run must fail")
    parser.add_argument("--rate", type=float, default=350.0, help="events a second, all writers (default %(default)s)")
    parser.add_argument("--log", type=Path, help="also append the faults and the summary to this file")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout; the faults go to stderr")
    given = parser.parse_args(arguments)
    if given.seconds < SHORTEST_S or given.rate <= 0:
        parser.error(f"--seconds is at least {SHORTEST_S:.0f}, --rate more than 0")
    signal.signal(
        signal.SIGTERM, lambda _signal, _frame: sys.exit(143)
    )  # by the same way out as all else: nothing is left
    log = given.log.open("a") if given.log else None

    def say(line: str) -> None:
        _write(line, sys.stderr if given.json else sys.stdout, log)

    report = run_campaign(Plan(given.seconds, given.seed, given.bug or "", given.rate), say)
    say(report.text())
    if given.json:
        _write(json.dumps(report.as_json()), sys.stdout)
    return 1 if report.violations else 0


def _write(line: str, *streams: TextIO | None) -> None:
    for stream in streams:
        if stream is not None:
            stream.write(line + "\n")
            stream.flush()


if __name__ == "__main__":
    sys.exit(main())
