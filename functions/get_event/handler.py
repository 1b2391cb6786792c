"""GET /v1/events/{event_id}: one of the caller's events, and how far telling it is."""

from character_identity.api.routes.webhooks import GET_EVENT
from character_identity.api.webhook_presenters import present_event
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(GET_EVENT)
def get_event(services: Services, request: Request) -> Response:
    return respond(request, present_event(*services.events.get(request.owner, request.path("event_id"))))


lambda_handler = http_handler(get_event)
