"""Makes the OpenAPI document of the routes; scripts/openapi.py writes it down for show_openapi to serve.

After https://spec.openapis.org/oas/v3.1.1.html, read 2026-11-23.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

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
from character_identity.api.route import PAGE_PARAMETERS, Answer, Route
from character_identity.api.routes.table import ROUTES
from character_identity.api.schemas import ErrorResponse
from character_identity.domain.errors import KINDS

Model = tuple[type[BaseModel], Literal["validation", "serialization"]]

ABOUT = (
    "Characters that stay the same from picture to picture. Every route under /v1/ and /api/ takes a bearer "
    "token; its subject owns what it makes, and another owner's id answers exactly like an unknown one."
)


class _Schemas(GenerateJsonSchema):
    """Without a title for each field, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def document(routes: Sequence[Route[Any]] = ROUTES) -> Json:
    """The document; equal every time."""
    references, definitions = models_json_schema(
        [*dict.fromkeys(_models(routes))],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Schemas,
    )
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _described(route, references)
    return {
        "openapi": "3.1.1",
        "info": {"title": "Character identities", "version": "1", "description": ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "schemas": {**definitions["$defs"], **SCHEMAS},
            "parameters": HEADER_PARAMETERS,
            "headers": HEADERS,
            "responses": RESPONSES,
        },
    }


def _models(routes: Sequence[Route[Any]]) -> Iterator[Model]:
    yield ErrorResponse, "validation"  # it is sent without what is None
    for route in routes:
        if route.request:
            yield route.request, "validation"
        for answer in route.answers.values():
            if isinstance(answer.content, type):
                yield answer.content, "serialization"


def _described(route: Route[Any], references: Mapping[Any, Json]) -> Json:
    answers = {status: _answer(route, it, references) for status, it in route.answers.items()}
    described: Json = {
        "operationId": route.operation or route.function,
        "tags": [route.tag],
        "summary": route.summary,
        "responses": {str(status): it for status, it in sorted({**answers, **_errors(route)}.items())},
    }
    if route.description:
        described["description"] = route.description
    if route.is_open:
        described["security"] = []
    if parameters := [*_parameters(route)]:
        described["parameters"] = parameters
    if route.request or route.schema:
        content = references[route.request, "validation"] if route.request else dict(route.schema or {})
        example = {"example": route.example} if route.example else {}
        described["requestBody"] = {"required": True, "content": json_of(content, **example)}
    return described


def _parameters(route: Route[Any]) -> Iterator[Json]:
    for name in re.findall(r"{(\w+)}", route.path):
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": PATH_PARAMETERS[name],
            "schema": TEXT,
        }
    for query in [*route.query, *(PAGE_PARAMETERS if route.is_paged else ())]:
        yield {
            "name": query.name,
            "in": "query",
            "required": query.required,
            "description": query.description,
            "schema": query.schema,
        }
    if route.is_keyed:
        yield {"$ref": "#/components/parameters/Idempotency-Key"}
    if route.accepts_prefer_wait:
        yield {"$ref": "#/components/parameters/Prefer"}


def _answer(route: Route[Any], answer: Answer, references: Mapping[Any, Json]) -> Json:
    sent = {
        "X-Request-Id": True,
        "Location": answer.located,
        "Idempotent-Replayed": route.is_keyed,
        "Preference-Applied": route.accepts_prefer_wait and not route.for_typescript,
    }
    headers = _headers(name for name, is_sent in sent.items() if is_sent)
    described: Json = {"description": answer.description, "headers": headers}
    if isinstance(answer.content, str):
        kind = "object" if answer.content == "application/json" else "string"
        described["content"] = {answer.content: {"schema": {"type": kind}}}
    elif answer.content is not None:
        described["content"] = json_of(references[answer.content, "serialization"])
    return described


def _errors(route: Route[Any]) -> dict[int, Json]:
    errors: dict[int, Json] = {}
    codes: dict[int, list[str]] = {}
    for code in route.all_codes:
        codes.setdefault(KINDS[code].status, []).append(code)
    for status, listed in codes.items():
        shape = {**schema("ErrorResponse"), "properties": {"code": {"enum": listed}}}
        content = json_of(schema("FirstClientError") if route.for_typescript else shape)
        names = ["X-Request-Id", *(["Retry-After"] if any(KINDS[code].says_when for code in listed) else [])]
        errors[status] = {
            "description": ", ".join(listed),
            "headers": _headers(names),
            "content": content,
        }
    if not route.is_open:
        errors[401] = {"$ref": "#/components/responses/NoToken"}
        errors[403] = _refused(errors.get(403))
    return errors


def _refused(ours: Json | None) -> Json:
    """What a bad token is answered, which our function never sees, and what it refuses itself."""
    bad_token: Json = {"$ref": "#/components/responses/BadToken"}
    if ours is None:
        return bad_token
    shapes = [schema("Refusal"), ours["content"]["application/json"]["schema"]]
    description = f"{ours['description']}, or the token is not valid"
    return {"description": description, "content": json_of({"anyOf": shapes})}


def _headers(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
