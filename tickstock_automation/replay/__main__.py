"""`python -m tickstock_automation.replay FILE` writes the table of faults into a page of the docs: `make contract`."""

import sys
from pathlib import Path

from tickstock_automation.replay.faults.every import write_table

if __name__ == "__main__":
    write_table(Path(sys.argv[1]))
