"""POST /v1/webhooks: register an address that hears of the caller's events from now on."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.resolver import answer, owner_of, parse_body, rest_app
from character_identity.api.webhook_presenters import present_new_webhook
from character_identity.api.webhook_schemas import CreateWebhookRequest

logger = Logger()
app = rest_app()


@app.post("/v1/webhooks")
def create_webhook() -> Response[str]:
    request = parse_body(app, CreateWebhookRequest)
    endpoint = wiring.services().endpoints.create(owner_of(app), request.url)
    return answer(present_new_webhook(endpoint), 201)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
