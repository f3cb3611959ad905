"""kill -9 in the middle of a backfill's loads, again and again: no bar lost, none twice, no call paid twice.

`python -m tests.campaigns.bar_faults [--kills N] [--seed N] [--symbols N] [--sessions N]`; exit code 1 where something is wrong.
"""

from __future__ import annotations

import argparse
import random
import sys
import time

from tests.campaigns.bar_market import PATIENCE_S, Backfill, children, ordered_backfill

WHOLE_WORKER = 0.1  # of the kills; the others take the children of the pool
LONGEST_WAIT_S = 0.4


def kill_again_and_again(backfill: Backfill, kills: int, dice: random.Random) -> int:
    """Works the job off while workers are killed in the middle of calls; gives how many kills there were."""
    worker = backfill.start_workers()
    done, sent, deadline = 0, 0.0, time.monotonic() + PATIENCE_S
    strike, struck = time.monotonic(), 0

    def ended() -> bool:
        nonlocal worker, done, sent, strike, struck
        now = time.monotonic()
        if now - sent > 1:  # as beat does
            backfill.send()
            sent = now
        # A call begun since the last strike: an older one that still counts as running may be a dead worker's.
        if done < kills and now > strike and (newest := backfill.newest_claim()) > struck:
            if dice.random() < WHOLE_WORKER:
                backfill.kill(worker)
                worker = backfill.start_workers()
            else:
                for process in children(worker):
                    process.kill()
            done, struck = done + 1, newest
            strike = time.monotonic() + dice.uniform(0, LONGEST_WAIT_S)
        return backfill.over()

    backfill.rig.wait(ended, "the job's end", deadline - time.monotonic(), every_s=0.02)
    backfill.kill(worker)
    return done


def main() -> int:
    """Runs it; 1 where anything is violated, or where fewer kills fitted in than were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--symbols", type=int, default=1000)
    parser.add_argument("--sessions", type=int, default=250)
    parser.add_argument("--delay", type=float, default=0.1, help="seconds that each vendor call takes at least")
    given = parser.parse_args()
    with ordered_backfill(given.symbols, given.sessions, given.delay) as backfill:
        began = time.monotonic()
        kills = kill_again_and_again(backfill, given.kills, random.Random(given.seed))
        seconds = time.monotonic() - began
        wrong = backfill.violations()
        bars, calls = backfill.one("SELECT count(*) FROM historical_data"), len(backfill.asked())
        again = backfill.one("SELECT coalesce(sum(attempts - 1), 0) FROM bar_calls")
    if kills < given.kills:
        wrong.append(f"only {kills} of {given.kills} kills fitted in: give it more --sessions or --delay")
    sys.stdout.write(
        f"{kills} kills in {seconds:.0f} s: {bars:,} bars, {calls} vendor calls, {again} calls begun again\n"
    )
    sys.stdout.write("".join(f"WRONG {one}\n" for one in wrong) or "nothing lost, nothing twice\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
