"""The events of the Python client are those of the document, and none is lost."""

import json
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from pydantic.alias_generators import to_camel

from character_identity_client.events import EVENTS, SHARED, Reason, WebhookEvent, event_of
from tests.support.openapi import described

TYPES = {str: "string", int: "integer", float: "number", NoneType: "null"}


def content_of(kind: str) -> Any:
    return described()["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"]


def test_there_is_a_class_for_each_event() -> None:
    assert EVENTS.keys() == described()["webhooks"].keys()


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_has_what_the_document_says_of_it_and_no_more(kind: str) -> None:
    hints = get_type_hints(EVENTS[kind])
    own = {to_camel(name): shape_of(hint) for name, hint in hints.items() if name not in SHARED}
    properties = content_of(kind)["schema"]["properties"]
    data = properties["data"]
    assert own == {name: plain(schema) for name, schema in data["properties"].items()}
    assert own.keys() == {*data["required"]}
    assert shape_of(hints["type"]) == plain(properties["type"])
    assert EVENTS[kind].__doc__


@pytest.mark.parametrize("kind", EVENTS)
def test_the_example_of_an_event_is_read_to_its_last_field(kind: str) -> None:
    example = content_of(kind)["example"]
    event = event_of(json.dumps(example).encode())
    assert type(event) is EVENTS[kind]
    read = {field.name: getattr(event, field.name) for field in fields(event) if field.name not in SHARED}
    said = {
        to_camel(name): vars(value) if isinstance(value, Reason) else value for name, value in read.items()
    }
    assert said == event.data == example["data"]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("IdentityRenamed", {"characterId": "i1", "name": "Anna"}),
        ("WebhookEvent", {}),
        ("IdentityReady", {"id": "i1"}),
        ("IdentityFailed", {"characterId": "i1", "status": "failed", "error": None}),
    ],
    ids=["a type of tomorrow", "no event's name", "another shape", "another shape within"],
)
def test_what_this_release_does_not_know_passes_with_all_its_data(kind: str, data: Any) -> None:
    body = {"id": "evt_1", "type": kind, "timestamp": "2026-11-22T12:00:00Z", "data": data}
    event = event_of(json.dumps(body).encode())
    assert type(event) is WebhookEvent
    assert (event.id, event.type, event.data) == ("evt_1", kind, data)


def test_a_field_of_tomorrow_is_among_the_data() -> None:
    example = content_of("WebhookTest")["example"]
    event = event_of(json.dumps(example | {"data": {**example["data"], "more": 1}}).encode())
    assert event.data["more"] == 1


def shape_of(hint: Any) -> Any:
    """What JSON a type is, in the words of a schema."""
    if hint is Reason:
        return {"type": "object", "properties": {name: {"type": "string"} for name in ("code", "message")}}
    if get_origin(hint) is Literal:
        values = get_args(hint)
        return {"const": values[0]} if len(values) == 1 else {"enum": [*values]}
    if isinstance(hint, UnionType):
        return {"type": [TYPES[each] for each in get_args(hint)]}
    return {"type": TYPES[hint]}


def plain(schema: Any) -> Any:
    """A schema without what it says for people, and without bounds."""
    kept = {key: schema[key] for key in ("type", "const", "enum") if key in schema}
    if "properties" in schema:
        kept["properties"] = {name: plain(part) for name, part in schema["properties"].items()}
    return kept
