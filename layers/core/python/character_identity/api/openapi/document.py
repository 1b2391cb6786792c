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
    REFUSALS,
    SCHEMAS,
    Json,
    json_of,
    problem_of,
    schema,
)
from character_identity.api.openapi.examples import example_of
from character_identity.api.openapi.properties import explained
from character_identity.api.openapi.webhooks import webhooks
from character_identity.api.route import Answer, Route
from character_identity.api.routes.table import ROUTES
from character_identity.api.schemas import ErrorResponse, to_json
from character_identity.domain.errors import KINDS, MethodNotAllowed

Model = tuple[type[BaseModel], Literal["validation", "serialization"]]

ABOUT = (
    "Characters that stay the same from picture to picture. Every route under /v1/ and /api/ takes a bearer "
    "token; its subject owns what it makes, and another owner's id answers exactly like an unknown one."
)

TAGS: Mapping[str, str] = {
    "References": "Pictures of a character: uploads, and what is wrong with them",
    "Identities": "Characters, each bound to one provider",
    "Generations": "Orders of pictures",
    "Money": "What orders cost, and what is left to spend",
    "Scores": "How like a character pictures are",
    "Evaluations": "Providers compared on one character",
    "Events": "What came of something, and the webhooks that are told",
    "First client": "The addresses of the film platform's TypeScript modules",
    "Providers": "What the providers call",
    "Documents": "This description, and a page to try it on",
}
"""What each group of routes is about."""
SENTENCE = "One sentence about what is wrong."


class _Schemas(GenerateJsonSchema):
    """Without a title for each field, which would only repeat its name; answers are told as they are sent."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        """Say what is always there: of an answer, all that is not left out on purpose."""
        if self.mode == "serialization":
            return field.get("serialization_exclude_if") is None
        return super().field_is_required(field, total)


def document(routes: Sequence[Route[Any]] = ROUTES) -> Json:
    """The document; equal every time."""
    references, definitions = models_json_schema(
        [*dict.fromkeys(_models(routes))],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Schemas,
    )
    bare = {**definitions["$defs"], **SCHEMAS}
    schemas = {name: explained(name, schema) for name, schema in bare.items()}
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _described(route, references, schemas)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Character identities",
            "version": "1",
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
            "contact": {"name": "Those who run this service"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [
            {"name": tag, "description": TAGS[tag]} for tag in dict.fromkeys(route.tag for route in routes)
        ],
        "paths": paths,
        "webhooks": webhooks(),
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "schemas": schemas,
            "parameters": HEADER_PARAMETERS,
            "headers": HEADERS,
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


def _described(route: Route[Any], references: Mapping[Any, Json], schemas: Mapping[str, Json]) -> Json:
    answers = {status: _answer(route, it, references, schemas) for status, it in route.answers.items()}
    if route.is_conditional:
        unchanged = Answer(description="It is as If-None-Match has it")
        answers[304] = _answer(route, unchanged, references, schemas)
    described: Json = {
        "operationId": route.operation or route.function,
        "tags": [route.tag],
        "summary": route.summary,
        "description": route.description,
        "responses": {str(status): it for status, it in sorted({**answers, **_errors(route)}.items())},
    }
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
        meaning, form = PATH_PARAMETERS[name]
        yield {"name": name, "in": "path", "required": True, "description": meaning, "schema": form}
    for query in route.parameters:
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
    if route.is_conditional:
        yield {"$ref": "#/components/parameters/If-None-Match"}


def _answer(
    route: Route[Any], answer: Answer, references: Mapping[Any, Json], schemas: Mapping[str, Json]
) -> Json:
    sent = {
        "X-Request-Id": True,
        "Location": answer.located,
        "Idempotent-Replayed": route.is_keyed,
        "Preference-Applied": route.accepts_prefer_wait and not route.for_typescript,
        "ETag": route.is_conditional,
        **_quota(route),
    }
    headers = _headers(name for name, is_sent in sent.items() if is_sent)
    described: Json = {"description": answer.description, "headers": headers}
    if isinstance(answer.content, str):
        kind = "object" if answer.content == "application/json" else "string"
        described["content"] = {answer.content: {"schema": {"type": kind}, "example": answer.example}}
    elif answer.content is not None:
        content = references[answer.content, "serialization"]
        described["content"] = json_of(content, example={**example_of(content, schemas), **answer.example})
    return described


def _errors(route: Route[Any]) -> dict[int, Json]:
    """Errors by status: ours, by the codes of the route, and API Gateway's own."""
    codes: dict[int, list[str]] = {}
    for code in route.all_codes:
        codes.setdefault(KINDS[code].status, []).append(code)
    gateways = {*REFUSALS} - ({401, 403} if route.is_open else set())
    if not (route.request or route.schema):
        gateways.remove(413)
    return {
        status: _error(route, status, codes.get(status, []), is_gateways=status in gateways)
        for status in codes.keys() | gateways
    }


def _error(route: Route[Any], status: int, codes: Sequence[str], *, is_gateways: bool) -> Json:
    kinds = [KINDS[code] for code in codes]
    meaning, content = [], {}
    if codes:
        meaning.append(", ".join(codes))
        content = _our_error(route, status, codes)
    if is_gateways:
        meaning.append(REFUSALS[status])
        content = _with_refusal(content, status)
    names = {
        "X-Request-Id": bool(codes),
        **(_quota(route) if codes else {}),
        "Retry-After": any(kind.says_when for kind in kinds),
        "Allow": MethodNotAllowed in kinds,
    }
    return {
        "description": "; or: ".join(meaning),
        "headers": _headers(name for name, is_sent in names.items() if is_sent),
        "content": content,
    }


def _our_error(route: Route[Any], status: int, codes: Sequence[str]) -> Json:
    if route.for_typescript:
        return json_of(schema("FirstClientError"), example={"code": codes[0], "error": SENTENCE})
    ours = {**schema("ErrorResponse"), "properties": {"code": {"enum": [*codes]}}}
    example = to_json(ErrorResponse.of(status, codes[0], SENTENCE))
    del example["details"]
    return problem_of(ours, example=example)


def _with_refusal(content: Json, status: int) -> Json:
    """Return what API Gateway answers itself, beside what we do."""
    refusal, example = schema("Refusal"), {"message": REFUSALS[status]}
    ours = content.get("application/json")
    if ours is None:
        return {**content, **json_of(refusal, example=example)}
    return json_of({"anyOf": [ours["schema"], refusal]}, example=ours["example"])


def _quota(route: Route[Any]) -> dict[str, bool]:
    is_told = route.counted_as is not None and not route.for_typescript
    return {"RateLimit-Policy": is_told, "RateLimit": is_told}


def _headers(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
