"""GET /v1/webhooks: the addresses that hear of the caller's events, newest first, page by page."""

from character_identity.api.listing import fill_page, window_of
from character_identity.api.routes.webhooks import LIST_WEBHOOKS
from character_identity.api.webhook_presenters import present_webhook
from character_identity.api.webhook_schemas import ListWebhooksResponse
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(LIST_WEBHOOKS)
def list_webhooks(services: Services, request: Request) -> Response:
    page = services.endpoints.list(request.owner, window_of(request))
    shown, cursor = fill_page(request, page, present_webhook)
    return respond(request, ListWebhooksResponse(webhooks=shown, next_cursor=cursor))


lambda_handler = http_handler(list_webhooks)
