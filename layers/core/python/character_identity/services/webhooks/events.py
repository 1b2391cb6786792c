"""Events: publish them on the bus, let owners read them, and send their webhooks again.

An event is stored in the transaction that settles its subject, and stays unpublished until the bus has taken
it, so it cannot get lost. It may be published more than once, always with the same id.
"""

import logging

from character_identity.domain.errors import Conflict, EventNotAccepted
from character_identity.domain.event import Event
from character_identity.domain.ownership import owned
from character_identity.domain.webhook import Delivery, Endpoint
from character_identity.ports.gateways import EventBus, Now
from character_identity.ports.stores import Deliveries, Endpoints, Events
from character_identity.services.best_effort import left_to_the_sweep

logger = logging.getLogger(__name__)


class EventService:
    """Publishes events, and has their webhooks sent again."""

    def __init__(
        self, *, events: Events, endpoints: Endpoints, deliveries: Deliveries, bus: EventBus, now: Now
    ) -> None:
        self._events = events
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._bus = bus
        self._now = now

    def publish_unpublished(self, event_id: str) -> None:
        """Publish a stored event, unless that was done.

        Raises:
            EventNotAccepted: the bus did not take it; it stays unpublished.
        """
        event = self._events.find_unpublished(event_id)
        if event is not None:
            self._publish(event)

    def publish_soon(self, event_id: str) -> None:
        """Publish right after the settlement; if that fails, the sweep does it."""
        with left_to_the_sweep("the event"):
            self.publish_unpublished(event_id)

    def publish_new(self, event: Event) -> None:
        """Publish an event that was stored just now for the first time; if that fails, the sweep does it."""
        with left_to_the_sweep("the event"):
            self._publish(event)

    def _publish(self, event: Event) -> None:
        self._bus.publish(event)
        self._events.mark_published(event.event_id)

    def get(self, owner: str, event_id: str) -> tuple[Event, list[Delivery]]:
        """Return an event and its deliveries.

        Raises:
            NotFound: this owner has no such event.
        """
        return self._own(owner, event_id), self._deliveries.of_event(event_id)

    def test(self, owner: str, endpoint_id: str) -> tuple[Event, list[Delivery]]:
        """Have a test event sent to one endpoint, whatever types that wants.

        Raises:
            NotFound: this owner has no such endpoint.
            Conflict: it is disabled.
        """
        endpoint = self._enabled(owner, endpoint_id)
        event = Event.of_test(owner, endpoint_id, self._now())
        self._events.add_published(event)
        return self._send_again(event, [endpoint])

    def replay_to(self, owner: str, event_id: str, endpoint_id: str) -> tuple[Event, list[Delivery]]:
        """Have an event sent to one endpoint again, whatever types that wants.

        Raises:
            NotFound: this owner has no such event, or no such endpoint.
            Conflict: the endpoint is disabled.
        """
        return self._send_again(self._own(owner, event_id), [self._enabled(owner, endpoint_id)])

    def replay(self, owner: str, event_id: str) -> tuple[Event, list[Delivery]]:
        """Have an event sent again to all of its owner's endpoints that want it, as if for the first time.

        Attempts that are under way go on instead. Deliveries to removed endpoints are forgotten.

        Raises:
            NotFound: this owner has no such event.
        """
        event = self._own(owner, event_id)
        endpoints = {endpoint.endpoint_id: endpoint for endpoint in self._endpoints.list(owner)}
        for delivery in self._deliveries.of_event(event_id):
            if delivery.endpoint_id not in endpoints:
                self._deliveries.remove(event_id, delivery.endpoint_id)
        wanted = [each for each in endpoints.values() if each.disabled_at is None and each.wants(event)]
        return self._send_again(event, wanted)

    def request_delivery(self, event_id: str) -> None:
        """Have the due deliveries of an event attempted soon, by the function that has the time for it."""
        try:
            self._bus.request_delivery(event_id)
        except EventNotAccepted as exc:
            logger.warning("the deliveries wait for the sweep", exc_info=exc)

    def _send_again(self, event: Event, endpoints: list[Endpoint]) -> tuple[Event, list[Delivery]]:
        for endpoint in endpoints:
            self._deliveries.restart(Delivery.due(event, endpoint, self._now()))
        self.request_delivery(event.event_id)
        return event, self._deliveries.of_event(event.event_id)

    def _enabled(self, owner: str, endpoint_id: str) -> Endpoint:
        endpoint = owned(owner, self._endpoints.find(owner, endpoint_id), "webhook", endpoint_id)
        if endpoint.disabled_at is not None:
            raise Conflict(
                f"The webhook {endpoint_id!r} is disabled; enable it first.", code="webhook_disabled"
            )
        return endpoint

    def _own(self, owner: str, event_id: str) -> Event:
        return owned(owner, self._events.find(event_id), "event", event_id)
