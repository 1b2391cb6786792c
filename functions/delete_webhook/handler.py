"""DELETE /v1/webhooks/{endpoint_id}: forget one of the caller's addresses."""

from character_identity.api.request import Request
from character_identity.api.response import Response, respond
from character_identity.api.routes.webhooks import DELETE_WEBHOOK
from character_identity.handlers.http import endpoint, http_handler
from character_identity.wiring import Services


@endpoint(DELETE_WEBHOOK)
def delete_webhook(services: Services, request: Request) -> Response:
    services.endpoints.remove(request.owner, request.path("endpoint_id"))
    return respond(request)


lambda_handler = http_handler(delete_webhook)
