"""GET /api/astria/tunes/{tune_id}/prompts/{prompt_id}: the pictures, in Astria's shape."""

from character_identity.api.routes.compat import GET_PROMPT
from character_identity.handlers import astria
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond_json


@endpoint(GET_PROMPT)
def proxy_astria_get_prompt(services: Services, request: Request) -> Response:
    tune_id, prompt_id = request.path("tune_id"), request.path("prompt_id")
    return respond_json(astria.get_prompt(services, request, tune_id, prompt_id))


lambda_handler = http_handler(proxy_astria_get_prompt)
