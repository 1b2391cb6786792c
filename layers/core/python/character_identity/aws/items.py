"""Plain values as DynamoDB's attribute values, and back."""

from collections.abc import Mapping
from typing import Any

Item = dict[str, Any]


def to_attributes(item: Mapping[str, Any]) -> Item:
    """Return each value under its type: numbers as text, ``{"S": ...}``, ``{"M": ...}`` and so on.

    Raises:
        TypeError: there is no type for a value.
    """
    return {name: _to_attribute(value) for name, value in item.items()}


def from_attributes(attributes: Mapping[str, Any]) -> Item:
    """Return the plain values; numbers are int or float, so text is what keeps more digits than a float."""
    return {name: _from_attribute(value) for name, value in attributes.items()}


def _to_attribute(value: Any) -> dict[str, Any]:
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int() | float():
            return {"N": repr(value)}
        case bytes():
            return {"B": value}
        case Mapping():
            return {"M": to_attributes(value)}
        case list() | tuple():
            return {"L": [_to_attribute(each) for each in value]}
        case _:
            raise TypeError(f"DynamoDB has no type for {type(value).__name__}.")


def _from_attribute(attribute: Mapping[str, Any]) -> Any:
    ((kind, value),) = attribute.items()
    match kind:
        case "NULL":
            return None
        case "N":
            return float(value) if set(value) & set(".eE") else int(value)
        case "M":
            return from_attributes(value)
        case "L":
            return [_from_attribute(each) for each in value]
        case _:
            return value
