"""The catalogue: one event for each channel, and an envelope that survives the way."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from tickstock_automation.events.catalogue import (
    EVENT_TYPES,
    Canary,
    Channel,
    Compared,
    FieldChange,
    MaintenanceStarted,
    Service,
    SymbolChanged,
    decode,
    encode,
)


def test_every_channel_has_exactly_one_event() -> None:
    assert sorted(model.channel for model in EVENT_TYPES) == sorted(Channel)
    assert len({model.event_type for model in EVENT_TYPES}) == 12


@pytest.mark.parametrize("model", [*EVENT_TYPES, FieldChange, Compared, Canary], ids=lambda model: model.__name__)
def test_every_event_and_every_field_of_it_is_explained(model: type[BaseModel]) -> None:
    assert "__doc__" in vars(model)
    assert [name for name, field in model.model_fields.items() if not field.description] == []


@given(st.text(), st.integers(1, 2**62), st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_what_is_encoded_is_decoded(text: str, seq: int, moment: datetime, id_: object) -> None:
    data = json.dumps({"symbol": text})
    message = encode(
        id=id_, seq=seq, timestamp=moment, service="ipo_monitor", event_type="new_symbol", version=1, data=data
    )  # type: ignore[arg-type]
    event = decode(message)
    assert (event.id, event.seq, event.timestamp, event.symbol) == (id_, seq, moment, text)
    assert json.loads(message)["timestamp"].endswith("Z")


def test_an_event_knows_its_model_and_an_unknown_one_has_none() -> None:
    data = MaintenanceStarted(task="scan", session=date(2024, 1, 2))
    common = {"id": uuid4(), "seq": 1, "timestamp": datetime.now(UTC), "service": Service.IPO_MONITOR}
    known = decode(encode(**common, event_type="maintenance_started", version=1, data=data.model_dump_json()))
    assert known.typed == data
    assert decode(encode(**common, event_type="from_the_future", version=1, data="{}")).typed is None
    assert decode(encode(**common, event_type="maintenance_started", version=2, data="{}")).typed is None


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValidationError):
        SymbolChanged(symbol="A", session=date(2024, 1, 2), changes={})
    with pytest.raises(ValidationError):
        MaintenanceStarted(task="tea", session=date(2024, 1, 2))  # type: ignore[arg-type]


def test_a_consumer_imports_pydantic_and_redis_and_nothing_else_of_ours() -> None:
    code = (
        "import sys, tickstock_automation.events.consumer\n"
        "tops = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(tops & {'sqlalchemy', 'celery', 'polars', 'structlog', 'typer', 'pydantic_settings', 'alembic', 'yaml'}))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
