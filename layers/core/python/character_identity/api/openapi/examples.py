"""Examples of whole bodies, made of the examples of their properties."""

from collections.abc import Mapping
from typing import Any

from character_identity.api.openapi.components import Json
from character_identity.api.openapi.properties import MADE, meaning_of


def example_of(schema: Json, schemas: Mapping[str, Json], owner: str = "") -> Any:
    """A body that a schema allows; ``schemas`` are what it may refer to.

    What is null as a rule is null.
    """
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return example_of(schemas[name], schemas, name)
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], schemas, owner)
    if "const" in schema:
        return schema["const"]
    if schema.get("type") == "array":
        return [example_of(schema["items"], schemas, owner)]
    if "additionalProperties" in schema and "properties" not in schema:
        return {"image": example_of(schema["additionalProperties"], schemas, owner)}
    return {
        name: _example_of_property(owner, name, part, schemas)
        for name, part in schema.get("properties", {}).items()
    }


def _example_of_property(owner: str, name: str, schema: Json, schemas: Mapping[str, Json]) -> Any:
    meaning = meaning_of(owner, name)
    if not meaning.usual:
        return None
    if meaning.example is MADE or "const" in schema:
        return example_of(schema, schemas, owner)
    return meaning.example
