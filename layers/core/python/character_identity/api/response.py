"""Response: what a call of the HTTP API gets, as the table says of its route."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from character_identity.api.request import Request
from character_identity.api.schemas import Body, to_json
from character_identity.domain.errors import ServiceError

JSON = "application/json"


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
    return Response(status, "" if body is None else json.dumps(to_json(body)), known)


def respond_json(content: Any) -> Response:
    """Answer with JSON that no model of ours describes."""
    return Response(200, json.dumps(content))


def problem(error: ServiceError, *, for_typescript: bool) -> Response:
    """Answer a call that failed: ``{"code", "message", "details"?}``, to the TypeScript client with
    ``{"error", "code", ...}``."""
    headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    if error.allowed:
        headers["Allow"] = ", ".join(error.allowed)
    if for_typescript:
        more = error.details if isinstance(error.details, dict) else {"details": error.details}
        content = {"error": error.message, "code": error.code, **more}
    else:
        content = {"code": error.code, "message": error.message, "details": error.details}
    known = {name: value for name, value in content.items() if value is not None}
    return Response(error.status, json.dumps(known), headers)
