"""ANY /api/astria-proxy: the four Astria actions behind one address, for the TypeScript client."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity.api.resolver import body_of, compat_answer, compat_app, parameter, status_or
from character_identity.compat import astria_routes
from character_identity.domain.errors import InvalidRequest

logger = Logger()
app = compat_app("POST or GET")


@app.post("/api/astria-proxy")
def create() -> Response[str]:
    body = body_of(app)
    action = body.get("action") if isinstance(body, dict) else None
    if action == "create_tune":
        return compat_answer(astria_routes.create_tune(app, body.get("payload")))
    if action == "create_prompt":
        return compat_answer(astria_routes.create_prompt(app, str(body.get("tune_id")), body.get("payload")))
    raise InvalidRequest("action is create_tune or create_prompt.", code="unknown_action")


@app.get("/api/astria-proxy")
def show() -> Response[str]:
    return compat_answer(status_or(_shown, unknown=astria_routes.FAILED, troubled={"trained_at": None}))


def _shown() -> dict[str, Any]:
    action = parameter(app, "action")
    if action == "get_tune":
        return astria_routes.get_tune(app, parameter(app, "tune_id"))
    if action == "get_prompt":
        return astria_routes.get_prompt(app, parameter(app, "tune_id"), parameter(app, "prompt_id"))
    raise InvalidRequest("action is get_tune or get_prompt.", code="unknown_action")


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
