"""Events and webhooks as the API shows them."""

from character_identity.api.webhook_schemas import (
    CreateWebhookResponse,
    DeliveryResponse,
    EventResponse,
    WebhookResponse,
)
from character_identity.domain.event import Event
from character_identity.domain.webhook import Delivery, Endpoint


def present_new_webhook(endpoint: Endpoint) -> CreateWebhookResponse:
    """An endpoint with its secret."""
    return CreateWebhookResponse(
        endpoint_id=endpoint.endpoint_id,
        url=endpoint.url,
        secret=endpoint.secret,
        created_at=endpoint.created_at,
    )


def present_webhook(endpoint: Endpoint) -> WebhookResponse:
    """An endpoint without its secret."""
    return WebhookResponse(
        endpoint_id=endpoint.endpoint_id,
        url=endpoint.url,
        created_at=endpoint.created_at,
        failing_since=endpoint.failing_since,
        disabled_at=endpoint.disabled_at,
        disabled_reason=endpoint.disabled_reason,
    )


def present_event(event: Event, deliveries: list[Delivery]) -> EventResponse:
    """An event with its deliveries."""
    return EventResponse(
        event_id=event.event_id,
        type=event.type,
        occurred_at=event.occurred_at,
        data=event.data,
        deliveries=[
            DeliveryResponse(**delivery.model_dump(exclude={"event_id", "owner", "claimed"}))
            for delivery in deliveries
        ],
    )
