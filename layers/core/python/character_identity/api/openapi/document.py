"""Makes the OpenAPI document of the operations.

After https://spec.openapis.org/oas/v3.1.1.html, read 2026-11-23.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from character_identity.api.openapi.codes import RETRIED, status_of
from character_identity.api.openapi.components import (
    HEADER_PARAMETERS,
    HEADERS,
    PATH_PARAMETERS,
    RESPONSES,
    SCHEMAS,
    TEXT,
    Json,
    json_of,
    schema,
)
from character_identity.api.openapi.operation import Answer, Operation
from character_identity.api.openapi.other_routes import OTHER_ROUTES
from character_identity.api.openapi.our_routes import OUR_ROUTES
from character_identity.api.schemas import ErrorResponse

Model = tuple[type[BaseModel], Literal["validation", "serialization"]]

OPERATIONS = (*OUR_ROUTES, *OTHER_ROUTES)
ABOUT = (
    "Characters that stay the same from picture to picture. Every route under /v1/ and /api/ takes a bearer "
    "token; its subject owns what it makes, and another owner's id answers exactly like an unknown one."
)


class _Schemas(GenerateJsonSchema):
    """Without a title for each field, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def document(operations: Sequence[Operation] = OPERATIONS) -> Json:
    """The document; equal every time."""
    references, definitions = models_json_schema(
        [*dict.fromkeys(_models(operations))],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Schemas,
    )
    paths: Json = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, references)
    return {
        "openapi": "3.1.1",
        "info": {"title": "Character identities", "version": "1", "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "schemas": {**definitions["$defs"], **SCHEMAS},
            "parameters": HEADER_PARAMETERS,
            "headers": HEADERS,
            "responses": RESPONSES,
        },
    }


def _models(operations: Sequence[Operation]) -> Iterator[Model]:
    yield ErrorResponse, "validation"  # it is sent without what is None
    for operation in operations:
        if isinstance(operation.request, type):
            yield operation.request, "validation"
        for answer in operation.answers.values():
            if isinstance(answer.content, type):
                yield answer.content, "serialization"


def _described(operation: Operation, references: Mapping[Any, Json]) -> Json:
    answers = {status: _answer(operation, it, references) for status, it in operation.answers.items()}
    described: Json = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": {str(status): it for status, it in sorted({**answers, **_errors(operation)}.items())},
    }
    if operation.description:
        described["description"] = operation.description
    if operation.is_open:
        described["security"] = []
    if parameters := [*_parameters(operation)]:
        described["parameters"] = parameters
    if operation.request is not None:
        shape = operation.request
        content = references[shape, "validation"] if isinstance(shape, type) else dict(shape)
        example = {"example": operation.example} if operation.example else {}
        described["requestBody"] = {"required": True, "content": json_of(content, **example)}
    return described


def _parameters(operation: Operation) -> Iterator[Json]:
    for name in re.findall(r"{(\w+)}", operation.path):
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": PATH_PARAMETERS[name],
            "schema": TEXT,
        }
    for query in operation.query:
        yield {
            "name": query.name,
            "in": "query",
            "required": query.required,
            "description": query.description,
            "schema": query.schema,
        }
    if operation.is_keyed:
        yield {"$ref": "#/components/parameters/Idempotency-Key"}
    if operation.accepts_prefer_wait:
        yield {"$ref": "#/components/parameters/Prefer"}


def _answer(operation: Operation, answer: Answer, references: Mapping[Any, Json]) -> Json:
    described: Json = {"description": answer.description}
    sent = {
        "Location": answer.located,
        "Idempotent-Replayed": operation.is_keyed,
        "Preference-Applied": operation.accepts_prefer_wait and operation.errors == "ours",
    }
    if headers := _headers(name for name, is_sent in sent.items() if is_sent):
        described["headers"] = headers
    if isinstance(answer.content, str):
        kind = "object" if answer.content == "application/json" else "string"
        described["content"] = {answer.content: {"schema": {"type": kind}}}
    elif answer.content is not None:
        described["content"] = json_of(references[answer.content, "serialization"])
    return described


def _errors(operation: Operation) -> dict[int, Json]:
    errors: dict[int, Json] = {}
    codes: dict[int, list[str]] = {}
    for code in operation.all_codes:
        codes.setdefault(status_of(code), []).append(code)
    ours = operation.errors == "ours"
    for status, listed in codes.items():
        shape = {**schema("ErrorResponse"), "properties": {"code": {"enum": listed}}}
        content = json_of(shape if ours else schema("FirstClientError"))
        errors[status] = {"description": ", ".join(listed), "content": content}
        if RETRIED.intersection(listed):
            errors[status]["headers"] = _headers(["Retry-After"])
    if not operation.is_open:
        errors[401] = {"$ref": "#/components/responses/NoToken"}
        errors[403] = {"$ref": "#/components/responses/BadToken"}
    return errors


def _headers(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
