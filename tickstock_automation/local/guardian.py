"""Ends what a killed stack left behind. It waits for the end of its standard input, which the stack holds open."""

from __future__ import annotations

import sys
from pathlib import Path

from tickstock_automation.local.processes import end_all, read_records, write_records


def main() -> None:
    """`python -m tickstock_automation.local.guardian STATE_DIR`."""
    state = Path(sys.argv[1])
    sys.stdin.buffer.read()
    if state.is_dir():
        end_all(read_records(state), grace_s=2.0)
        write_records(state, [])


if __name__ == "__main__":
    main()
