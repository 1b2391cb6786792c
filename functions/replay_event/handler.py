"""POST /v1/events/{event_id}/replay: send one event to all of the caller's addresses again."""

from character_identity.api.request import Request
from character_identity.api.response import Response, respond
from character_identity.api.routes.webhooks import REPLAY_EVENT
from character_identity.api.webhook_presenters import present_event
from character_identity.handlers.http import endpoint, http_handler
from character_identity.wiring import Services


@endpoint(REPLAY_EVENT)
def replay_event(services: Services, request: Request) -> Response:
    event, deliveries = services.events.replay(request.owner, request.path("event_id"))
    return respond(request, present_event(event, deliveries), location=f"/v1/events/{event.event_id}")


lambda_handler = http_handler(replay_event)
