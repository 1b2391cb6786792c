from datetime import timedelta

import pytest

from character_identity.domain.errors import EventNotAccepted, NotFound
from character_identity.services.webhooks.events import EventService
from tests.support.builders import NOON
from tests.support.event_fakes import (
    FakeBus,
    FakeDeliveries,
    FakeEndpoints,
    FakeEvents,
    a_delivery,
    an_endpoint,
    an_event,
)

EVENT = an_event().event_id
LATER = NOON + timedelta(days=1)


class Harness:
    def __init__(self, *, accepts: bool = True) -> None:
        self.events = FakeEvents(an_event())
        self.endpoints = FakeEndpoints()
        self.deliveries = FakeDeliveries()
        self.bus = FakeBus(accepts)
        self.service = EventService(
            events=self.events,
            endpoints=self.endpoints,
            deliveries=self.deliveries,
            bus=self.bus,
            now=lambda: LATER,
        )


def test_an_event_is_published_once_and_is_not_open_any_more() -> None:
    harness = Harness()
    harness.service.publish_unpublished(EVENT)
    harness.service.publish_soon(EVENT)
    harness.service.publish_unpublished("evt_gone")
    assert harness.bus.published == [an_event()]
    assert harness.events.open == set()


def test_an_event_that_the_bus_did_not_take_stays_open() -> None:
    harness = Harness(accepts=False)
    with pytest.raises(EventNotAccepted):
        harness.service.publish_unpublished(EVENT)
    harness.service.publish_soon(EVENT)
    assert harness.events.open == {EVENT}
    harness.bus.accepts = True
    harness.service.publish_unpublished(EVENT)
    assert harness.bus.published == [an_event()]


def test_an_event_is_published_again_when_nobody_could_note_that_it_was() -> None:
    harness = Harness()

    def end(event_id: str) -> None:
        raise OSError("the table is out of reach")

    noted, harness.events.mark_published = harness.events.mark_published, end  # type: ignore[method-assign]
    harness.service.publish_soon(EVENT)  # what it tells of is stored, and nobody may hear that it failed
    assert harness.events.open == {EVENT}
    harness.events.mark_published = noted  # type: ignore[method-assign]
    harness.service.publish_unpublished(EVENT)
    assert harness.bus.published == [an_event(), an_event()]


@pytest.mark.parametrize(("owner", "event_id"), [("bob", EVENT), ("ann", "evt_other")])
def test_another_owners_event_is_unknown(owner: str, event_id: str) -> None:
    harness = Harness()
    for call in (harness.service.get, harness.service.replay):
        with pytest.raises(NotFound) as caught:
            call(owner, event_id)
        assert caught.value.code == "unknown_event"
    assert harness.bus.requested == []


def test_an_event_is_read_with_its_deliveries() -> None:
    harness = Harness()
    harness.deliveries.add(a_delivery())
    assert harness.service.get("ann", EVENT) == (an_event(), [a_delivery()])


def test_a_replay_starts_all_deliveries_again_also_to_newer_endpoints() -> None:
    harness = Harness()
    harness.endpoints.add(an_endpoint(endpoint_id="e1"), 5)
    harness.endpoints.add(an_endpoint(endpoint_id="newer", created_at=LATER), 5)
    harness.endpoints.add(an_endpoint(endpoint_id="off", disabled_at=NOON), 5)
    harness.endpoints.add(an_endpoint(endpoint_id="bobs", owner="bob"), 5)
    harness.deliveries.add(a_delivery(state="delivered", attempts=3, next_attempt_at=None))
    _, deliveries = harness.service.replay("ann", EVENT)
    assert deliveries == [
        a_delivery(endpoint_id="e1", next_attempt_at=LATER),
        a_delivery(endpoint_id="newer", next_attempt_at=LATER),
    ]
    assert harness.bus.requested == [EVENT]


def test_a_replay_that_the_bus_did_not_take_waits_for_the_sweep() -> None:
    harness = Harness(accepts=False)
    harness.endpoints.add(an_endpoint(), 5)
    _, deliveries = harness.service.replay("ann", EVENT)
    assert deliveries == [a_delivery(next_attempt_at=LATER)]


def test_a_replay_leaves_an_attempt_alone_that_is_under_way() -> None:
    harness = Harness()
    harness.endpoints.add(an_endpoint(), 5)
    attempted = a_delivery().claim(LATER)
    harness.deliveries.stored[EVENT, "e1"] = attempted
    assert harness.service.replay("ann", EVENT) == (an_event(), [attempted])


def test_an_event_shows_no_more_deliveries_than_there_are_endpoints_however_many_came_and_went() -> None:
    harness = Harness()
    for number in range(30):
        harness.endpoints.add(an_endpoint(endpoint_id=f"e{number}"), 5)
        harness.service.replay("ann", EVENT)
        harness.endpoints.remove("ann", f"e{number}")
    assert len(harness.service.get("ann", EVENT)[1]) == 1
