"""What a stack tells others about itself: where it is, whether its market is a replay."""

from __future__ import annotations

import fcntl
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tickstock_automation.local.ports import HOST
from tickstock_automation.settings import Settings

FILE = "stack.json"
LOCK = "lock"


@dataclass(frozen=True)
class StackState:
    """A running stack: the process that watches over it, whether it is ready, its addresses and its market in words."""

    pid: int
    ready: bool
    market: str
    addresses: dict[str, str]


def runs_in(state: Path) -> bool:
    """Whether a stack holds this state directory: by its lock, which no killed process and no reboot leaves behind."""
    try:
        with (state / LOCK).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def write_state(state: Path, told: StackState) -> None:
    """Replaces what stands there in one step."""
    temporary = state / f"{FILE}.new"
    temporary.write_text(json.dumps(asdict(told)))
    temporary.replace(state / FILE)


def read_state(state: Path) -> StackState | None:
    """None where no stack runs there, or never did."""
    try:
        return StackState(**json.loads((state / FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def remove_state(state: Path) -> None:
    """After the stack has stopped."""
    (state / FILE).unlink(missing_ok=True)


def replay_market(settings: Settings) -> bool:
    """Whether the vendor is a replay on this machine, whose clock may be moved."""
    return settings.polygon_base_url.startswith(f"http://{HOST}:")
