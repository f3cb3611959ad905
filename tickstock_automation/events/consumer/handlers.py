"""Which function handles which event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from tickstock_automation.events.catalogue import Event, EventData

Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)
Unknown = Literal["raw", "skip"]


class Unusable(ValueError):
    """The message is no event, or its data do not fit the model of its type and version."""


@dataclass
class Handlers:
    """Functions by event model or channel pattern, in the order they were named.

    `unknown`: events of a type, or a newer version, that this catalogue does not know go to the patterns' functions with
    None for their data ("raw"), or to none ("skip").
    """

    unknown: Unknown = "skip"
    _functions: list[tuple[type[EventData] | str, Handler]] = field(default_factory=list)

    def on(self, *what: type[EventData] | str) -> Callable[[H], H]:
        """Decorates a function that handles events of these models, or on channels of these patterns."""

        def add(function: H) -> H:
            self._functions.extend((one, function) for one in what)
            return function

        return add

    def functions(self) -> list[Handler]:
        """All of them."""
        return [function for _, function in self._functions]

    def of(self, channel: str, event: Event | None) -> tuple[list[Handler], EventData | None]:
        """The functions for an event, and its data as their model; Unusable where it is none."""
        if event is None:
            raise Unusable("the message is no event")
        try:
            data = event.typed
        except ValidationError as error:
            raise Unusable(f"its data do not fit {event.event_type}: {error.errors(include_url=False)}") from error
        if data is None and self.unknown == "skip":
            return [], None
        found = [
            function
            for what, function in self._functions
            if (fnmatchcase(channel, what) if isinstance(what, str) else data is not None and isinstance(data, what))
        ]
        return list(dict.fromkeys(found)), data
