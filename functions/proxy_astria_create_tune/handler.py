"""POST /api/astria/tunes: start a training, in Astria's shape."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity.api.resolver import body_of, compat_answer, compat_app
from character_identity.compat import astria_routes

logger = Logger()
app = compat_app("POST")


@app.post("/api/astria/tunes")
def create_tune() -> Response[str]:
    return compat_answer(astria_routes.create_tune(app, body_of(app)))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
