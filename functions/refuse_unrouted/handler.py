"""Whatever no route takes: 405 with the methods of the address, or 404; preflights, and the HEAD of monitors.

API Gateway answers preflights itself only where there is no route for all the rest, which this one is:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html, read 2026-11-28.
"""

import re

from character_identity.api.response import Response, problem
from character_identity.api.routes.table import ROUTES
from character_identity.domain.errors import MethodNotAllowed, NotFound
from character_identity.handlers.http import unrouted_handler

TYPESCRIPT = "/api/"
"""What the addresses of the TypeScript client begin with."""


def refuse_unrouted(method: str, path: str) -> Response:
    routes = [route for route in ROUTES if _is_at(path, route.path)]
    methods = [*dict.fromkeys(route.method for route in routes)]
    if method == "OPTIONS":
        return Response(204, headers={"Allow": ", ".join([*methods, method])})
    if method == "HEAD" and any(route.method == "GET" and route.is_open for route in routes):
        return Response(200)
    for_typescript = path.startswith(TYPESCRIPT)
    if methods:
        return problem(MethodNotAllowed(methods), for_typescript=for_typescript)
    unknown = NotFound("There is no such address; GET /openapi.json lists all.", code="unknown_route")
    return problem(unknown, for_typescript=for_typescript)


def _is_at(path: str, template: str) -> bool:
    """Say whether a path is one of a route's, whatever stands for its parameters."""
    return bool(re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path))


lambda_handler = unrouted_handler(refuse_unrouted)
