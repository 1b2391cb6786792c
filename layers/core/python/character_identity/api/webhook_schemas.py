"""Request and answer bodies of the API about events and webhooks."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import StringConstraints

from character_identity.api.schemas import Body, NextCursor
from character_identity.domain.event import EventType
from character_identity.domain.webhook import DeliveryState, DisabledReason


class CreateWebhookRequest(Body):
    url: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2048)]


class WebhookResponse(Body):
    """``disabled_at`` is when sending there ended: the receiver declined with a 410, or kept failing.

    ``failing_since`` is the first of the failures in a row.
    """

    endpoint_id: str
    url: str
    created_at: datetime
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: DisabledReason | None = None


class CreateWebhookResponse(Body):
    """The only answer with the secret."""

    endpoint_id: str
    url: str
    secret: str
    created_at: datetime


class ListWebhooksResponse(Body):
    webhooks: list[WebhookResponse]
    next_cursor: NextCursor = None


class DeliveryResponse(Body):
    """``last_status`` is what the receiver answered last, ``last_error`` the code of what kept it from it."""

    endpoint_id: str
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None


class EventResponse(Body):
    """An event as it is told, and how far telling it is."""

    event_id: str
    type: EventType
    occurred_at: datetime
    data: dict[str, Any]
    deliveries: list[DeliveryResponse]
