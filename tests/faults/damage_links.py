"""Faults of the network between services and servers."""

from __future__ import annotations

import time

from tests.faults.links import POSTGRES_LINKS, REDIS_LINKS
from tests.faults.schedule import Planned, choose
from tests.faults.system import System

LONGEST_DELAY_S = 0.2
DIRECTIONS = {"to the server": (True, False), "to the client": (False, True), "both ways": (True, True)}


def cut(system: System, planned: Planned) -> str:
    """Connections are reset; new ones may be made at once."""
    links = _links(planned)
    system.links.cut(links)
    return _words(links)


def refuse(system: System, planned: Planned) -> str:
    """Connections are reset and refused for a while."""
    links = _links(planned)
    system.links.refuse(links)
    time.sleep(planned.duration_s)
    system.links.heal(links)
    return _words(links)


def stall(system: System, planned: Planned) -> str:
    """Bytes are held for a while and then arrive, their sender gone or not."""
    links, way = _links(planned), choose(planned.picks[1], list(DIRECTIONS))
    up, down = DIRECTIONS[way]
    system.links.stall(links, up=up, down=down)
    time.sleep(planned.duration_s)
    system.links.heal(links)
    return f"{_words(links)}, {way}"


def delay(system: System, planned: Planned) -> str:
    """Everything takes longer."""
    links, seconds = _links(planned), planned.picks[1] * LONGEST_DELAY_S
    system.links.delay(links, seconds)
    time.sleep(planned.duration_s)
    system.links.heal(links)
    return f"{_words(links)}, by {seconds * 1000:.0f} ms"


def _links(planned: Planned) -> list[str]:
    """One link of the kind's server, or all of them."""
    of_server = REDIS_LINKS if planned.kind.endswith("redis") else POSTGRES_LINKS
    return choose(planned.picks[0], [list(of_server), *([one] for one in of_server)])


def _words(links: list[str]) -> str:
    return links[0] if len(links) == 1 else f"all of {links[0].partition('-')[0]}"
