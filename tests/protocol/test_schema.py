"""The generated schema: not stale, and true of what is written on the wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from oricode_protocol import codec, schema
from oricode_protocol.events import EVENTS, Event
from protocol.legal import events
from protocol.recorded import recorded

COPY = Path(schema.__file__).parents[1] / "schema.json"
SCHEMA: dict[str, Any] = json.loads(COPY.read_text("utf-8"))
VALIDATORS = {
    name: Draft202012Validator({"$ref": entry["$ref"], "$defs": SCHEMA["$defs"]})
    for name, entry in SCHEMA["events"].items()
}
# PRODUCT's fields of old: event -> the fields that clients rely on and their JSON types.
WIRE_FACTS = {
    "connected": {"message": "string"},
    "heartbeat": {"timestamp": "integer"},
    "message_start": {"message": "string"},
    "content": {"text": "string", "index": "integer"},
    "progress": {"type": "string", "message": "string", "progress": "number"},
    "message_stop": {"message": "string"},
    "done": {"message": "string"},
    "error": {"error": "string"},
}


def test_the_copy_in_the_repository_is_what_the_types_say() -> None:
    """``make schema`` rewrites it; the TypeScript types and the Java records are made from it."""
    assert COPY.read_text("utf-8") == schema.text()


def test_the_schema_is_itself_valid() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@given(events())
def test_whatever_is_written_on_the_wire_fits_the_schema(event: Event) -> None:
    VALIDATORS[event.event].validate(codec.loads(codec.encode(event)))


@pytest.mark.parametrize("name", recorded("runs"))
def test_recorded_runs_fit_the_schema(name: str) -> None:
    for event in recorded("runs")[name]["events"]:
        VALIDATORS[event["event"]].validate(event["data"])


@pytest.mark.parametrize("name", WIRE_FACTS)
def test_no_field_that_existing_clients_rely_on_was_removed_or_retyped(name: str) -> None:
    properties = SCHEMA["$defs"][SCHEMA["events"][name]["$ref"].rpartition("/")[2]]["properties"]
    assert {field: properties[field]["type"] for field in WIRE_FACTS[name]} == WIRE_FACTS[name]


def test_durable_is_said_of_every_event() -> None:
    assert {name: entry["durable"] for name, entry in SCHEMA["events"].items()} == {
        name: cls.durable for name, cls in EVENTS.items()
    }
