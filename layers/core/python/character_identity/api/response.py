"""Response: what a call of the HTTP API gets, as the table says of its route."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from character_identity.api.request import Request
from character_identity.api.schemas import Body, ErrorResponse, to_json
from character_identity.domain.errors import Quota, ServiceError

JSON = "application/json"
PROBLEM = "application/problem+json"
"""RFC 9457, read 2026-11-28."""
ETAG_BYTES = 12
_SIGNED_BY = re.compile(r"[?&]X-Amz-(?:Credential|Security-Token|Signature)=[^&\"]*")
"""Of a link: who signed it. Each sandbox has credentials of its own, and the object is the same."""


@dataclass(frozen=True)
class Response:
    """``headers`` without the content type."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON

    def to_api_gateway(self, request_id: str) -> dict[str, Any]:
        """In the payload format 2.0, with the id by which a caller can ask about the call.

        Nobody on the way keeps an answer that does not say otherwise: it may hold links, secrets or personal
        data.
        """
        return {
            "statusCode": self.status,
            "headers": {
                "Content-Type": self.content_type,
                "Cache-Control": "no-store",
                "X-Request-Id": request_id,
                **self.headers,
            },
            "body": self.body,
            "isBase64Encoded": False,
        }


def respond(
    request: Request[Any],
    body: Body | None = None,
    *,
    status: int | None = None,
    location: str | None = None,
    replayed: bool = False,
) -> Response:
    """Answer a call that went well; with ``status`` where its route has several.

    ``location`` is the path of what was made; ``replayed`` says that an earlier request made it.

    Raises:
        LookupError: the table says something else of the route.
    """
    route = request.route
    if status is None:
        (status,) = route.answers
    if route.answers[status].content is not (None if body is None else type(body)):
        raise LookupError(f"{route.key} does not answer {status} with {type(body).__name__}.")
    wait_s = request.granted_wait_s if route.accepts_prefer_wait else None
    headers = {
        "Location": location,
        "Idempotent-Replayed": "true" if replayed else None,
        "Preference-Applied": None if wait_s is None else f"wait={wait_s}",
    }
    known = {name: value for name, value in headers.items() if value is not None}
    text = "" if body is None else json.dumps(to_json(body))
    if route.is_conditional:
        known["ETag"] = _etag(text)
        if request.has(known["ETag"]):
            return Response(HTTPStatus.NOT_MODIFIED, headers=known)
    return Response(status, text, known)


def _etag(text: str) -> str:
    """Return a body's tag; weak, for how links are signed is left out, but not when they end."""
    said = _SIGNED_BY.sub("", text)
    return f'W/"{hashlib.sha256(said.encode()).hexdigest()[: 2 * ETAG_BYTES]}"'


def respond_json(content: Any) -> Response:
    """Answer with JSON that no model of ours describes."""
    return Response(200, json.dumps(content))


def problem(error: ServiceError, *, for_typescript: bool) -> Response:
    """Answer a call that failed: problem details with our code, to the TypeScript client with
    ``{"error", "code", ...}``."""
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    if error.allowed:
        headers["Allow"] = ", ".join(error.allowed)
    if for_typescript:
        more = error.details if isinstance(error.details, dict) else {"details": error.details}
        content = {"error": error.message, "code": error.code, **more}
    else:
        content = to_json(ErrorResponse.of(error.status, error.code, error.message, error.details))
    known = {name: value for name, value in content.items() if value is not None}
    return Response(error.status, json.dumps(known), headers, JSON if for_typescript else PROBLEM)


def with_quota(response: Response, quota: Quota) -> Response:
    """Say how many requests are left, as draft-ietf-httpapi-ratelimit-headers-10 has it (read 2026-11-28)."""
    headers = {
        "RateLimit-Policy": f'"{quota.kind}";q={quota.per_minute};w=60',
        "RateLimit": f'"{quota.kind}";r={quota.left};t={quota.ends_in_s}',
    }
    return replace(response, headers={**response.headers, **headers})
