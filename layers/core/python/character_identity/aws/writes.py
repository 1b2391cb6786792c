"""Writes: what is to be done to a row, alone or with others in a transaction.

Conditional writes have DynamoDB's conditions, as text: ``#name`` stands for the attribute of that name,
``:name`` for a value that is handed over by that name.
"""

import re
from collections.abc import Mapping
from typing import Any

from character_identity.aws.items import to_attributes
from character_identity.aws.keys import Key

Write = Mapping[str, Mapping[str, Any]]
"""``{"Put" | "Update" | "Delete" | "ConditionCheck": {...}}``, as in a transaction but for the table."""

NEW = "attribute_not_exists(pk)"
THERE = "attribute_exists(pk)"
ERASED = "erased"
"""The status of what is left of an erased identity, generation or evaluation: its receipt."""
NOT_ERASED = "attribute_exists(pk) AND #status <> :erased"


def put(item: Mapping[str, Any], when: str = "", **values: Any) -> Write:
    """Write a whole row."""
    return {"Put": {"Item": to_attributes(item), **_condition(when, values)}}


def update(
    key: Key,
    changes: Mapping[str, Any],
    when: str = "",
    *,
    add: Mapping[str, int] | None = None,
    **values: Any,
) -> Write:
    """Set attributes, and remove those that are to be None; ``add`` has numbers to add to what is there."""
    new = {name: value for name, value in changes.items() if value is not None}
    clauses = {
        "SET": [f"#{name} = :new_{name}" for name in new],
        "REMOVE": [f"#{name}" for name in changes if name not in new],
        "ADD": [f"#{name} :new_{name}" for name in add or {}],
    }
    expression = " ".join(f"{verb} {', '.join(terms)}" for verb, terms in clauses.items() if terms)
    named = {f"new_{name}": value for name, value in {**new, **(add or {})}.items()}
    return {
        "Update": {
            "Key": to_attributes(key),
            "UpdateExpression": expression,
            **_condition(when, {**values, **named}, expression),
        }
    }


def delete(key: Key, when: str = "", **values: Any) -> Write:
    """Delete a row."""
    return {"Delete": {"Key": to_attributes(key), **_condition(when, values)}}


def check(key: Key, when: str, **values: Any) -> Write:
    """Change nothing, but let the transaction fail where the row is not so."""
    return {"ConditionCheck": {"Key": to_attributes(key), **_condition(when, values)}}


def _condition(when: str, values: Mapping[str, Any], expression: str = "") -> dict[str, Any]:
    names = re.findall(r"#(\w+)", f"{when} {expression}")
    parameters: dict[str, Any] = {
        "ConditionExpression": when,
        "ExpressionAttributeNames": {f"#{name}": name for name in names},
        "ExpressionAttributeValues": to_attributes({f":{name}": value for name, value in values.items()}),
    }
    return {name: value for name, value in parameters.items() if value}
