"""GET /v1/webhooks: the addresses that hear of the caller's events, oldest first."""

from character_identity.api.request import Request
from character_identity.api.response import Response, respond
from character_identity.api.routes.webhooks import LIST_WEBHOOKS
from character_identity.api.webhook_presenters import present_webhook
from character_identity.api.webhook_schemas import ListWebhooksResponse
from character_identity.handlers.http import endpoint, http_handler
from character_identity.wiring import Services


@endpoint(LIST_WEBHOOKS)
def list_webhooks(services: Services, request: Request) -> Response:
    shown = [present_webhook(each) for each in services.endpoints.list(request.owner)]
    return respond(request, ListWebhooksResponse(webhooks=shown))


lambda_handler = http_handler(list_webhooks)
