"""POST /api/fal-instant-character-proxy: pictures by Instant Character, for the TypeScript client."""

from character_identity.api.routes.compat import GENERATE_INSTANT
from character_identity.compat import responses
from character_identity.compat.requests import InstantGeneration
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond_json


@endpoint(GENERATE_INSTANT)
def proxy_fal_instant(services: Services, request: Request[InstantGeneration]) -> Response:
    services.require_key("fal", "Fal.ai Instant Character")
    generation = services.compat.generate_instant(request.owner, request.body)
    return respond_json(responses.images(generation, services.bucket))


lambda_handler = http_handler(proxy_fal_instant)
