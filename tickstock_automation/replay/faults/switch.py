"""The faults that are switched on, each for one market day: NAME@DATE or NAME:ANSWER@DATE, and *N or *all behind it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tickstock_automation.replay.faults.every import FAULTS
from tickstock_automation.replay.faults.fault import Answer, Fault, TransportFault

FORM = re.compile(
    r"(?P<name>[^@*:]+)(?::(?P<answer>\w+))?@(?P<day>\d{4}-\d\d-\d\d)(?:\*(?P<requests>[1-9]\d{0,8}|all))?"
)


class FaultError(ValueError):
    """A fault cannot be switched on; the message says why."""


@dataclass
class Switched:
    """A fault on its day, for some of the answers it can change. `left` is on how many more requests it acts, None for all."""

    given: str
    fault: Fault
    answers: frozenset[Answer]
    day: date
    left: int | None

    def matches(self, answer: Answer, day: date) -> bool:
        """Whether it acts on a request for this on the market's day."""
        on = day >= self.day if self.fault.lasting else day == self.day
        return on and answer in self.answers and self.left != 0

    def take(self) -> None:
        """Counts a request on which it acts."""
        if self.left is not None:
            self.left -= 1


def switched(given: str) -> Switched:
    """Reads a fault and its day; FaultError where there is none of this name, or no such day."""
    found = FORM.fullmatch(given)
    if found is None:
        raise FaultError(
            f"the fault {given!a} is not of the form NAME@YYYY-MM-DD, with *N or *all behind it or nothing"
        )
    fault = FAULTS.get(found["name"])
    if fault is None:
        near = difflib.get_close_matches(found["name"], FAULTS, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`tickstock vendor faults` lists them"
        raise FaultError(f"there is no fault {found['name']!a}: {hint}")
    answers = frozenset(one for one in fault.answers if found["answer"] in (None, one.value))
    if not answers:
        raise FaultError(f"{fault.name} does not change {found['answer']!a}, but {', '.join(sorted(fault.answers))}")
    try:
        day = date.fromisoformat(found["day"])
    except ValueError:
        raise FaultError(f"the fault {given!a} has no day: {found['day']} is not in the calendar") from None
    requests = {"all": None, None: fault.requests}.get(found["requests"], found["requests"])
    return Switched(given, fault, answers, day, None if requests is None else int(requests))


class Faults:
    """Which faults are on. May be set from another thread than the one that serves."""

    def __init__(self) -> None:
        self.on: tuple[Switched, ...] = ()

    def set(self, given: Sequence[str]) -> None:
        """Replaces them all; FaultError, and nothing is changed, where one cannot be."""
        self.on = tuple(switched(one) for one in given)

    def given(self) -> list[str]:
        """As they were given."""
        return [one.given for one in self.on]

    def acting(self, answer: Answer, day: date) -> list[Switched]:
        """Those that act on a request made now; of several of the transport, which exclude each other, the first."""
        found: list[Switched] = []
        for one in self.on:
            taken = isinstance(one.fault, TransportFault) and any(isinstance(f.fault, TransportFault) for f in found)
            if one.matches(answer, day) and not taken:
                one.take()
                found.append(one)
        return found
