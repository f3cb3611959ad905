"""The contract as a page for people, in Markdown. Pure: from the AsyncAPI document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tickstock_automation.events.schema_words import Schema, bound_words, resolved, type_words, values_of

HEAD = """\
<!-- Made from the models by `make contract`; not to be edited. -->
# Event catalogue

Version {version} of the contract, the same as [asyncapi.yaml](asyncapi.yaml); [](events.md) says how to read it. A field that is
not required has a default, and a reader must do without it. In names, `.*` is each entry of a map.

| channel | event_type | service |
| --- | --- | --- |
"""


def catalogue_page(document: dict[str, Any]) -> str:
    """A table of all events, the envelope, and for each event its fields and an example."""
    events = [
        (channel, resolved(document, pointer))
        for channel in document["channels"].values()
        for pointer in channel["messages"].values()
    ]
    page = HEAD.format(version=document["info"]["version"])
    for channel, message in events:
        page += f"| `{channel['address']}` | [`{message['name']}`](#{message['name']}) | {_services(message)} |\n"
    page += "\n## Envelope\n\nEvery message has these fields; `data` is what the event says.\n\n"
    page += _table(document, _envelope(events[0][1]))
    return page + "".join(_section(document, channel, message) for channel, message in events)


def _envelope(message: Schema) -> Schema:
    """What is the same in all messages."""
    payload = message["payload"]
    plain = {"service": "string", "event_type": "string", "version": "integer", "data": "object"}
    fields = dict(payload["properties"])
    for name, kind in plain.items():
        fields[name] = {"type": kind, "description": fields[name].get("description", "What the event says")}
    return {**payload, "properties": fields}


def _services(message: Schema) -> str:
    return ", ".join(tag["name"] for tag in message["tags"])


def _section(document: Schema, channel: Schema, message: Schema) -> str:
    data = message["payload"]["properties"]["data"]
    version = message["payload"]["properties"]["version"]["const"]
    examples = "".join(f"```json\n{_json(example['payload'])}\n```\n\n" for example in message["examples"])
    return (
        f"\n## {message['name']}\n\n{message['summary']}\n\n"
        f"- channel `{channel['address']}`\n- stream `{channel['x-stream']['key']}`\n"
        f"- sent by {_services(message)}\n- version {version}\n\n"
        f"{_table(document, resolved(document, data))}\n{examples}"
    ).rstrip("\n") + "\n"


def _table(document: Schema, schema: Schema) -> str:
    rows = (
        f"| `{name}` | {kind} | {required} | {words} |\n" for name, kind, required, words in _rows(document, schema)
    )
    return "| field | type | required | meaning |\n| --- | --- | --- | --- |\n" + "".join(rows)


def _rows(document: Schema, schema: Schema, prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Name, type, required and meaning of each field, and after it of the fields inside it."""
    for name, field in schema["properties"].items():
        required = "yes" if name in schema.get("required", ()) else "no"
        inner = resolved(document, field)
        words = field.get("description") or inner.get("description", "")
        yield prefix + name, _kind(document, field), required, words.replace("|", "\\|")
        entries = inner.get("additionalProperties")
        if isinstance(entries, Mapping) and "properties" in (entry := resolved(document, entries)):
            yield from _rows(document, entry, f"{prefix}{name}.*.")


def _kind(document: Schema, field: Schema) -> str:
    """Type, bounds and values in one cell."""
    words = [type_words(document, field), *bound_words(resolved(document, field))]
    values = values_of(document, field)
    if values:
        words.append("one of " + ", ".join(f"`{value}`" for value in values))
    return ", ".join(words)


def _json(message: dict[str, Any]) -> str:
    """The envelope on one line, the data below it, as the eye wants it."""
    envelope = ", ".join(
        f"{json.dumps(name)}: {json.dumps(value)}" for name, value in message.items() if name != "data"
    )
    data = json.dumps(message["data"], indent=2, ensure_ascii=False).replace("\n", "\n ")
    return f'{{{envelope},\n "data": {data}}}'
