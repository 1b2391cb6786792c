"""The providers' JSON Schemas, as the stand-ins hold them."""

import json
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).parents[2] / "local" / "providers" / "schemas"


def input_schema(endpoint: str) -> dict[str, Any]:
    """The schema of a fal endpoint's input."""
    return _load(f"fal-{endpoint.removeprefix('fal-ai/').replace('/', '-')}.json", "Input")


def astria_schema(resource: str) -> dict[str, Any]:
    """The schema of the body that creates a tune or a prompt."""
    return _load(f"astria-{resource}.json", "CreateRequest")


def _load(name: str, definition: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((SCHEMAS / name).read_text())
    return {"$defs": document["$defs"], **document["$defs"][definition]}
