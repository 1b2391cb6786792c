"""The HTTP side of the handlers: the resolver, bodies in, answers and errors out."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from pydantic import BaseModel, ValidationError

from character_identity.api.schemas import Body, ErrorResponse, to_json
from character_identity.domain.errors import InvalidRequest, NotFound, ServiceError

logger = Logger(child=True)
Request = TypeVar("Request", bound=BaseModel)

PREFERRED_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*(\d{1,9})\b", re.IGNORECASE)
"""The preference of RFC 7240, section 4.3, as in ``Prefer: wait=5``."""
LONGEST_WAIT_S = 20
"""API Gateway cuts at 30 s, of which some go by before and after the wait."""
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def rest_app() -> APIGatewayHttpResolver:
    """A resolver whose failures are ``{"code", "message", "details"?}``; a bug's too, without traceback."""
    app = APIGatewayHttpResolver()
    app.exception_handler(ServiceError)(_service_error)
    app.exception_handler(Exception)(_bug)
    app.not_found(lambda error: _service_error(NotFound("There is no such route.")))
    return app


def compat_app(method: str) -> APIGatewayHttpResolver:
    """A resolver of the compatibility door: failures are ``{"error", "code", ...}``, with one method."""
    app = APIGatewayHttpResolver()
    app.exception_handler(ServiceError)(_compat_error)
    app.exception_handler(Exception)(_compat_unhandled)
    app.not_found(
        lambda error: _json(
            405, {"error": f"Method not allowed. Use {method}.", "code": "method_not_allowed"}
        )
    )
    return app


def parse_body(app: APIGatewayHttpResolver, model: type[Request]) -> Request:
    """The request's body as a model.

    Raises:
        InvalidRequest: it is not JSON, or not of that shape; ``details`` names the fields.
    """
    return parse(model, body_of(app))


def body_of(app: APIGatewayHttpResolver) -> Any:
    """The request's body as JSON.

    Raises:
        InvalidRequest: it is not JSON.
    """
    try:
        return json.loads(app.current_event.decoded_body or "")
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest("The body is not JSON.", code="malformed_json") from exc


def raw_body(app: APIGatewayHttpResolver) -> bytes:
    """The request's body as it was sent, byte by byte.

    Raises:
        InvalidRequest: it is said to be in Base64, and is not.
    """
    event = app.current_event
    if not event.is_base64_encoded:
        return (event.body or "").encode(errors="replace")
    try:
        return base64.b64decode(event.body or "", validate=True)
    except ValueError as exc:
        raise InvalidRequest("The body is not Base64.", code="malformed_body") from exc


def parse(model: type[Request], content: Any) -> Request:
    """JSON as a model.

    Raises:
        InvalidRequest: it is not of that shape; ``details`` names the fields.
    """
    try:
        return model.model_validate(content)
    except ValidationError as exc:
        fields = [
            {"field": ".".join(str(part) for part in error["loc"]), "message": error["msg"]}
            for error in exc.errors(include_url=False, include_context=False, include_input=False)
        ]
        names = ", ".join(field["field"] or "body" for field in fields)
        raise InvalidRequest(f"Not valid: {names}.", code="invalid_body", details=fields) from exc


def parameter(app: APIGatewayHttpResolver, name: str) -> str:
    """A query parameter.

    Raises:
        InvalidRequest: it is not there.
    """
    value = (app.current_event.query_string_parameters or {}).get(name)
    if not value:
        raise InvalidRequest(f"The parameter {name} is missing.", code="missing_parameter")
    return value


def preferred_wait_s(app: APIGatewayHttpResolver) -> float | None:
    """How long the caller would wait for a callback; None if it does not say."""
    found = PREFERRED_WAIT.search(app.current_event.headers.get("prefer") or "")
    return float(found[1]) if found else None


def granted_wait_s(app: APIGatewayHttpResolver) -> int | None:
    """How long an answer may be held back, as the caller prefers; None if it does not say."""
    wait_s = preferred_wait_s(app)
    return None if wait_s is None else min(int(wait_s), LONGEST_WAIT_S)


def idempotency_key(app: APIGatewayHttpResolver) -> str | None:
    """The caller's name for its order, as it stands in the header, quotes and all; None if it gave none.

    Raises:
        InvalidRequest: it is not 1 to 255 visible ASCII characters.
    """
    key = app.current_event.headers.get("idempotency-key")
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise InvalidRequest(
            "An Idempotency-Key has 1 to 255 visible ASCII characters.", code="invalid_idempotency_key"
        )
    return key


def request_digest_of(app: APIGatewayHttpResolver) -> str:
    """A digest of method, path and JSON body; how the JSON is laid out does not count.

    Raises:
        InvalidRequest: the body is not JSON.
    """
    event = app.current_event
    request = [event.http_method, event.path, body_of(app)]
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def status_or(
    read: Callable[[], dict[str, Any]], *, unknown: dict[str, Any], troubled: dict[str, Any]
) -> dict[str, Any]:
    """A status, whatever happens: any answer but 200 would end a paid training for the TypeScript client.

    ``unknown`` stands for what is not there or was asked wrongly, ``troubled`` for trouble of our own.
    """
    try:
        return read()
    except (InvalidRequest, NotFound) as error:
        _log(error)
        return {**unknown, "error": error.message, "code": error.code}
    except Exception:
        logger.exception("unhandled exception; the TypeScript client is told to ask again")
        return troubled


def owner_of(app: APIGatewayHttpResolver) -> str:
    """Who is calling: the token's ``sub``, which the authorizer has verified."""
    owner: str = app.current_event.raw_event["requestContext"]["authorizer"]["lambda"]["owner"]
    return owner


def answer(
    body: Body,
    status: int = 200,
    location: str | None = None,
    *,
    replayed: bool = False,
    waited_s: int | None = None,
) -> Response[str]:
    """A JSON answer; ``replayed`` if an earlier request led to it, ``waited_s`` if a wait was granted."""
    headers = {
        "Location": location,
        "Idempotent-Replayed": "true" if replayed else None,
        "Preference-Applied": None if waited_s is None else f"wait={waited_s}",
    }
    return _json(status, to_json(body), {name: value for name, value in headers.items() if value is not None})


def received() -> Response[str]:
    """The answer to a webhook, of which the sender wants to know no more than that."""
    return _json(200, {})


def compat_answer(content: dict[str, Any]) -> Response[str]:
    """An answer to the TypeScript client."""
    return _json(200, content)


def _service_error(error: ServiceError) -> Response[str]:
    _log(error)
    body = ErrorResponse(code=error.code, message=error.message, details=error.details)
    return _problem(error.status, body, _retry_after(error))


def _bug(error: Exception) -> Response[str]:
    logger.exception("unhandled exception", exc_info=error)
    return _problem(500, ErrorResponse(code="internal_error", message="Something went wrong on the server."))


def _problem(status: int, body: ErrorResponse, headers: Mapping[str, str] | None = None) -> Response[str]:
    known = {name: value for name, value in to_json(body).items() if value is not None}
    return _json(status, known, headers)


def _compat_error(error: ServiceError) -> Response[str]:
    _log(error)
    more = error.details if isinstance(error.details, dict) else {"details": error.details}
    known = {name: value for name, value in more.items() if value is not None}
    return _json(error.status, {"error": error.message, "code": error.code, **known}, _retry_after(error))


def _compat_unhandled(error: Exception) -> Response[str]:
    logger.exception("unhandled exception", exc_info=error)
    return _json(500, {"error": "Something went wrong on the server.", "code": "internal_error"})


def _log(error: ServiceError) -> None:
    if error.status >= 500:
        logger.error(error.message, exc_info=error)
    else:
        logger.info("refused", extra={"code": error.code})


def _retry_after(error: ServiceError) -> dict[str, str]:
    return {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}


def _json(status: int, content: dict[str, Any], headers: Mapping[str, str] | None = None) -> Response[str]:
    return Response(
        status_code=status,
        content_type=content_types.APPLICATION_JSON,
        body=json.dumps(content),
        headers=dict(headers or {}),
    )
