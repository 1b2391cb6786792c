"""ANY /api/fal-lora-status-proxy: how far a LoRA training is, for the TypeScript client."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.resolver import (
    compat_answer,
    compat_app,
    owner_of,
    parameter,
    preferred_wait_s,
    status_or,
)
from character_identity.compat import responses

logger = Logger()
app = compat_app("GET")


@app.get("/api/fal-lora-status-proxy")
def show() -> Response[str]:
    return compat_answer(status_or(_status, unknown={"status": "failed"}, troubled={"status": "in_progress"}))


def _status() -> dict[str, Any]:
    services = wiring.services()
    request_id = parameter(app, "request_id")
    identity = services.compat.training(owner_of(app), request_id, "fal-lora", preferred_wait_s(app))
    return responses.lora_status(identity, services.bucket)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
