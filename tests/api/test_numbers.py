"""Numbers of bodies are numbers, as the document says: no text and no true in their place."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from character_identity.api.evaluation_schemas import ScenarioRequest
from character_identity.api.routes.table import ROUTES
from character_identity.api.schemas import StoredImageSource, UploadFile

NUMBERS = {"integer", "number"}


def _bodies() -> set[type[BaseModel]]:
    """All models of bodies of our own API, and those that stand inside of others."""
    bodies = {route.request for route in ROUTES if route.request and route.path.startswith("/v1/")}
    return {*bodies, StoredImageSource, UploadFile, ScenarioRequest}


def _numbers() -> list[tuple[type[BaseModel], str]]:
    found = []
    for body in sorted(_bodies(), key=lambda each: each.__name__):
        properties: dict[str, Any] = body.model_json_schema()["properties"]
        for name, schema in properties.items():
            kinds = {schema.get("type"), *(each.get("type") for each in schema.get("anyOf", ()))}
            if kinds & NUMBERS:
                found.append((body, name))
    return found


@pytest.mark.parametrize(("body", "name"), _numbers(), ids=lambda each: getattr(each, "__name__", each))
def test_a_number_of_a_body_is_no_text_and_not_true(body: type[BaseModel], name: str) -> None:
    for value in ("1", "0.5", True, False):
        with pytest.raises(ValidationError) as refused:
            body.model_validate({name: value})
        [error] = [each for each in refused.value.errors() if each["loc"] == (name,)]
        assert error["type"] in {"int_type", "float_type"}


def test_every_kind_of_number_is_among_them() -> None:
    names = {name for _, name in _numbers()}
    assert {
        "sizeBytes",
        "numImages",
        "imageNumber",
        "variations",
        "maxCostUsd",
        "threshold",
    } <= names
