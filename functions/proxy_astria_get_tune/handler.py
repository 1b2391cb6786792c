"""GET /api/astria/tunes/{tune_id}: how far a training is, in Astria's shape."""

from character_identity.api.routes.compat import GET_TUNE
from character_identity.handlers import astria
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond_json


@endpoint(GET_TUNE)
def proxy_astria_get_tune(services: Services, request: Request) -> Response:
    return respond_json(astria.get_tune(services, request, request.path("tune_id")))


lambda_handler = http_handler(proxy_astria_get_tune)
