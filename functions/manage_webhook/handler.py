"""Below /v1/webhooks/{endpoint_id}: change, test and remove one address, and see what was posted there.

One function, for a stack holds 500 resources and each function takes six of them.
"""

from typing import Any

from character_identity.api.listing import fill_page, window_of
from character_identity.api.routes.webhooks import (
    DELETE_WEBHOOK,
    LIST_WEBHOOK_DELIVERIES,
    ROTATE_WEBHOOK_SECRET,
    TEST_WEBHOOK,
    UPDATE_WEBHOOK,
)
from character_identity.api.webhook_presenters import (
    present_attempt,
    present_event,
    present_new_webhook,
    present_webhook,
)
from character_identity.api.webhook_schemas import ListDeliveriesResponse, UpdateWebhookRequest
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(UPDATE_WEBHOOK)
def update_webhook(services: Services, request: Request[UpdateWebhookRequest]) -> Response:
    body = request.body
    changes: Any = {name: getattr(body, name) for name in body.model_fields_set}
    changed = services.endpoints.change(request.owner, request.path("endpoint_id"), changes)
    return respond(request, present_webhook(changed))


@endpoint(TEST_WEBHOOK)
def send_test(services: Services, request: Request) -> Response:
    event, deliveries = services.events.test(request.owner, request.path("endpoint_id"))
    return respond(request, present_event(event, deliveries), location=f"/v1/events/{event.event_id}")


@endpoint(ROTATE_WEBHOOK_SECRET)
def rotate_secret(services: Services, request: Request) -> Response:
    rotated = services.endpoints.rotate(request.owner, request.path("endpoint_id"))
    return respond(request, present_new_webhook(rotated))


@endpoint(LIST_WEBHOOK_DELIVERIES)
def list_deliveries(services: Services, request: Request) -> Response:
    page = services.endpoints.attempts(request.owner, request.path("endpoint_id"), window_of(request))
    shown, cursor = fill_page(request, page, present_attempt)
    return respond(request, ListDeliveriesResponse(deliveries=shown, next_cursor=cursor))


@endpoint(DELETE_WEBHOOK)
def delete_webhook(services: Services, request: Request) -> Response:
    services.endpoints.remove(request.owner, request.path("endpoint_id"))
    return respond(request)


lambda_handler = http_handler(update_webhook, send_test, rotate_secret, list_deliveries, delete_webhook)
