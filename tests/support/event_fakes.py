"""The ports of events and webhooks, in memory. tests/aws runs stores and fakes through the same cases."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from character_identity.domain.errors import Conflict, EventNotAccepted
from character_identity.domain.event import Event
from character_identity.domain.page import Page, Window
from character_identity.domain.webhook import Attempt, Delivery, Endpoint, secret_of
from tests.support.builders import NOON, an_identity

SECRET = secret_of(bytes(range(32)))


def an_event(**changes: Any) -> Event:
    """Return the event that Ann's Sarah is ready, since noon."""
    return Event.of_identity(an_identity(**({"settled_at": NOON} | changes)))


def an_endpoint(**changes: Any) -> Endpoint:
    """Return Ann's endpoint, which has received events since noon."""
    values: dict[str, Any] = {
        "endpoint_id": "e1",
        "owner": "ann",
        "url": "https://ann.test/hook",
        "secret": SECRET,
        "created_at": NOON,
    }
    return Endpoint(**(values | changes))


def a_delivery(**changes: Any) -> Delivery:
    """Of that event to that endpoint, due at noon."""
    values: dict[str, Any] = {
        "event_id": an_event().event_id,
        "endpoint_id": "e1",
        "owner": "ann",
        "next_attempt_at": NOON,
    }
    return Delivery(**(values | changes))


class FakeEvents:
    def __init__(self, *events: Event) -> None:
        self.stored: dict[str, Event] = {}
        self.open: set[str] = set()
        for event in events:
            self.add(event)

    def add(self, event: Event) -> None:
        """Do what the transaction does that settles the event's subject."""
        self.stored[event.event_id] = event
        self.open.add(event.event_id)

    def add_published(self, event: Event) -> None:
        self.stored[event.event_id] = event

    def find(self, event_id: str) -> Event | None:
        return self.stored.get(event_id)

    def find_unpublished(self, event_id: str) -> Event | None:
        return self.stored.get(event_id) if event_id in self.open else None

    def mark_published(self, event_id: str) -> None:
        self.open.discard(event_id)


class FakeEndpoints:
    def __init__(self, *endpoints: Endpoint) -> None:
        self.stored = {(endpoint.owner, endpoint.endpoint_id): endpoint for endpoint in endpoints}

    def add(self, endpoint: Endpoint, at_most: int) -> None:
        if len(self.list(endpoint.owner)) >= at_most:
            raise Conflict("too many", code="too_many_webhooks")
        self.stored[endpoint.owner, endpoint.endpoint_id] = endpoint

    def list(self, owner: str) -> list[Endpoint]:
        own = [endpoint for endpoint in self.stored.values() if endpoint.owner == owner]
        return sorted(own, key=lambda endpoint: endpoint.created_at)

    def find(self, owner: str, endpoint_id: str) -> Endpoint | None:
        return self.stored.get((owner, endpoint_id))

    def report(self, endpoint: Endpoint, attempted: Endpoint) -> None:
        key = (endpoint.owner, endpoint.endpoint_id)
        if key in self.stored:
            changes = {name: new for name, new in attempted if new != getattr(endpoint, name)}
            self.stored[key] = self.stored[key].model_copy(update=changes)

    def change(self, endpoint: Endpoint, changed: Endpoint) -> bool:
        key = (endpoint.owner, endpoint.endpoint_id)
        if key not in self.stored or self.stored[key].secret not in {endpoint.secret, changed.secret}:
            return False
        self.report(endpoint, changed)
        return True

    def remove(self, owner: str, endpoint_id: str) -> bool:
        return self.stored.pop((owner, endpoint_id), None) is not None


class FakeAttempts:
    def __init__(self) -> None:
        self.stored: dict[str, Attempt] = {}

    def add(self, attempt: Attempt) -> None:
        self.stored[attempt.attempt_id] = attempt

    def of_endpoint(self, endpoint_id: str, window: Window) -> Page[Attempt]:
        return Page.of([each for each in self.stored.values() if each.endpoint_id == endpoint_id], window)


class FakeDeliveries:
    def __init__(self, *deliveries: Delivery) -> None:
        self.stored = {(delivery.event_id, delivery.endpoint_id): delivery for delivery in deliveries}

    def add(self, delivery: Delivery) -> None:
        self.stored.setdefault((delivery.event_id, delivery.endpoint_id), delivery)

    def restart(self, delivery: Delivery) -> bool:
        at, key = delivery.next_attempt_at, (delivery.event_id, delivery.endpoint_id)
        stored = self.stored.get(key)
        if stored is not None and stored.claimed and not (at and stored.is_due(at)):
            return False
        self.stored[key] = delivery
        return True

    def remove(self, event_id: str, endpoint_id: str) -> None:
        self.stored.pop((event_id, endpoint_id), None)

    def find(self, event_id: str, endpoint_id: str) -> Delivery | None:
        return self.stored.get((event_id, endpoint_id))

    def of_event(self, event_id: str) -> list[Delivery]:
        own = [delivery for delivery in self.stored.values() if delivery.event_id == event_id]
        return sorted(own, key=lambda delivery: delivery.endpoint_id)

    def replace(self, old: Delivery, new: Delivery) -> bool:
        stored = self.stored.get((old.event_id, old.endpoint_id))
        if stored is None or stored.state != "pending":
            return False
        if (stored.attempts, stored.next_attempt_at) != (old.attempts, old.next_attempt_at):
            return False
        self.stored[old.event_id, old.endpoint_id] = new
        return True


class FakeBus:
    """Remembers what it was given, or accepts nothing."""

    def __init__(self, accepts: bool = True) -> None:
        self.accepts = accepts
        self.published: list[Event] = []
        self.requested: list[str] = []

    def publish(self, event: Event) -> None:
        self._accept()
        self.published.append(event)

    def request_delivery(self, event_id: str) -> None:
        self._accept()
        self.requested.append(event_id)

    def _accept(self) -> None:
        if not self.accepts:
            raise EventNotAccepted("the bus is full")


@dataclass(frozen=True)
class Posted:
    url: str
    body: bytes
    headers: Mapping[str, str]


class FakeReceivers:
    """Answers with what is next in ``answers`` (a status, or an error to raise), then with 200."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.posted: list[Posted] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.posted.append(Posted(url, body, headers))
        self.meanwhile()
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer
