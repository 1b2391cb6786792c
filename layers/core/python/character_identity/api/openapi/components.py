"""What several operations of the document share: parameters, headers, errors of others."""

from collections.abc import Mapping
from typing import Any

from character_identity.api.request import IDEMPOTENCY_KEY
from character_identity.api.route import AN_ID
from character_identity.domain.evaluation import RESULTS
from character_identity.domain.ids import ID_PATTERN

Json = dict[str, Any]

TEXT: Json = {"type": "string"}

PATH_PARAMETERS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "identity_id": ("The characterId of an identity", AN_ID),
    "generation_id": ("The generationId of a generation", AN_ID),
    "evaluation_id": ("The evaluationId of an evaluation", AN_ID),
    "file": ("One of its results", {"type": "string", "enum": [*RESULTS]}),
    "endpoint_id": ("The endpointId of a webhook", AN_ID),
    "event_id": ("The id of an event", AN_ID),
    "tune_id": ("The id of a tune", AN_ID),
    "prompt_id": ("The id of a prompt", AN_ID),
    "token": (
        "The id of a job and its secret",
        {"type": "string", "pattern": rf"^{ID_PATTERN}\.{ID_PATTERN}$"},
    ),
}
"""What each stands for, and its form; one that is not here is not described."""

HEADER_PARAMETERS: Json = {
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Your name for this order: a request with the same key leads to the same order",
        "schema": {"type": "string", "pattern": f"^{IDEMPOTENCY_KEY.pattern}$"},
    },
    "Prefer": {
        "name": "Prefer",
        "in": "header",
        "description": "wait=N holds the answer back for up to N seconds, 20 at most, until it has settled; "
        "of a generation, wait=N; until=scored until its pictures are scored too",
        "schema": {"type": "string", "examples": ["wait=20", "wait=20; until=scored"]},
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag of an answer that you have: 304, without a body, while it is as it was",
        "schema": {"type": "string", "examples": ['W/"5c3b497dc21224f2b1885989"']},
    },
}

HEADERS: Json = {
    "ETag": {
        "description": "What tells this answer from another; send it back as If-None-Match",
        "schema": TEXT,
    },
    "RateLimit-Policy": {
        "description": "How many requests of which kind (q) an owner has in how many seconds (w)",
        "schema": TEXT,
    },
    "RateLimit": {
        "description": "How many of them are left (r, about), for how many seconds (t)",
        "schema": TEXT,
    },
    "X-Request-Id": {"description": "By which to ask about this call; our logs name it", "schema": TEXT},
    "Location": {"description": "The path of what was made", "schema": TEXT},
    "Allow": {"description": "The methods that the address takes", "schema": TEXT},
    "Retry-After": {"description": "Try again after so many seconds", "schema": {"type": "integer"}},
    "Idempotent-Replayed": {
        "description": "An earlier request with the same key led to this",
        "schema": {"const": "true"},
    },
    "Preference-Applied": {"description": "The wait that was granted, as in wait=20", "schema": TEXT},
}

SCHEMAS: Json = {
    "FirstClientError": {
        "description": "A generation that failed says so with a code of its own",
        "type": "object",
        "properties": {"error": TEXT, "code": TEXT},
        "required": ["error", "code"],
    },
    "Refusal": {
        "description": "API Gateway's own",
        "type": "object",
        "properties": {"message": TEXT},
        "required": ["message"],
    },
}


def schema(name: str) -> Json:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def problem_of(content: Json, **more: Any) -> Json:
    """Problem details (RFC 9457)."""
    return {"application/problem+json": {"schema": content, **more}}


def json_of(content: Json, **more: Any) -> Json:
    """A body in JSON."""
    return {"application/json": {"schema": content, **more}}


REFUSALS: dict[int, str] = {
    401: "There is no token",
    403: "The token is not valid",
    413: "The body is larger than six megabytes",
    429: "All callers together send too much",
    500: "A function failed",
    503: "No function is free, or it does not answer in time",
}
"""What API Gateway answers itself, when our functions do not see a call or do not answer it. It takes ten
megabytes, but hands what it took to Lambda, which takes six:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, read 2026-11-29."""
