"""POST /v1/webhooks: register an address that hears of the caller's events from now on."""

from character_identity.api.routes.webhooks import CREATE_WEBHOOK
from character_identity.api.webhook_presenters import present_new_webhook
from character_identity.api.webhook_schemas import CreateWebhookRequest
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(CREATE_WEBHOOK)
def create_webhook(services: Services, request: Request[CreateWebhookRequest]) -> Response:
    body = request.body
    made = services.endpoints.create(request.owner, body.url, body.types)
    return respond(request, present_new_webhook(made))


lambda_handler = http_handler(create_webhook)
