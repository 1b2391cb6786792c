"""GET /api/astria/tunes/{tune_id}: how far a training is, in Astria's shape."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity.api.resolver import compat_answer, compat_app
from character_identity.compat import astria_routes

logger = Logger()
app = compat_app("GET")


@app.get("/api/astria/tunes/<tune_id>")
def get_tune(tune_id: str) -> Response[str]:
    return compat_answer(astria_routes.get_tune(app, tune_id))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
