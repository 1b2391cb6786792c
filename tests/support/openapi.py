"""Holds real answers against what the OpenAPI document says of them."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from character_identity.api.openapi.document import document

Json = dict[str, Any]


@cache
def described() -> Json:
    """The document."""
    return document()


def operations() -> dict[str, Json]:
    """Every operation of the document by its route, as in "GET /docs"."""
    return {
        f"{method.upper()} {path}": operation
        for path, methods in described()["paths"].items()
        for method, operation in methods.items()
    }


def route_of(method: str, path: str) -> str:
    """The route that a call takes; one without parameters goes before one with.

    Raises:
        LookupError: the document has none.
    """
    for known in sorted(described()["paths"], key=lambda known: known.count("{")):
        pattern = re.sub(r"{\w+}", "[^/]+", known)
        if re.fullmatch(pattern, path) and f"{method} {known}" in operations():
            return f"{method} {known}"
    raise LookupError(f"{method} {path}")


def path_parameters(path: str) -> dict[str, str]:
    """What API Gateway reads out of a path for its function."""
    for known in sorted(described()["paths"], key=lambda known: known.count("{")):
        found = re.fullmatch(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", known), path)
        if found:
            return found.groupdict()
    return {}


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
    validator = Draft202012Validator({**schema, "components": described()["components"]})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(content)]


def undescribed(route: str, status: int, headers: Mapping[str, str], content: Any) -> list[str]:
    """Return what the document does not say of an answer; ``content`` is None without a body in JSON."""
    responses = operations()[route]["responses"]
    if str(status) not in responses:
        return [f"{route} answers {status}: {content}"]
    response = resolved(responses[str(status)])
    missing = [
        f"{route} sends {name} with {status}"
        for name in described()["components"]["headers"]
        if name.lower() in {sent.lower() for sent in headers} and name not in response.get("headers", {})
    ]
    kinds = response.get("content", {})
    kind = next(
        (value for name, value in headers.items() if name.lower() == "content-type"), "application/json"
    )
    body = kinds.get(kind.partition(";")[0])
    if content is None or body is None:
        return [*missing, *([] if content is None else [f"{route} sends a body with {status}"])]
    return [*missing, *(f"{route}, {status}: {problem}" for problem in problems(body["schema"], content))]
