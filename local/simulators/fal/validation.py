"""Checks an input against an endpoint's JSON Schema and answers in fal's words."""

from collections.abc import Iterator, Sequence
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from local.simulators.contracts import closed, missing_fields, unknown_fields
from local.simulators.fal.errors import Json, ModelError, problem

TYPES = {
    "string": ("string_type", "Input should be a valid string"),
    "integer": ("int_type", "Input should be a valid integer"),
    "number": ("float_type", "Input should be a valid number"),
    "boolean": ("bool_type", "Input should be a valid boolean"),
    "array": ("list_type", "Input should be a valid list"),
    "object": ("dict_type", "Input should be a valid dictionary"),
}
BOUNDS = {
    "minimum": ("greater_than_equal", "ge", "greater than or equal to"),
    "maximum": ("less_than_equal", "le", "less than or equal to"),
    "exclusiveMinimum": ("greater_than", "gt", "greater than"),
}


def checked(schema: Json, payload: object, *, strict: bool) -> Json:
    """The input with the schema's defaults filled in.

    Raises:
        ModelError: it breaks the schema, or (strict) holds fields the schema does not know.
    """
    validator = Draft202012Validator(closed(schema) if strict else schema)
    detail = [item for error in validator.iter_errors(payload) for item in _problems(error)]
    if detail or not isinstance(payload, dict):
        raise ModelError(detail)
    defaults = {name: field["default"] for name, field in schema["properties"].items() if "default" in field}
    return {**defaults, **payload}


def _problems(error: ValidationError) -> Iterator[Json]:
    loc: list[str | int] = ["body", *error.absolute_path]
    given: Any = error.instance
    limit: Any = error.validator_value
    if error.validator == "required":
        for name in missing_fields(error):
            yield problem("missing", [*loc, name], "Field required", given=given)
    elif error.validator == "additionalProperties":
        for name in unknown_fields(error):
            message = (
                "Extra inputs are not permitted (a strict simulator: the real server ignores this field)"
            )
            yield problem("extra_forbidden", [*loc, name], message, given=given[name])
    elif error.validator == "anyOf":
        yield from _no_alternative(error)
    elif error.validator in BOUNDS:
        kind, name, words = BOUNDS[error.validator]
        yield problem(kind, loc, f"Input should be {words} {limit}", given=given, ctx={name: limit})
    elif error.validator == "enum":
        expected = ", ".join(f"'{value}'" for value in limit)
        yield problem(
            "one_of", loc, f"Input should be one of {expected}", given=given, ctx={"expected": limit}
        )
    else:
        kind, message = TYPES[limit if isinstance(limit, str) else limit[0]]
        yield problem(kind, loc, message, given=given)


def _no_alternative(error: ValidationError) -> Iterator[Json]:
    """An object is held against the object form, anything else against the named values."""
    alternatives: Any = error.validator_value
    forms = [schema["type"] for schema in alternatives]
    if isinstance(error.instance, dict):
        for inner in error.context or ():
            if inner.schema_path[0] == forms.index("object"):
                yield from _problems(inner)
        return
    expected = alternatives[forms.index("string")]["enum"]
    message = f"Input should be one of {_listed(expected)} or an object with width and height"
    loc = ["body", *error.absolute_path]
    yield problem("one_of", loc, message, given=error.instance, ctx={"expected": expected})


def _listed(values: Sequence[object]) -> str:
    return ", ".join(f"'{value}'" for value in values)
