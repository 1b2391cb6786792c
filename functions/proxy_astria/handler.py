"""/api/astria-proxy: the four Astria actions behind one address, for the TypeScript client."""

from typing import Any

from character_identity.api.request import parse
from character_identity.api.routes.compat import ORDER_OF_ASTRIA, SHOW_OF_ASTRIA
from character_identity.compat import responses
from character_identity.compat.requests import CreatePrompt, CreateTune
from character_identity.domain.errors import InvalidRequest
from character_identity.handlers import astria
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond_json


@endpoint(ORDER_OF_ASTRIA)
def order(services: Services, request: Request[Any]) -> Response:
    call = request.body if isinstance(request.body, dict) else {}
    action, payload = call.get("action"), call.get("payload")
    if action == "create_tune":
        body = parse(CreateTune, payload)
        return respond_json(astria.create_tune(services, request.owner, body))
    if action == "create_prompt":
        tune_id, prompt = str(call.get("tune_id")), parse(CreatePrompt, payload)
        return respond_json(astria.create_prompt(services, request.owner, tune_id, prompt))
    raise InvalidRequest("action is create_tune or create_prompt.", code="unknown_action")


@endpoint(SHOW_OF_ASTRIA)
def show(services: Services, request: Request) -> Response:
    def read() -> dict[str, Any]:
        action = request.required_query("action")
        if action not in {"get_tune", "get_prompt"}:
            raise InvalidRequest("action is get_tune or get_prompt.", code="unknown_action")
        tune_id = request.required_query("tune_id")
        if action == "get_tune":
            return astria.get_tune(services, request, tune_id)
        return astria.get_prompt(services, request, tune_id, request.required_query("prompt_id"))

    return respond_json(responses.status_or(read, unknown=astria.FAILED, troubled={"trained_at": None}))


lambda_handler = http_handler(order, show)
