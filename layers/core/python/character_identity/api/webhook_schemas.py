"""Request and answer bodies of the API about events and webhooks."""

from datetime import datetime
from typing import Annotated, Any, Self, get_args

from pydantic import Field, StringConstraints, model_validator

from character_identity.api.schemas import Body, NextCursor
from character_identity.domain.event import EventType
from character_identity.domain.numbers import Truth
from character_identity.domain.webhook import DeliveryState, DisabledReason

Types = Annotated[list[EventType], Field(min_length=1, max_length=len(get_args(EventType)))]


class CreateWebhookRequest(Body):
    """``types``: the events that are posted there; all if it is left out."""

    url: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2048)]
    types: Types | None = None


class UpdateWebhookRequest(Body):
    """What is to change: ``types`` (null: all), and whether nothing is to be posted there."""

    types: Types | None = None
    disabled: Truth = False

    @model_validator(mode="after")
    def _something_is_to_change(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give types, or disabled, or both")
        return self


class WebhookResponse(Body):
    """``disabled_at`` is when sending there ended: the receiver declined with a 410, kept failing, or was
    paused by its owner.

    ``failing_since`` is the first of the failures in a row. Secrets that were replaced sign until
    ``previous_secrets_until``.
    """

    endpoint_id: str
    url: str
    types: list[EventType] | None = None
    created_at: datetime
    previous_secrets_until: datetime | None = None
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: DisabledReason | None = None


class CreateWebhookResponse(WebhookResponse):
    """The only answer with the secret, of a new webhook or a new one of an old webhook."""

    secret: str


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


class AttemptResponse(Body):
    """One request to a webhook: what it answered, or the code of what kept it from it."""

    at: datetime
    event_id: str
    type: EventType
    attempt: int
    status: int | None
    error: str | None
    state: DeliveryState


class ListDeliveriesResponse(Body):
    deliveries: list[AttemptResponse]
    next_cursor: NextCursor = None


class EventResponse(Body):
    """An event as it is told, and how far telling it is."""

    event_id: str
    type: EventType
    occurred_at: datetime
    data: dict[str, Any]
    deliveries: list[DeliveryResponse]
