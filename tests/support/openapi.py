"""Holds real answers against what the OpenAPI document says of them."""

import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema_rs import Draft202012Validator as QuickValidator

from character_identity.api.openapi.document import document

Json = dict[str, Any]


@cache
def described() -> Json:
    """The document."""
    return document()


@cache
def operations() -> dict[str, Json]:
    """Every operation of the document by its route, as in "GET /docs"."""
    return {
        f"{method.upper()} {path}": operation
        for path, methods in described()["paths"].items()
        for method, operation in methods.items()
    }


@lru_cache(1_000)
def route_of(method: str, path: str) -> str:
    """The route that a call takes; one without parameters goes before one with.

    Raises:
        LookupError: the document has none.
    """
    for known, pattern in _paths():
        if pattern.fullmatch(path) and f"{method} {known}" in operations():
            return f"{method} {known}"
    raise LookupError(f"{method} {path}")


def path_parameters(path: str) -> dict[str, str]:
    """What API Gateway reads out of a path for its function."""
    fitting = (pattern.fullmatch(path) for _, pattern in _paths())
    return next((found.groupdict() for found in fitting if found), {})


@cache
def _paths() -> list[tuple[str, re.Pattern[str]]]:
    """Return the paths of the document and what fits them; one without parameters goes before one with."""
    known = sorted(described()["paths"], key=lambda path: path.count("{"))
    return [(path, re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path))) for path in known]


def resolved(part: Json) -> Json:
    """Return what a part of the document refers to, or itself."""
    if "$ref" not in part:
        return part
    found = described()
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


def problems(schema: Json, content: Any) -> list[str]:
    """Return the places where content is not as a schema of the document says."""
    return list(_problems(json.dumps(schema), json.dumps(content)))


@lru_cache(1_000)
def _problems(schema: str, content: str) -> tuple[str, ...]:
    """Look for problems once: the worlds of a fault get the same answers until it happens."""
    instance = json.loads(content)
    if _quick_validator(schema).is_valid(instance):
        return ()
    errors = Draft202012Validator(_whole(schema)).iter_errors(instance)
    return tuple(f"{error.json_path}: {error.message}" for error in errors)


@cache
def _quick_validator(schema: str) -> QuickValidator:
    """Tells what is as described in a hundredth of the time; where something is not, the other says what."""
    return QuickValidator(_whole(schema))


def _whole(schema: str) -> Json:
    return {**json.loads(schema), "components": described()["components"]}


def undescribed(route: str, status: int, headers: Mapping[str, str], content: Any) -> list[str]:
    """Return what the document does not say of an answer; ``content`` is None without a body in JSON."""
    responses = operations()[route]["responses"]
    if str(status) not in responses:
        return [f"{route} answers {status}: {content}"]
    response, sent = resolved(responses[str(status)]), {name.lower() for name in headers}
    missing = [
        f"{route} sends {name} with {status}"
        for name in described()["components"]["headers"]
        if name.lower() in sent and name not in response.get("headers", {})
    ]
    kinds = response.get("content", {})
    kind = next(
        (value for name, value in headers.items() if name.lower() == "content-type"), "application/json"
    )
    body = kinds.get(kind.partition(";")[0])
    if content is None or body is None:
        return [*missing, *([] if content is None else [f"{route} sends a body with {status}"])]
    return [*missing, *(f"{route}, {status}: {problem}" for problem in problems(body["schema"], content))]
