"""POST /api/astria/tunes/{tune_id}/prompts: order pictures, in Astria's shape."""

from character_identity.api.routes.compat import CREATE_PROMPT
from character_identity.compat.requests import CreatePrompt
from character_identity.handlers import astria
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond_json


@endpoint(CREATE_PROMPT)
def proxy_astria_create_prompt(services: Services, request: Request[CreatePrompt]) -> Response:
    tune_id = request.path("tune_id")
    return respond_json(astria.create_prompt(services, request.owner, tune_id, request.body))


lambda_handler = http_handler(proxy_astria_create_prompt)
