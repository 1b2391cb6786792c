"""The providers' JSON Schemas, as the simulators hold them, closed to fields that they do not name."""

from typing import Any

from local.simulators.contracts import closed, contract


def input_schema(endpoint: str) -> dict[str, Any]:
    """The schema of a fal endpoint's input."""
    return _schema(f"fal-{endpoint.removeprefix('fal-ai/').replace('/', '-')}", "Input")


def astria_schema(resource: str) -> dict[str, Any]:
    """The schema of the body that creates a tune or a prompt."""
    return _schema(f"astria-{resource}", "CreateRequest")


def _schema(name: str, definition: str) -> dict[str, Any]:
    definitions = closed(contract(name)["$defs"])
    return {"$defs": definitions, **definitions[definition]}
