"""Events and webhooks as the API shows them."""

from character_identity.api.webhook_schemas import (
    AttemptResponse,
    CreateWebhookResponse,
    DeliveryResponse,
    EventResponse,
    WebhookResponse,
)
from character_identity.domain.event import Event
from character_identity.domain.webhook import Attempt, Delivery, Endpoint


def present_new_webhook(endpoint: Endpoint) -> CreateWebhookResponse:
    """An endpoint with its secret."""
    return CreateWebhookResponse(**dict(present_webhook(endpoint)), secret=endpoint.secret)


def present_webhook(endpoint: Endpoint) -> WebhookResponse:
    """An endpoint without its secret."""
    return WebhookResponse(
        endpoint_id=endpoint.endpoint_id,
        url=endpoint.url,
        types=None if endpoint.types is None else list(endpoint.types),
        created_at=endpoint.created_at,
        previous_secrets_until=max((each.until for each in endpoint.retired), default=None),
        failing_since=endpoint.failing_since,
        disabled_at=endpoint.disabled_at,
        disabled_reason=endpoint.disabled_reason,
    )


def present_attempt(attempt: Attempt) -> AttemptResponse:
    """A request to an endpoint, and what became of it."""
    return AttemptResponse(
        at=attempt.at,
        event_id=attempt.event_id,
        type=attempt.type,
        attempt=attempt.number,
        status=attempt.status,
        error=attempt.error,
        state=attempt.state,
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
