"""POST /v1/events/{event_id}/replay: send one event again, to all of the caller's addresses or to one."""

from character_identity.api.routes.webhooks import REPLAY_EVENT
from character_identity.api.webhook_presenters import present_event
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(REPLAY_EVENT)
def replay_event(services: Services, request: Request) -> Response:
    owner, event_id, endpoint_id = request.owner, request.path("event_id"), request.query("endpointId")
    if endpoint_id is None:
        event, deliveries = services.events.replay(owner, event_id)
    else:
        event, deliveries = services.events.replay_to(owner, event_id, endpoint_id)
    return respond(request, present_event(event, deliveries), location=f"/v1/events/{event.event_id}")


lambda_handler = http_handler(replay_event)
