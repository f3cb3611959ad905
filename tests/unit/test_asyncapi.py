"""The published contract: it is AsyncAPI, it says what the models say, and it keeps what a release promised."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, FormatChecker

from tickstock_automation import __version__
from tickstock_automation.events.asyncapi import asyncapi_document, asyncapi_yaml
from tickstock_automation.events.catalogue import EVENT_TYPES, Channel, EventData, Service, decode
from tickstock_automation.events.catalogue_page import catalogue_page
from tickstock_automation.events.compatibility import breaking_changes

DOCUMENT = asyncapi_document()
SCHEMAS = DOCUMENT["components"]["schemas"]
FORMATS = FormatChecker(["date", "uuid"])
each_event = pytest.mark.parametrize("model", EVENT_TYPES, ids=lambda model: model.event_type)


@FORMATS.checks("date-time", raises=ValueError)
def _is_a_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


def message_of(document: dict[str, Any], event_type: str) -> dict[str, Any]:
    return document["components"]["messages"][event_type]


def complaints(schema: dict[str, Any], value: object) -> list[str]:
    """What is wrong with a value; the schema may point into the document's components."""
    schema = {**schema, "components": DOCUMENT["components"]}
    return [f"{error.json_path}: {error.message}" for error in Draft7Validator(schema, format_checker=FORMATS).iter_errors(value)]  # fmt: skip


def fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from schema["properties"].items()


def test_it_is_an_asyncapi_document_by_the_official_schema(checkout: Path) -> None:
    official = json.loads((checkout / "tests" / "data" / "asyncapi-3.0.0.json").read_text())
    assert [f"{error.json_path}: {error.message}" for error in Draft7Validator(official).iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize("name", ["asyncapi.yaml", "event-catalogue.md"])
def test_what_is_checked_in_is_what_the_models_say(checkout: Path, name: str) -> None:
    made = {"asyncapi.yaml": asyncapi_yaml(), "event-catalogue.md": catalogue_page(DOCUMENT)}[name]
    assert (checkout / "docs" / name).read_text() == made, (
        f"docs/{name} is not what the models say: run `make contract`"
    )


def test_the_yaml_is_the_document_in_the_version_of_the_package() -> None:
    assert yaml.safe_load(asyncapi_yaml()) == DOCUMENT
    assert DOCUMENT["info"]["version"] == __version__


def test_every_channel_is_sent_on_by_its_message_and_kept_in_its_stream() -> None:
    channels = DOCUMENT["channels"].values()
    assert {(channel["address"], channel["x-stream"]["key"]) for channel in channels} == {
        (channel.value, channel.stream) for channel in Channel
    }
    assert {operation["action"] for operation in DOCUMENT["operations"].values()} == {"send"}
    assert len(DOCUMENT["operations"]) == len(EVENT_TYPES)


@each_event
def test_examples_hold_by_the_schema_and_are_what_the_model_would_send(model: type[EventData]) -> None:
    message = message_of(DOCUMENT, model.event_type)
    assert message["examples"]
    for example in message["examples"]:
        assert complaints(message["payload"], example["payload"]) == []
        event = decode(json.dumps(example["payload"]))
        assert isinstance(event.typed, model)
        assert json.loads(event.typed.model_dump_json()) == example["payload"]["data"]


@each_event
def test_an_example_shows_each_service_that_may_send_it(model: type[EventData]) -> None:
    examples = message_of(DOCUMENT, model.event_type)["examples"]
    assert {example["payload"]["service"] for example in examples} == set(model.services)


@each_event
def test_a_message_that_is_not_one_is_refused_by_its_schema(model: type[EventData]) -> None:
    message = message_of(DOCUMENT, model.event_type)
    good = message["examples"][0]["payload"]
    no_service = next((service for service in Service if service not in model.services), "tickstockapp")
    for field, bad in {
        "id": "4711", "seq": "one", "timestamp": "yesterday", "service": no_service, "event_type": "tea", "version": 99,
        "data": {},
    }.items():  # fmt: skip
        assert complaints(message["payload"], {**good, field: bad}), field
        assert complaints(message["payload"], {name: value for name, value in good.items() if name != field}), field


@each_event
def test_a_reader_may_meet_fields_he_does_not_know(model: type[EventData]) -> None:
    message = message_of(DOCUMENT, model.event_type)
    good = message["examples"][0]["payload"]
    later = {**good, "data": {**good["data"], "from_the_future": 1}, "from_the_future": 1}
    assert complaints(message["payload"], later) == []


def test_every_field_and_every_event_is_explained() -> None:
    envelopes = [message["payload"] for message in DOCUMENT["components"]["messages"].values()]
    unexplained = [
        name
        for schema in (*SCHEMAS.values(), *envelopes)
        for name, field in fields(schema)
        if not field.get("description") and name != "data"
    ]
    assert unexplained == []
    assert all(schema["description"] for schema in SCHEMAS.values())


def test_the_last_release_is_kept(checkout: Path) -> None:
    last = max((checkout / "docs" / "released").glob("asyncapi-*.yaml"), key=_version_of)
    assert breaking_changes(yaml.safe_load(last.read_text()), DOCUMENT) == []


def _version_of(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in path.stem.removeprefix("asyncapi-").split("."))


Change = Callable[[dict[str, Any]], object]
Fields = dict[str, dict[str, Any]]


def data_of(document: dict[str, Any], name: str) -> dict[str, Any]:
    return document["components"]["schemas"][name]


def envelope_of(document: dict[str, Any], event_type: str) -> Fields:
    return message_of(document, event_type)["payload"]["properties"]


def changed(change: Change) -> list[str]:
    document = deepcopy(DOCUMENT)
    change(document)
    return breaking_changes(DOCUMENT, document)


def rename(document: dict[str, Any]) -> None:
    properties = data_of(document, "BackfillProgress")["properties"]
    properties["share"] = properties.pop("percent")


def add_required(document: dict[str, Any]) -> None:
    schema = data_of(document, "NewSymbol")
    schema["properties"]["isin"] = {"type": "string"}
    schema["required"].append("isin")


def field(schema: str, name: str, **words: Any) -> Change:
    return lambda document: data_of(document, schema)["properties"][name].update(words)


BREAKING: dict[str, tuple[Change, str]] = {
    "a field removed": (
        lambda document: data_of(document, "NewSymbol")["properties"].pop("exchange"),
        "new_symbol.data.exchange: the field was removed or renamed",
    ),
    "a field renamed": (rename, "backfill_progress.data.percent: the field was removed or renamed"),
    "another type": (
        field("BackfillStarted", "job_id", type="string"),
        "backfill_started.data.job_id: the type was integer, is string",
    ),
    "another format": (
        field("NewSymbol", "session", format="date-time"),
        "new_symbol.data.session: the type was string (date), is string (date-time)",
    ),
    "null allowed": (
        lambda document: data_of(document, "NewSymbol")["properties"].update(
            symbol={"anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]}
        ),
        "new_symbol.data.symbol: the type was string, is string or null",
    ),
    "null no longer allowed": (
        lambda document: data_of(document, "NewSymbol")["properties"].update(name={"type": "string"}),
        "new_symbol.data.name: the type was string or null, is string",
    ),
    "other entries of an array": (
        field("NewSymbol", "universes", items={"type": "integer"}),
        "new_symbol.data.universes: the type was array of string, is array of integer",
    ),
    "other values of a map": (
        field("DailySummary", "by_check", additionalProperties={"type": "number"}),
        "daily_summary.data.by_check: the type was map of integer, is map of number",
    ),
    "a field removed further in": (
        lambda document: data_of(document, "FieldChange")["properties"].pop("old"),
        "symbol_changed.data.changes.*.old: the field was removed or renamed",
    ),
    "optional becomes required": (
        lambda document: data_of(document, "MaintenanceCompleted")["required"].append("error"),
        "maintenance_completed.data.error: the field was optional, is required",
    ),
    "required becomes optional": (
        lambda document: data_of(document, "NewSymbol")["required"].remove("exchange"),
        "new_symbol.data.exchange: the field was required, is optional",
    ),
    "a new required field": (
        add_required,
        "new_symbol.data.isin: the field is new and required; a new field must be optional",
    ),
    "a closed set widened": (
        lambda document: data_of(document, "PriceAnomaly")["properties"]["severity"]["enum"].append("fatal"),
        "price_anomaly.data.severity: values were added: ['fatal']; a reader who matches all of them knows no others",
    ),
    "a closed set narrowed": (
        lambda document: data_of(document, "PriceAnomaly")["properties"]["severity"]["enum"].remove("low"),
        "price_anomaly.data.severity: values were removed: ['low']",
    ),
    "a nullable closed set widened": (
        lambda document: data_of(document, "MaintenanceCompleted")["properties"]["session_state"]["anyOf"][0]["enum"].append("late"),
        "maintenance_completed.data.session_state: values were added: ['late']; a reader who matches all of them knows no others",
    ),
    "a set opened": (
        lambda document: data_of(document, "SymbolArchived")["properties"]["reason"].pop("enum"),
        "symbol_archived.data.reason: the values were ['absent_twice', 'vendor_says_delisted', 'by_person'], are not said",
    ),
    "another service": (
        lambda document: envelope_of(document, "new_symbol")["service"]["enum"].append("data_quality_monitor"),
        "new_symbol.service: values were added: ['data_quality_monitor']; a reader who matches all of them knows no others",
    ),
    "another lower bound": (
        field("BackfillProgress", "percent", minimum=-1),
        "backfill_progress.data.percent: minimum was 0, is -1",
    ),
    "another upper bound": (
        field("BackfillProgress", "percent", maximum=1000),
        "backfill_progress.data.percent: maximum was 100, is 1000",
    ),
    "a bound taken away": (
        lambda document: data_of(document, "DailySummary")["properties"]["completeness"].pop("maximum"),
        "daily_summary.data.completeness: maximum was 1, is not said",
    ),
    "another default": (
        field("MaintenanceCompleted", "error", default="none"),
        "maintenance_completed.data.error: default was not said, is 'none'",
    ),
    "closed to new fields": (
        lambda document: data_of(document, "DataGap").update(additionalProperties=False),
        "data_gap.data: additionalProperties was not said, is False",
    ),
    "another address": (
        lambda document: document["channels"]["data_gap"].update(address="tickstock.quality.gap"),
        "data_gap: the channel's address was tickstock.quality.data_gap, is tickstock.quality.gap",
    ),
    "another stream": (
        lambda document: document["channels"]["data_gap"].pop("x-stream"),
        "data_gap: the stream was {'key': 'stream:tickstock.quality.data_gap', 'field': 'event'}, is None",
    ),
    "another content type": (
        lambda document: message_of(document, "data_gap").update(contentType="application/cbor"),
        "data_gap: the content type was application/json, is application/cbor",
    ),
    "a message removed": (
        lambda document: document["channels"]["data_gap"]["messages"].clear(),
        "data_gap: the message was removed from tickstock.quality.data_gap",
    ),
    "a channel removed": (
        lambda document: document["channels"].pop("data_gap"),
        "data_gap: the message was removed from tickstock.quality.data_gap",
    ),
    "an older version": (
        lambda document: envelope_of(document, "data_gap")["version"].update(const=0),
        "data_gap: the version was 1, is 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BREAKING)
def test_what_would_break_a_reader_is_named(what: str) -> None:
    change, said = BREAKING[what]
    assert said in changed(change)


def add_optional(document: dict[str, Any]) -> None:
    for name in ("NewSymbol", "FieldChange"):
        data_of(document, name)["properties"]["note"] = {"type": "string", "description": "In words"}


def add_channel(document: dict[str, Any]) -> None:
    message = deepcopy(message_of(document, "data_gap"))
    message["payload"]["properties"]["event_type"]["const"] = "calendar_changed"
    document["components"]["messages"]["calendar_changed"] = message
    document["channels"]["calendar"] = {
        "address": "tickstock.automation.calendar",
        "messages": {"calendar_changed": {"$ref": "#/components/messages/calendar_changed"}},
    }


def new_words(document: dict[str, Any]) -> None:
    document["info"]["description"] = "Other words"
    message_of(document, "new_symbol").update(summary="Other words", examples=[])
    data_of(document, "NewSymbol").update(description="Other words", title="Other")
    data_of(document, "NewSymbol")["properties"]["symbol"]["description"] = "Other words"


def new_version(document: dict[str, Any]) -> None:
    envelope_of(document, "new_symbol")["version"]["const"] = 2
    rename(document)
    envelope_of(document, "backfill_progress")["version"]["const"] = 2


def other_order(document: dict[str, Any]) -> None:
    data_of(document, "NewSymbol")["properties"]["reason"]["enum"].reverse()
    data_of(document, "NewSymbol")["required"].reverse()


@pytest.mark.parametrize("change", [add_optional, add_channel, new_words, new_version, other_order])
def test_what_no_reader_trips_over_is_allowed(change: Change) -> None:
    assert changed(change) == []


def test_a_new_version_does_not_free_the_envelope() -> None:
    def change(document: dict[str, Any]) -> None:
        new_version(document)
        envelope_of(document, "new_symbol").pop("seq")

    assert changed(change) == ["new_symbol.seq: the field was removed or renamed"]
