"""POST /webhooks/fal: a job of fal's has ended, says whoever posts; if it is fal, somebody shall look."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.resolver import raw_body, received, rest_app
from character_identity.providers.callback_bodies import fal_job_id

logger = Logger()
app = rest_app()


@app.post("/webhooks/fal")
def receive() -> Response[str]:
    body = raw_body(app)
    services = wiring.services()
    services.fal_signatures.verify(app.current_event.headers, body)
    named = app.current_event.query_string_parameters or {}
    services.callbacks.receive("fal", named.get("job", ""), named.get("token", ""), fal_job_id(body))
    return received()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
