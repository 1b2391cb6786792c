"""The providers' JSON Schemas, as the simulators hold them, closed to fields that they do not name."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from local.simulators.contracts import closed, contract


def input_schema(endpoint: str) -> dict[str, Any]:
    """The schema of a fal endpoint's input."""
    return _schema(f"fal-{endpoint.removeprefix('fal-ai/').replace('/', '-')}", "Input")


def astria_schema(resource: str) -> dict[str, Any]:
    """The schema of the body that creates a tune or a prompt."""
    return _schema(f"astria-{resource}", "CreateRequest")


def assert_in_form(body: object, schema: dict[str, Any]) -> None:
    """See that a body is as a provider's schema says.

    Raises:
        jsonschema.ValidationError: it is not.
    """
    _validator(json.dumps(schema)).validate(body)


@cache
def _validator(schema: str) -> Draft202012Validator:
    """Makes a validator once, for to check its schema takes much longer than to check a body by it."""
    Draft202012Validator.check_schema(json.loads(schema))
    return Draft202012Validator(json.loads(schema))


def _schema(name: str, definition: str) -> dict[str, Any]:
    definitions = closed(contract(name)["$defs"])
    return {"$defs": definitions, **definitions[definition]}
