"""POST /api/astria/tunes: start a training, in Astria's shape."""

from character_identity.api.routes.compat import CREATE_TUNE
from character_identity.compat.requests import CreateTune
from character_identity.handlers import astria
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond_json


@endpoint(CREATE_TUNE)
def proxy_astria_create_tune(services: Services, request: Request[CreateTune]) -> Response:
    return respond_json(astria.create_tune(services, request.owner, request.body))


lambda_handler = http_handler(proxy_astria_create_tune)
