"""The JSON Schemas of both providers' contracts."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import ValidationError

SCHEMAS = Path(__file__).parent / "schemas"


@cache
def contract(name: str) -> dict[str, Any]:
    """One document of ``schemas/``, such as ``fal-flux-lora``, for all to read."""
    document: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    return document


def closed(schema: Any) -> Any:
    """The schema with every object that names its properties closed to other ones."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    return {**inner, "additionalProperties": False} if isinstance(schema.get("properties"), dict) else inner


def missing_fields(error: ValidationError) -> list[str]:
    """The fields that a ``required`` error is about; there is one error for each."""
    required: Any = error.validator_value
    given: Any = error.instance
    return [name for name in required if name not in given and error.message.startswith(repr(name))]


def unknown_fields(error: ValidationError) -> list[str]:
    """The fields that a closed schema complains of."""
    schema: Any = error.schema
    given: Any = error.instance
    return sorted(given.keys() - schema["properties"].keys())
