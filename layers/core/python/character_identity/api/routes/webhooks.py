"""Webhooks of our callers, and the events that are posted to them."""

from character_identity.api.route import Answer, Route
from character_identity.api.webhook_schemas import (
    CreateWebhookRequest,
    CreateWebhookResponse,
    EventResponse,
    ListWebhooksResponse,
)

CREATE_WEBHOOK = Route(
    method="POST",
    path="/v1/webhooks",
    function="create_webhook",
    tag="Events",
    summary="Register a webhook",
    description="The address must be https and public. The secret is shown this once.",
    request=CreateWebhookRequest,
    example={"url": "https://hooks.example.com/characters"},
    answers={201: Answer(description="The webhook with its secret", content=CreateWebhookResponse)},
    codes=("forbidden_url", "forbidden_host", "unknown_host", "too_many_webhooks"),
)
LIST_WEBHOOKS = Route(
    method="GET",
    path="/v1/webhooks",
    function="list_webhooks",
    tag="Events",
    summary="List your webhooks",
    description="One that is disabled says when and why.",
    answers={200: Answer(description="A page, newest first, without secrets", content=ListWebhooksResponse)},
    is_paged=True,
)
DELETE_WEBHOOK = Route(
    method="DELETE",
    path="/v1/webhooks/{endpoint_id}",
    function="delete_webhook",
    tag="Events",
    summary="Remove a webhook",
    description="What was not delivered to it is given up.",
    answers={204: Answer(description="It is gone")},
    codes=("unknown_webhook",),
)
GET_EVENT = Route(
    method="GET",
    path="/v1/events/{event_id}",
    function="get_event",
    tag="Events",
    summary="Get an event",
    description="Events are kept for 30 days.",
    answers={200: Answer(description="The event and its deliveries", content=EventResponse)},
    codes=("unknown_event",),
)
REPLAY_EVENT = Route(
    method="POST",
    path="/v1/events/{event_id}/replay",
    function="replay_event",
    tag="Events",
    summary="Send an event again",
    description="As if it had never been sent; it keeps its id.",
    answers={202: Answer(description="Due at all of your webhooks", content=EventResponse, located=True)},
    codes=("unknown_event",),
)

ROUTES = (CREATE_WEBHOOK, LIST_WEBHOOKS, DELETE_WEBHOOK, GET_EVENT, REPLAY_EVENT)
