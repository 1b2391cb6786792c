"""POST /webhooks/astria/{token}: a callback of Astria wakes the machine that waits."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.resolver import raw_body, received, rest_app
from character_identity.providers.callback_bodies import astria_job_id

logger = Logger()
app = rest_app()


@app.post("/webhooks/astria/<token>")
def receive(token: str) -> Response[str]:
    job_id, _, secret = token.partition(".")
    wiring.services().callbacks.receive("astria", job_id, secret, astria_job_id(raw_body(app)))
    return received()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
