"""Who takes part: the product's own processes, and the campaign's writers, senders and consumers."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from tests.faults.bugs import RELAY_BUGS, WRITER_BUGS

RELAYS = ("relay-a", "relay-b")
WRITERS = ("writer-1", "writer-2", "writer-3")
PLAIN_CONSUMERS = ("plain-a", "plain-b")
EXACT_CONSUMERS = ("exact-a", "exact-b")
CONSUMERS = (*PLAIN_CONSUMERS, *EXACT_CONSUMERS)
LIVE, CANARIES, WORKER = "live", "canaries", "worker"


@dataclass(frozen=True)
class Actor:
    """A process, and the links it has to the servers."""

    name: str
    command: list[str]
    redis_link: str = ""
    postgres_link: str = ""


def notebook(state: Path, name: str) -> Path:
    """Where an actor writes down what it does or sees."""
    return state / f"{name}.notes"


def actors(state: Path, seed: int, rate: float, bug: str) -> list[Actor]:
    """All of them, the consumers and the subscriber first: what is live is seen from the start."""
    return [
        _own(LIVE, "live", str(notebook(state, LIVE)), redis="redis-live"),
        *(_own(one, "consumers", "plain", str(notebook(state, one)), redis="redis-consumer") for one in PLAIN_CONSUMERS),
        *(_own(one, "consumers", "exact", str(state / "effects.sqlite"), redis="redis-consumer") for one in EXACT_CONSUMERS),
        *(Actor(one, _relay(bug), "redis-relay", "postgres-relay") for one in RELAYS),
        Actor(WORKER, _worker(), "redis-worker", "postgres-worker"),
        *(_writer(state, one, number, seed, rate, bug) for number, one in enumerate(WRITERS, 1)),
        _own(CANARIES, "canaries", str(notebook(state, CANARIES)), redis="redis-worker"),
    ]  # fmt: skip


def _own(name: str, module: str, *arguments: str, redis: str = "", postgres: str = "") -> Actor:
    return Actor(name, [sys.executable, "-m", f"tests.faults.{module}", *arguments], redis, postgres)


def _writer(state: Path, name: str, number: int, seed: int, rate: float, bug: str) -> Actor:
    own = [bug] if bug in WRITER_BUGS else []
    arguments = (str(number), str(seed), f"{rate / len(WRITERS):.1f}", str(notebook(state, name)), *own)
    return _own(name, "writer", *arguments, redis="redis-worker", postgres="postgres-writer")


def _relay(bug: str) -> list[str]:
    if bug in RELAY_BUGS:
        return [sys.executable, "-m", "tests.faults.buggy_relay", bug]
    return [sys.executable, "-m", "tickstock_automation.cli", "relay"]


def _worker() -> list[str]:
    return [
        sys.executable, "-m", "celery", "--quiet", "-A", "tickstock_automation", "worker", "--hostname", "faults@%h",
        "--queues", "priority.100,quality", "--concurrency", "1", "--without-mingle", "--without-gossip",
        "--loglevel", "WARNING",
    ]  # fmt: skip
