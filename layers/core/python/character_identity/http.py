"""The HTTP side of the handlers: the resolver, bodies in, answers and errors out."""

import json
from typing import Any, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response, content_types
from pydantic import ValidationError

from character_identity.domain.errors import InvalidRequest, ServiceError
from character_identity.schemas import Body, ErrorResponse, to_json

logger = Logger(child=True)
Request = TypeVar("Request", bound=Body)


def rest_app() -> APIGatewayHttpResolver:
    """A resolver whose failures are ``{"code", "message", "details"?}``; a bug's too, without traceback."""
    app = APIGatewayHttpResolver()
    app.exception_handler(ServiceError)(_service_error)
    app.exception_handler(Exception)(_bug)
    return app


def parse_body(app: APIGatewayHttpResolver, model: type[Request]) -> Request:
    """The request's body as a model.

    Raises:
        InvalidRequest: it is not JSON, or not of that shape; ``details`` names the fields.
    """
    try:
        content = json.loads(app.current_event.decoded_body or "")
    except ValueError as exc:
        raise InvalidRequest("The body is not JSON.", code="malformed_json") from exc
    try:
        return model.model_validate(content)
    except ValidationError as exc:
        details = [
            {"field": ".".join(str(part) for part in error["loc"]), "message": error["msg"]}
            for error in exc.errors(include_url=False, include_context=False, include_input=False)
        ]
        fields = ", ".join(detail["field"] or "body" for detail in details)
        raise InvalidRequest(f"Not valid: {fields}.", code="invalid_body", details=details) from exc


def owner_of(app: APIGatewayHttpResolver) -> str:
    """Who is calling: the token's ``sub``, which the authorizer has verified."""
    owner: str = app.current_event.raw_event["requestContext"]["authorizer"]["lambda"]["owner"]
    return owner


def answer(body: Body, status: int = 200, location: str | None = None) -> Response[str]:
    """A JSON answer."""
    return Response(
        status_code=status,
        content_type=content_types.APPLICATION_JSON,
        body=json.dumps(to_json(body)),
        headers={"Location": location} if location else {},
    )


def _service_error(error: ServiceError) -> Response[str]:
    if error.status >= 500:
        logger.error(error.message, exc_info=error)
    else:
        logger.info("refused", extra={"code": error.code})
    return _problem(
        error.status, ErrorResponse(code=error.code, message=error.message, details=error.details)
    )


def _bug(error: Exception) -> Response[str]:
    logger.exception("a bug", exc_info=error)
    return _problem(500, ErrorResponse(code="internal_error", message="Something went wrong on the server."))


def _problem(status: int, body: ErrorResponse) -> Response[str]:
    content: dict[str, Any] = {name: value for name, value in to_json(body).items() if value is not None}
    return Response(status_code=status, content_type=content_types.APPLICATION_JSON, body=json.dumps(content))
