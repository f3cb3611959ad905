"""JSON schemas in words: what a reader, or a complaint about a change, calls a type. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

BOUNDS = {
    "minimum": "at least {}", "exclusiveMinimum": "over {}", "maximum": "at most {}", "exclusiveMaximum": "under {}",
    "minLength": "length at least {}", "maxLength": "length at most {}", "pattern": "matching {}",
    "minItems": "entries at least {}", "maxItems": "entries at most {}",
    "minProperties": "entries at least {}", "maxProperties": "entries at most {}",
}  # fmt: skip


def resolved(document: Schema, schema: Schema) -> Schema:
    """The schema itself, where it only points to one in the same document (`#/components/schemas/...`)."""
    while "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


def type_words(document: Schema, schema: Schema) -> str:
    """Its type without bounds and values: `string (date) or null`, `array of string`, `map of integer`."""
    schema = resolved(document, schema)
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives:
        return " or ".join(type_words(document, one) for one in alternatives)
    if "type" not in schema:
        return "anything"
    values = schema.get("additionalProperties")
    if isinstance(values, Mapping):
        return f"map of {type_words(document, values)}"
    words = str(schema["type"])
    if "format" in schema:
        words += f" ({schema['format']})"
    if isinstance(schema.get("items"), Mapping):
        words += f" of {type_words(document, schema['items'])}"
    return words


def bound_words(schema: Schema) -> list[str]:
    """Its bounds: `at least 0`, `at most 100`."""
    return [words.format(schema[bound]) for bound, words in BOUNDS.items() if bound in schema]


def values_of(document: Schema, schema: Schema) -> list[Any]:
    """The values of a closed set, in order; empty where the set is open."""
    schema = resolved(document, schema)
    if "const" in schema:
        return [schema["const"]]
    alternatives = schema.get("anyOf") or schema.get("oneOf") or ()
    return [*schema.get("enum", ()), *(value for one in alternatives for value in values_of(document, one))]
