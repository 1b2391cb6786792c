"""POST /api/fal-instant-character-proxy: pictures by Instant Character, for the TypeScript client."""

from character_identity.api.request import Request
from character_identity.api.response import Response, respond_json
from character_identity.api.routes.compat import GENERATE_INSTANT
from character_identity.compat import responses
from character_identity.compat.requests import InstantGeneration
from character_identity.handlers.http import endpoint, http_handler
from character_identity.wiring import Services


@endpoint(GENERATE_INSTANT)
def proxy_fal_instant(services: Services, request: Request[InstantGeneration]) -> Response:
    services.require_key("fal", "Fal.ai Instant Character")
    generation = services.compat.generate_instant(request.owner, request.body)
    return respond_json(responses.images(generation, services.bucket))


lambda_handler = http_handler(proxy_fal_instant)
