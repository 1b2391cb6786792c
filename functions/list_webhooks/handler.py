"""GET /v1/webhooks: the caller's addresses, oldest first, without their secrets."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.resolver import answer, owner_of, rest_app
from character_identity.api.webhook_presenters import present_webhook
from character_identity.api.webhook_schemas import ListWebhooksResponse

logger = Logger()
app = rest_app()


@app.get("/v1/webhooks")
def list_webhooks() -> Response[str]:
    endpoints = wiring.services().endpoints.list(owner_of(app))
    return answer(ListWebhooksResponse(webhooks=[present_webhook(endpoint) for endpoint in endpoints]))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
