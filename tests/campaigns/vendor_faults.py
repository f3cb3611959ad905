"""Every fault of the vendor's, switched on for one day in the middle of a replay: what is announced and archived must stay the same.

`python -m tests.campaigns.vendor_faults --data FOLDER --as-of DATE --days N --on DATE [--fault NAME …]`: one run of
`tickstock up --once` without a fault, then one with each; exit code 1 where one differs. A symbol may be archived a session
later, never more than two sessions after it ended, and whatever was archived or announced must be the same.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tickstock_automation.replay.faults.every import FAULTS

PATIENCE_S = 600
KEY_IS_WRONG = ("401",)  # a person is needed: the run stops, and says so


@dataclass(frozen=True)
class Told:
    """What a run did after its first session: (ticker, session) announced and archived, and how it ended."""

    new: dict[str, str]
    archived: dict[str, str]
    code: int
    problems: list[str]
    seconds: float


def run(data: str, as_of: str, days: int, faults: list[str]) -> Told:
    """One `up --once` in a folder of its own, scans and loads only."""
    with tempfile.TemporaryDirectory(prefix="tickstock-fault-") as state:
        command = [sys.executable, "-m", "tickstock_automation.cli", "up", "--once", "--json", "--data", data, "--as-of", as_of,
                   "--days", str(days), "--only", "scan,eod", "--state-dir", state]  # fmt: skip
        for fault in faults:
            command += ["--fault", fault]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if not done.stdout:
        return Told({}, {}, done.returncode, [done.stderr.strip().splitlines()[-1]], 0.0)
    told: dict[str, Any] = json.loads(done.stdout)
    later = told["cycles"][1:]
    return Told(
        new={ticker: cycle["session"] for cycle in later for ticker in cycle["scan"]["new"]},
        archived={ticker: cycle["session"] for cycle in later for ticker in cycle["scan"]["archived"]},
        code=done.returncode, problems=[one for cycle in told["cycles"] for one in cycle["problems"]],
        seconds=told["seconds"],
    )  # fmt: skip


def say(line: str) -> None:
    """Told as it comes: a run takes minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Runs them all; 1 where a fault changed what was told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--as-of", required=True)
    parser.add_argument("--days", type=int, required=True)
    parser.add_argument("--on", required=True, help="the day of the faults")
    parser.add_argument("--fault", action="append", help="only these; by default every one")
    given = parser.parse_args()
    data = str(Path(given.data).resolve())
    plain = run(data, given.as_of, given.days, [])
    say(f"without a fault: {plain}")
    wrong = []
    for name in given.fault or list(FAULTS):
        told = run(data, given.as_of, given.days, [f"{name}@{given.on}"])
        good = (
            told.code == 1
            if name in KEY_IS_WRONG
            else (told.new.keys(), told.archived.keys()) == (plain.new.keys(), plain.archived.keys())
        )
        wrong += [] if good else [name]
        late = {
            one: day for one, day in (told.new | told.archived).items() if (plain.new | plain.archived).get(one) != day
        }
        say(
            f"{'same ' if good else 'OTHER'}  {name:<20} exit {told.code}  {told.seconds:5.1f} s  later: {late or '-'}  {'; '.join(told.problems)[:160]}"
        )
        if not good:
            say(f"       {told}")
    say(f"{len(wrong)} of them changed what was told: {wrong}" if wrong else "none changed what was told")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
