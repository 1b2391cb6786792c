"""Webhooks of our callers, and the events that are posted to them."""

from typing import get_args

from character_identity.api.route import AN_ID, SINCE, Answer, Query, Route, filter_by
from character_identity.api.webhook_schemas import (
    CreateWebhookRequest,
    CreateWebhookResponse,
    EventResponse,
    ListDeliveriesResponse,
    ListWebhooksResponse,
    UpdateWebhookRequest,
    WebhookResponse,
)
from character_identity.domain.event import EventType

CREATE_WEBHOOK = Route(
    method="POST",
    path="/v1/webhooks",
    function="create_webhook",
    tag="Events",
    summary="Register a webhook",
    description="The address must be https and public. The secret is shown this once. Without types all "
    "events are posted there.",
    request=CreateWebhookRequest,
    example={"url": "https://hooks.example.com/characters", "types": ["GenerationCompleted"]},
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
UPDATE_WEBHOOK = Route(
    method="PATCH",
    path="/v1/webhooks/{endpoint_id}",
    function="manage_webhook",
    operation="update_webhook",
    tag="Events",
    summary="Change a webhook",
    description="Which events are posted there, and whether any are. One that is enabled again hears of what "
    "happens from then on; what it missed can be sent again, event by event.",
    request=UpdateWebhookRequest,
    example={"types": ["GenerationCompleted", "GenerationFailed"], "disabled": False},
    answers={200: Answer(description="The webhook", content=WebhookResponse)},
    codes=("unknown_webhook", "webhook_changed"),
)
TEST_WEBHOOK = Route(
    method="POST",
    path="/v1/webhooks/{endpoint_id}/test",
    function="manage_webhook",
    operation="test_webhook",
    tag="Events",
    summary="Send a test event",
    description="A WebhookTest is posted to this address only, whatever its types; its deliveries say what "
    "came of it.",
    answers={202: Answer(description="It is due", content=EventResponse, located=True)},
    codes=("unknown_webhook", "webhook_disabled"),
)
ROTATE_WEBHOOK_SECRET = Route(
    method="POST",
    path="/v1/webhooks/{endpoint_id}/rotate-secret",
    function="manage_webhook",
    operation="rotate_webhook_secret",
    tag="Events",
    summary="Replace a webhook's secret",
    description="For 24 hours what is posted has a signature by the new secret and one by each that it "
    "replaces, so that receivers may change in their own time.",
    answers={200: Answer(description="The webhook with its new secret", content=CreateWebhookResponse)},
    codes=("unknown_webhook", "webhook_changed", "too_many_secrets"),
)
LIST_WEBHOOK_DELIVERIES = Route(
    method="GET",
    path="/v1/webhooks/{endpoint_id}/deliveries",
    function="manage_webhook",
    operation="list_webhook_deliveries",
    tag="Events",
    summary="List what was posted to a webhook",
    description="Every attempt of the last seven days, and what the receiver answered.",
    query=(filter_by("type", get_args(EventType)), SINCE),
    answers={200: Answer(description="A page, newest first", content=ListDeliveriesResponse)},
    codes=("unknown_webhook",),
    is_paged=True,
)
DELETE_WEBHOOK = Route(
    method="DELETE",
    path="/v1/webhooks/{endpoint_id}",
    function="manage_webhook",
    operation="delete_webhook",
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
    query=(
        Query(
            name="endpointId",
            description="The webhook that it is sent to, whatever its types; all that want it if left out",
            schema=AN_ID,
        ),
    ),
    answers={202: Answer(description="Due at those webhooks", content=EventResponse, located=True)},
    codes=("unknown_event", "unknown_webhook", "webhook_disabled"),
)

ROUTES = (
    CREATE_WEBHOOK,
    LIST_WEBHOOKS,
    UPDATE_WEBHOOK,
    DELETE_WEBHOOK,
    TEST_WEBHOOK,
    ROTATE_WEBHOOK_SECRET,
    LIST_WEBHOOK_DELIVERIES,
    GET_EVENT,
    REPLAY_EVENT,
)
