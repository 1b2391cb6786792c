"""GET /: where the documents are, for whoever opens the API's address."""

from character_identity.api.routes.documents import SHOW_START
from character_identity.api.schemas import ShowStartResponse
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(SHOW_START)
def show_start(services: Services, request: Request) -> Response:
    return respond(request, ShowStartResponse(docs="/docs", openapi="/openapi.json", health="/health"))


lambda_handler = http_handler(show_start)
