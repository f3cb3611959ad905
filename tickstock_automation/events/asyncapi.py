"""The published contract: an AsyncAPI 3 document of the catalogue, made from its models.

The document speaks for this system, which sends; an application that receives reads its `send` operations the other way.
"""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import yaml
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from tickstock_automation import __version__
from tickstock_automation.events.catalogue import EVENT_TYPES, Channel, Event, EventData, Service, encode
from tickstock_automation.events.data.base import Example

STREAM_ENTRY_FIELD = "event"
FIRST_EXAMPLE_SEQ = 4711

DESCRIPTION = """\
What tickstock_automation tells other programs about a stock-market database that it keeps current.
This document speaks for the sender: its operations are `send`, and a program such as TickStockApp receives them.

**Two ways.** Each message goes out as the same JSON on its pub/sub channel (live: whoever is connected sees it) and into the
Redis Stream `stream:` + channel (kept: read it with a consumer group, one group for each application; an entry's
field `event` holds the message, `id` its id again, `batch` its place in the order of sending across streams). Streams are trimmed by age and length.

**What is promised.** A message is sent if and only if the database change it tells of was committed. Per symbol, messages
come in the order of the commits, and `seq` grows with them, across channels. Without a fault a message is in its stream
exactly once; after a fault it may come again under the same `id`, and live
only while it is younger than a minute (a setting).

**Versions.** Within a version of a message only an optional field may be added: ignore fields that you do not know. Any
other change comes as a higher `version`; set aside a version that you do not know. New event types and channels may come.

**Units.** Sessions are dates in New York, moments UTC, prices US dollars as traded (unadjusted), volumes shares, shares of
a whole from 0 to 1.
"""

SERVICES = {
    Service.IPO_MONITOR: "Listings, bars, and the queue of what is to be brought up to date",
    Service.DATA_QUALITY_MONITOR: "Checks, alerts, daily summary",
}


class _WireSchema(GenerateJsonSchema):
    """Schemas as a consumer reads them: open to fields that a later release adds, without titles that repeat names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        found = super().model_schema(schema)
        if found.get("additionalProperties") is False:
            del found["additionalProperties"]
        return found


def asyncapi_document() -> dict[str, Any]:
    """The contract as plain JSON values."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "tickstock_automation events",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": service.value, "description": words} for service, words in SERVICES.items()],
        },
        "defaultContentType": "application/json",
        "servers": {"redis": _server()},
        "channels": {_channel_id(model): _channel(model) for model in EVENT_TYPES},
        "operations": {f"send_{model.event_type}": _operation(model) for model in EVENT_TYPES},
        "components": {
            "messages": {model.event_type: _message(model) for model in EVENT_TYPES},
            "schemas": _data_schemas(),
            "securitySchemes": {
                "redis": {
                    "type": "userPassword",
                    "description": "A Redis user who may subscribe to `tickstock.*` and read the streams `stream:tickstock.*`",
                }
            },
        },
    }


def asyncapi_yaml() -> str:
    """The contract as it is published."""
    body = yaml.dump(asyncapi_document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return f"# Made from the models by `make contract`; not to be edited.\n{body}"


def _server() -> dict[str, Any]:
    return {
        "host": "{host}:{port}",
        "protocol": "redis",
        "description": "The Redis or Valkey that the relay sends to",
        "variables": {
            "host": {"default": "localhost", "description": "Its name or address"},
            "port": {"default": "6379", "description": "Its port"},
        },
        "security": [{"$ref": "#/components/securitySchemes/redis"}],
    }


def _channel_id(model: type[EventData]) -> str:
    return Channel(model.channel).name.lower()


def _channel(model: type[EventData]) -> dict[str, Any]:
    stream = Channel(model.channel).stream
    return {
        "address": str(model.channel),
        "summary": model.__doc__,
        "description": f"Live on this channel; kept in the stream `{stream}`.",
        "messages": {model.event_type: {"$ref": f"#/components/messages/{model.event_type}"}},
        "tags": _tags(model),
        "x-stream": {"key": stream, "field": STREAM_ENTRY_FIELD},
    }


def _operation(model: type[EventData]) -> dict[str, Any]:
    channel = f"#/channels/{_channel_id(model)}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "summary": model.__doc__,
        "description": f"Sent by {' and '.join(model.services)}; received by whoever subscribes or reads the stream.",
        "messages": [{"$ref": f"{channel}/messages/{model.event_type}"}],
        "tags": _tags(model),
    }


def _message(model: type[EventData]) -> dict[str, Any]:
    return {
        "name": model.event_type,
        "title": model.__name__,
        "summary": model.__doc__,
        "contentType": "application/json",
        "payload": _payload(model),
        "tags": _tags(model),
        "examples": [
            {"name": f"{model.event_type}_{number}", "payload": _example_message(model, example, number)}
            for number, example in enumerate(model.examples, 1)
        ],
    }


def _payload(model: type[EventData]) -> dict[str, Any]:
    """The envelope, narrowed to one event type."""
    schema = Event.model_json_schema(mode="serialization", schema_generator=_WireSchema)
    narrowed: dict[str, dict[str, Any]] = {
        "timestamp": {"description": "When the change was made, UTC"},
        "service": {"enum": [service.value for service in model.services], "description": "Who sent it"},
        "event_type": {"const": model.event_type, "description": "What happened; names the model of `data`"},
        "version": {"const": model.version, "description": "Of the event type; a change that can break a reader is a new one"},
        "data": {"$ref": f"#/components/schemas/{model.__name__}"},
    }  # fmt: skip
    fields = {name: {**field, **narrowed.get(name, {})} for name, field in schema["properties"].items()}
    fields["data"] = narrowed["data"]  # a $ref stands alone: draft 7 ignores what is beside it
    return {"type": "object", "properties": fields, "required": schema["required"]}


def _data_schemas() -> dict[str, Any]:
    """Serialization, for that is what is on the wire: all fields are sent, those with a default may be missed."""
    _, schema = models_json_schema(
        [(model, "serialization") for model in EVENT_TYPES],
        ref_template="#/components/schemas/{model}",
        schema_generator=_WireSchema,
    )
    definitions: dict[str, Any] = schema["$defs"]
    return definitions


def _example_message(model: type[EventData], example: Example, number: int) -> dict[str, Any]:
    digest = sha256(f"{model.event_type} {number}".encode()).digest()
    message: dict[str, Any] = json.loads(
        encode(
            id=UUID(bytes=digest[:16], version=4),
            seq=FIRST_EXAMPLE_SEQ + 10 * EVENT_TYPES.index(model) + number,
            timestamp=datetime.fromisoformat(example.sent),
            service=example.service or model.services[0],
            event_type=model.event_type,
            version=model.version,
            data=json.dumps(example.data),
        )
    )
    return message


def _tags(model: type[EventData]) -> list[dict[str, str]]:
    return [{"name": service.value} for service in model.services]


class _Dumper(yaml.SafeDumper):
    """Writes several lines as several lines, and nothing as a reference to somewhere else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _several_lines(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _several_lines)
