"""Deliveries: an event posted by webhook to each of its owner's endpoints, until the receiver has it.

A receiver may get an event twice, with the same ``webhook-id``: when it took one and we did not learn so.
"""

import json
import logging
from collections.abc import Callable

from character_identity.domain.errors import InvalidRequest, ProviderUnavailable
from character_identity.domain.event import Event
from character_identity.domain.webhook import Attempt, Delivery, Endpoint, signed_headers
from character_identity.ports.gateways import Now, WebhookSender
from character_identity.ports.stores import Attempts, Deliveries, Endpoints, Events

logger = logging.getLogger(__name__)


class DeliveryService:
    """Sends webhooks. ``jitter`` answers a number from 0 to 1."""

    def __init__(
        self,
        *,
        events: Events,
        endpoints: Endpoints,
        deliveries: Deliveries,
        attempts: Attempts,
        sender: WebhookSender,
        now: Now,
        jitter: Callable[[], float],
    ) -> None:
        self._events = events
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._attempts = attempts
        self._sender = sender
        self._now = now
        self._jitter = jitter

    def deliver(self, event_id: str) -> None:
        """Attempt the deliveries of an event that are due; every endpoint that gets it has one."""
        event = self._events.find(event_id)
        if event is None:
            logger.warning("an event that is not there cannot be delivered", extra={"event_id": event_id})
            return
        for endpoint in self._endpoints.list(event.owner):
            if endpoint.hears_of(event):
                self._deliveries.add(Delivery.due(event, endpoint, self._now()))
        for delivery in self._deliveries.of_event(event_id):
            self.attempt(event_id, delivery.endpoint_id)

    def attempt(self, event_id: str, endpoint_id: str) -> None:
        """Send once, if it is due and nobody else is at it."""
        delivery = self._deliveries.find(event_id, endpoint_id)
        if delivery is None or not delivery.is_due(self._now()):
            return
        event = self._events.find(event_id)
        endpoint = self._endpoints.find(event.owner, endpoint_id) if event else None
        if event is None or endpoint is None or endpoint.disabled_at is not None:
            self._deliveries.replace(delivery, delivery.given_up("endpoint_removed"))
        elif delivery.is_exhausted:
            self._deliveries.replace(delivery, delivery.given_up("interrupted"))
        else:
            claimed = delivery.claim(self._now())
            if self._deliveries.replace(delivery, claimed):
                self._send(event, endpoint, claimed)

    def _send(self, event: Event, endpoint: Endpoint, claimed: Delivery) -> None:
        body = json.dumps(event.message, separators=(",", ":")).encode()
        at = self._now()
        secret, *retired = endpoint.secrets(at)
        headers = {
            "content-type": "application/json",
            **signed_headers(secret, event.event_id, at, body, retired=retired),
        }
        try:
            status = self._sender.post(endpoint.url, body, headers)
        except ProviderUnavailable:
            ended = claimed.failed("no_answer", self._now(), self._jitter())
        except InvalidRequest as error:
            ended = claimed.failed(error.code, self._now(), self._jitter())
        else:
            ended = claimed.answered(status, self._now(), self._jitter())
        self._report(endpoint, endpoint.attempted(ended, self._now()))
        self._deliveries.replace(claimed, ended)
        self._attempts.add(
            Attempt(
                endpoint_id=endpoint.endpoint_id,
                event_id=event.event_id,
                type=event.type,
                number=ended.attempts,
                at=at,
                status=ended.last_status,
                error=ended.last_error,
                state=ended.state,
            )
        )
        logger.info(
            "webhook sent",
            extra={
                "event_id": event.event_id,
                "endpoint_id": endpoint.endpoint_id,
                "attempt": ended.attempts,
                "state": ended.state,
                "status": ended.last_status,
                "error": ended.last_error,
            },
        )

    def _report(self, endpoint: Endpoint, attempted: Endpoint) -> None:
        if attempted == endpoint:
            return
        self._endpoints.report(endpoint, attempted)
        if attempted.disabled_at is not None:
            extra = {"endpoint_id": endpoint.endpoint_id, "reason": attempted.disabled_reason}
            logger.warning("a webhook was disabled", extra={**extra, "failures": attempted.failures})
