"""GET /health: that gateway and functions answer."""

from character_identity.api.routes.documents import SHOW_HEALTH
from character_identity.api.schemas import ShowHealthResponse
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(SHOW_HEALTH)
def show_health(services: Services, request: Request) -> Response:
    return respond(request, ShowHealthResponse(status="ok"))


lambda_handler = http_handler(show_health)
