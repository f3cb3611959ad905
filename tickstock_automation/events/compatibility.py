"""Whether a contract keeps what a released one promised. Pure: from two AsyncAPI documents to complaints.

Within a version of a message an optional field may be added; new messages and channels may come; descriptions, titles and
examples may change. All else breaks a reader somewhere: a value added to a closed set breaks one who matches all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tickstock_automation.events.schema_words import Schema, resolved, type_words

WORDS_FOR_PEOPLE = {"title", "description", "examples", "$comment", "deprecated"}
COMPARED_APART = {"properties", "required", "enum", "items", "additionalProperties", "anyOf", "oneOf", "type", "format"}


@dataclass(frozen=True)
class _Pair:
    """Two documents, and from each the message or schema that is compared."""

    released: Schema
    current: Schema
    old: Schema
    new: Schema

    def step(self, old: Any, new: Any) -> _Pair:
        """The same further in, with pointers followed."""
        return _Pair(self.released, self.current, resolved(self.released, old), resolved(self.current, new))

    def types(self) -> tuple[str, str]:
        return type_words(self.released, self.old), type_words(self.current, self.new)


def breaking_changes(released: dict[str, Any], current: dict[str, Any]) -> list[str]:
    """What readers of the released contract would trip over, each in a sentence; empty where there is nothing."""
    now = dict(_messages(current))
    complaints: list[str] = []
    for event_type, (old_channel, old_message) in _messages(released):
        if event_type not in now:
            complaints.append(f"{event_type}: the message was removed from {old_channel['address']}")
            continue
        new_channel, new_message = now[event_type]
        complaints += _way(event_type, old_channel, new_channel)
        complaints += _message(event_type, _Pair(released, current, old_message, new_message))
    return complaints


def _messages(document: Schema) -> Iterator[tuple[str, tuple[Schema, Schema]]]:
    """Event type to its channel and message."""
    for channel in document.get("channels", {}).values():
        for pointer in channel.get("messages", {}).values():
            message = resolved(document, pointer)
            yield resolved(document, message["payload"])["properties"]["event_type"]["const"], (channel, message)


def _way(event_type: str, old: Schema, new: Schema) -> Iterator[str]:
    for what, name in (("address", "the channel's address"), ("x-stream", "the stream")):
        if old.get(what) != new.get(what):
            yield f"{event_type}: {name} was {old.get(what)}, is {new.get(what)}"


def _message(event_type: str, pair: _Pair) -> Iterator[str]:
    before, after = pair.old.get("contentType"), pair.new.get("contentType")
    if before != after:
        yield f"{event_type}: the content type was {before}, is {after}"
    payloads = pair.step(pair.old["payload"], pair.new["payload"])
    before, after = _version(payloads.old), _version(payloads.new)
    if after < before:
        yield f"{event_type}: the version was {before}, is {after}"
    if after > before:  # only the envelope still binds: a reader must be able to see that he does not know the version
        payloads = payloads.step(_without_data(payloads.old), _without_data(payloads.new))
    yield from _schema(event_type, payloads)


def _version(payload: Schema) -> int:
    return int(payload["properties"]["version"]["const"])


def _without_data(payload: Schema) -> Schema:
    fields = {name: field for name, field in payload["properties"].items() if name not in ("version", "data")}
    return {**payload, "properties": fields}


def _schema(path: str, pair: _Pair) -> Iterator[str]:
    before, after = pair.types()
    if before != after:
        yield f"{path}: the type was {before}, is {after}"
        return
    yield from _fields(path, pair)
    yield from _values(path, pair)
    for word in sorted((pair.old.keys() | pair.new.keys()) - WORDS_FOR_PEOPLE - COMPARED_APART):
        old, new = pair.old.get(word), pair.new.get(word)
        if old != new and not word.startswith("x-"):
            yield f"{path}: {word} was {_said(old)}, is {_said(new)}"
    yield from _inside(path, pair)


def _fields(path: str, pair: _Pair) -> Iterator[str]:
    old, new = pair.old.get("properties", {}), pair.new.get("properties", {})
    old_required, new_required = set(pair.old.get("required", ())), set(pair.new.get("required", ()))
    for name in old:
        if name not in new:
            yield f"{path}.{name}: the field was removed or renamed"
            continue
        if name in old_required - new_required:
            yield f"{path}.{name}: the field was required, is optional"
        if name in new_required - old_required:
            yield f"{path}.{name}: the field was optional, is required"
        yield from _schema(f"{path}.{name}", pair.step(old[name], new[name]))
    for name in new:
        if name not in old and name in new_required:
            yield f"{path}.{name}: the field is new and required; a new field must be optional"


def _values(path: str, pair: _Pair) -> Iterator[str]:
    old, new = pair.old.get("enum"), pair.new.get("enum")
    if old is None or new is None:
        if old != new:
            yield f"{path}: the values were {_said(old)}, are {_said(new)}"
        return
    if added := [value for value in new if value not in old]:
        yield f"{path}: values were added: {added}; a reader who matches all of them knows no others"
    if removed := [value for value in old if value not in new]:
        yield f"{path}: values were removed: {removed}"


def _inside(path: str, pair: _Pair) -> Iterator[str]:
    """Entries of arrays and maps, and alternatives; their types agree already."""
    for word, step in (("items", "[]"), ("additionalProperties", ".*")):
        old, new = pair.old.get(word), pair.new.get(word)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _schema(path + step, pair.step(old, new))
        elif (old is False) != (new is False):
            yield f"{path}: {word} was {_said(old)}, is {_said(new)}"
    for word in ("anyOf", "oneOf"):
        for old, new in zip(pair.old.get(word, ()), pair.new.get(word, ()), strict=False):
            yield from _schema(path, pair.step(old, new))


def _said(value: Any) -> str:
    return "not said" if value is None else repr(value)
