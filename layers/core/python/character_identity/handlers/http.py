"""Handlers of the API: a function that serves a route of the table becomes what Lambda calls.

Whatever every handler needs is imported from here.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

from character_identity import wiring
from character_identity.api.request import Request
from character_identity.api.response import Response, problem, respond, respond_json, with_quota
from character_identity.api.route import Content, Route
from character_identity.domain.errors import AnonymousCaller, ServiceError, TooManyRequests
from character_identity.handlers.tasks import Event, LambdaHandler
from character_identity.observability import log_keys
from character_identity.wiring import Services

__all__ = ["Request", "Response", "Services", "endpoint", "http_handler", "respond", "respond_json"]

Serve = Callable[[Services, Request[Content]], Response]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Endpoint(Generic[Content]):
    """A route of the table, and what serves it."""

    route: Route[Content]
    serve: Serve[Content]


def endpoint(route: Route[Content]) -> Callable[[Serve[Content]], Endpoint[Content]]:
    """Have a function serve a route."""
    return lambda serve: Endpoint(route, serve)


def http_handler(*endpoints: Endpoint[Any]) -> LambdaHandler:
    """The handler of a function behind the API; the route that was called chooses the endpoint."""
    by_route: dict[str, Endpoint[Any]] = {each.route.key: each for each in endpoints}

    def handle(event: Event, context: Any) -> Any:
        asked = by_route[event["routeKey"]]
        return _answered(event, asked.route.key, lambda: _respond(Request(asked.route, event), asked))

    return handle


def unrouted_handler(respond: Callable[[str, str], Response]) -> LambdaHandler:
    """The handler of what no route takes; ``respond`` gets method and path."""

    def handle(event: Event, context: Any) -> Any:
        http = event["requestContext"]["http"]
        return _answered(event, "$default", lambda: respond(http["method"], event["rawPath"]))

    return handle


def _answered(event: Event, route: str, respond: Callable[[], Response]) -> Any:
    """An answer as API Gateway takes it, under the log keys of its request."""
    request_id = str(event["requestContext"]["requestId"])
    with log_keys(correlation_id=request_id, request_id=request_id, route=route):
        response = respond()
        logger.info("answered", extra={"status": response.status})
    return response.to_api_gateway(request_id)


def _admit(services: Services, request: Request[Any]) -> None:
    """Count a request against its owner's minute.

    A status that the TypeScript client looks at is answered whatever happens, for anything else would end a
    paid training for it: at once instead of held back.

    Raises:
        TooManyRequests: the minute's are used up.
    """
    kind = request.route.counted_as
    if kind is None:
        return
    try:
        request.quota = services.rate_limits[kind].admit(request.owner, request.weight)
    except Exception as exc:
        if kind == "orders" or not request.route.for_typescript:
            raise
        logger.info("answered at once", extra={"error": type(exc).__name__})
        request.is_held = False


def _respond(request: Request[Any], asked: Endpoint[Any]) -> Response:
    """Serve a request, and say what is left of its owner's minute, but at the TypeScript client's door."""
    response = _served(request, asked)
    if request.route.for_typescript or request.quota is None:
        return response
    return with_quota(response, request.quota)


def _served(request: Request[Any], asked: Endpoint[Any]) -> Response:
    """Serve a request; a failure becomes an answer, a bug's without its traceback."""
    route = request.route
    try:
        if route.is_paid and not request.may_order:
            raise AnonymousCaller
        services = wiring.services()
        _admit(services, request)
        if route.checks_parameters:
            request.check_query()
        return asked.serve(services, request)
    except ServiceError as error:
        if isinstance(error, TooManyRequests):
            request.quota = error.quota
        if error.status >= 500:
            logger.error(error.message, exc_info=error)
        else:
            logger.info("refused", extra={"code": error.code})
        return problem(error, for_typescript=route.for_typescript)
    except Exception:
        logger.exception("unhandled exception")
        bug = ServiceError("Something went wrong on the server.")
        return problem(bug, for_typescript=route.for_typescript)
