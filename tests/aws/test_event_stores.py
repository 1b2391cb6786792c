"""The stores of events and webhooks, and their fakes, through the same cases."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from character_identity.aws import keys
from character_identity.aws.delivery_table import DeliveryTable
from character_identity.aws.endpoint_table import EndpointTable
from character_identity.aws.event_table import PUBLISHED_BY, EventTable, put_of
from character_identity.aws.items import to_attributes
from character_identity.aws.ledger_table import accepting
from character_identity.aws.open_work import OpenWorkTable
from character_identity.domain.errors import Conflict
from character_identity.domain.event import Event
from character_identity.domain.failure import Failure
from character_identity.domain.webhook import ATTEMPT_TAKES_AT_MOST
from character_identity.ports.stores import Deliveries, Endpoints, Events
from character_identity.services.jobs.sweep import MOST_LISTED, in_turn
from tests.support.builders import NO_LIMIT, NOON, a_job
from tests.support.event_fakes import (
    SECRET,
    FakeDeliveries,
    FakeEndpoints,
    FakeEvents,
    a_delivery,
    an_endpoint,
    an_event,
)
from tests.support.mocked_aws import StateTable

EVENT = an_event().event_id
MONTH_S = 30 * 24 * 3600


@pytest.fixture(params=["fake", "table"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def events(kind: str, table: StateTable) -> Events:
    return FakeEvents() if kind == "fake" else EventTable(table)


@pytest.fixture
def store(events: Events, table: StateTable) -> Callable[[Event], None]:
    """Stores an event as the transaction does that settles its subject."""
    return events.add if isinstance(events, FakeEvents) else lambda event: table.transact([put_of(event)])


@pytest.fixture
def endpoints(kind: str, table: StateTable) -> Endpoints:
    return FakeEndpoints() if kind == "fake" else EndpointTable(table)


@pytest.fixture
def deliveries(kind: str, table: StateTable) -> Deliveries:
    return FakeDeliveries() if kind == "fake" else DeliveryTable(table)


class TestEvents:
    def test_what_was_stored_is_found(self, events: Events, store: Callable[[Event], None]) -> None:
        event = an_event(status="failed", error=Failure(code="training_failed", message="no face"))
        store(event)
        assert events.find(event.event_id) == event
        assert events.find("evt_other") is None

    def test_an_event_is_open_until_it_was_published(
        self, events: Events, store: Callable[[Event], None]
    ) -> None:
        store(an_event())
        assert events.find_unpublished(EVENT) == an_event()
        events.mark_published(EVENT)
        events.mark_published(EVENT)
        assert events.find_unpublished(EVENT) is None
        assert events.find(EVENT) == an_event()

    def test_publishing_makes_no_event(self, events: Events) -> None:
        events.mark_published(EVENT)
        assert (events.find(EVENT), events.find_unpublished(EVENT)) == (None, None)


class TestEndpoints:
    def test_an_owner_lists_their_own_oldest_first(self, endpoints: Endpoints) -> None:
        for number, owner in enumerate(["ann", "bob", "ann"]):
            created_at = NOON - timedelta(minutes=number)
            endpoints.add(an_endpoint(endpoint_id=f"e{number}", owner=owner, created_at=created_at), 5)
        assert [endpoint.endpoint_id for endpoint in endpoints.list("ann")] == ["e2", "e0"]

    def test_an_endpoint_is_its_owners(self, endpoints: Endpoints) -> None:
        endpoints.add(an_endpoint(), 5)
        assert endpoints.find("ann", "e1") == an_endpoint()
        assert endpoints.find("bob", "e1") is None
        assert endpoints.remove("bob", "e1") is False
        assert endpoints.remove("ann", "e1") is True
        assert endpoints.remove("ann", "e1") is False
        assert endpoints.list("ann") == []

    def test_an_owner_has_only_so_many(self, endpoints: Endpoints) -> None:
        endpoints.add(an_endpoint(endpoint_id="e1"), 2)
        endpoints.add(an_endpoint(endpoint_id="e2"), 2)
        with pytest.raises(Conflict) as caught:
            endpoints.add(an_endpoint(endpoint_id="e3"), 2)
        assert caught.value.code == "too_many_webhooks"
        endpoints.add(an_endpoint(endpoint_id="e4", owner="bob"), 2)
        assert {endpoint.endpoint_id for endpoint in endpoints.list("ann")} == {"e1", "e2"}

    def test_a_disabled_endpoint_says_since_when(self, endpoints: Endpoints) -> None:
        endpoints.add(an_endpoint(), 5)
        declined = a_delivery().claim(NOON).answered(410, NOON, 0)
        for endpoint in (an_endpoint(), an_endpoint(endpoint_id="removed")):
            endpoints.report(endpoint, endpoint.attempted(declined, NOON + timedelta(hours=1)))
        (stored,) = endpoints.list("ann")
        assert (stored.disabled_at, stored.disabled_reason) == (NOON + timedelta(hours=1), "declined")

    def test_a_secret_is_replaced_though_the_answer_was_lost_and_by_nobody_else_meanwhile(
        self, endpoints: Endpoints
    ) -> None:
        endpoints.add(an_endpoint(), 5)
        mine = an_endpoint(secret=f"{SECRET}mine")
        assert [endpoints.change(an_endpoint(), mine) for _ in range(2)] == [True, True]
        assert endpoints.change(an_endpoint(), an_endpoint(secret=f"{SECRET}other")) is False
        assert endpoints.find("ann", "e1") == mine

    def test_an_endpoint_that_fails_says_since_when_until_an_attempt_goes_well(
        self, endpoints: Endpoints
    ) -> None:
        endpoints.add(an_endpoint(), 5)
        for minute in range(2):
            failed = a_delivery().claim(NOON).failed("no_answer", NOON, 0)
            (stored,) = endpoints.list("ann")
            endpoints.report(stored, stored.attempted(failed, NOON + timedelta(minutes=minute)))
        (stored,) = endpoints.list("ann")
        assert (stored.failing_since, stored.failures, stored.disabled_at) == (NOON, 2, None)
        endpoints.report(stored, stored.attempted(a_delivery().claim(NOON).answered(204, NOON, 0), NOON))
        assert endpoints.list("ann") == [an_endpoint()]


class TestDeliveries:
    def test_a_delivery_is_made_once(self, deliveries: Deliveries) -> None:
        deliveries.add(a_delivery())
        deliveries.add(a_delivery(next_attempt_at=NOON + timedelta(hours=1)))
        assert deliveries.find(EVENT, "e1") == a_delivery()
        assert deliveries.find(EVENT, "e2") is None

    def test_an_event_has_one_for_each_endpoint(self, deliveries: Deliveries) -> None:
        for endpoint_id in ("e2", "e1"):
            deliveries.add(a_delivery(endpoint_id=endpoint_id))
        deliveries.add(a_delivery(event_id="evt_other"))
        assert [delivery.endpoint_id for delivery in deliveries.of_event(EVENT)] == ["e1", "e2"]

    def test_of_two_that_claim_an_attempt_one_gets_it(self, deliveries: Deliveries) -> None:
        deliveries.add(a_delivery())
        first, second = a_delivery().claim(NOON), a_delivery().claim(NOON + timedelta(seconds=1))
        assert deliveries.replace(a_delivery(), first) is True
        assert deliveries.replace(a_delivery(), second) is False
        assert deliveries.find(EVENT, "e1") == first

    def test_an_attempt_that_ends_after_its_time_changes_nothing(self, deliveries: Deliveries) -> None:
        deliveries.add(a_delivery())
        slow = a_delivery().claim(NOON)
        deliveries.replace(a_delivery(), slow)
        again = slow.claim(NOON + ATTEMPT_TAKES_AT_MOST)
        assert deliveries.replace(slow, again)
        assert deliveries.replace(slow, slow.answered(500, NOON, 0)) is False
        assert deliveries.find(EVENT, "e1") == again

    def test_what_ended_stays_as_it_is_until_it_is_started_again(self, deliveries: Deliveries) -> None:
        deliveries.add(a_delivery())
        claimed = a_delivery().claim(NOON)
        deliveries.replace(a_delivery(), claimed)
        delivered = claimed.answered(204, NOON, 0)
        assert deliveries.replace(claimed, delivered) is True
        assert deliveries.replace(claimed, claimed.failed("unknown_host", NOON, 0)) is False
        assert deliveries.find(EVENT, "e1") == delivered
        deliveries.add(a_delivery())
        assert deliveries.find(EVENT, "e1") == delivered
        deliveries.restart(a_delivery())
        assert deliveries.find(EVENT, "e1") == a_delivery()

    def test_nothing_starts_again_while_it_is_attempted(self, deliveries: Deliveries) -> None:
        deliveries.add(a_delivery())
        claimed = a_delivery().claim(NOON)
        deliveries.replace(a_delivery(), claimed)
        assert deliveries.restart(a_delivery(next_attempt_at=NOON + timedelta(seconds=1))) is False
        assert deliveries.find(EVENT, "e1") == claimed
        waiting = claimed.answered(500, NOON, 0)
        assert deliveries.replace(claimed, waiting) is True
        assert deliveries.restart(a_delivery()) is True
        assert deliveries.find(EVENT, "e1") == a_delivery()

    def test_what_is_forgotten_may_be_told_anew(self, deliveries: Deliveries) -> None:
        deliveries.add(a_delivery())
        deliveries.remove(EVENT, "e1")
        deliveries.remove(EVENT, "e1")
        assert deliveries.of_event(EVENT) == []
        assert deliveries.restart(a_delivery()) is True

    def test_an_attempt_from_before_a_new_start_changes_nothing(self, deliveries: Deliveries) -> None:
        deliveries.add(a_delivery())
        claimed = a_delivery().claim(NOON)
        deliveries.replace(a_delivery(), claimed)
        fresh = a_delivery(next_attempt_at=NOON + ATTEMPT_TAKES_AT_MOST)
        assert deliveries.restart(fresh) is True
        assert deliveries.replace(claimed, claimed.answered(500, NOON, 0)) is False
        assert deliveries.find(EVENT, "e1") == fresh

    def test_an_error_and_an_answer_are_kept(self, deliveries: Deliveries) -> None:
        deliveries.add(a_delivery())
        claimed = a_delivery().claim(NOON)
        deliveries.replace(a_delivery(), claimed)
        failed = claimed.failed("unknown_host", NOON, 0.5)
        deliveries.replace(claimed, failed)
        assert deliveries.find(EVENT, "e1") == failed
        answered = failed.claim(NOON).answered(503, NOON, 0.5)
        deliveries.replace(failed, answered)
        assert deliveries.find(EVENT, "e1") == answered


class TestRows:
    """The table's own: the sweep's index, and an end."""

    def test_an_event_waits_for_the_sweep_until_it_was_published(self, table: StateTable) -> None:
        table.transact([put_of(an_event())])
        work = OpenWorkTable(table)
        assert work.due(NOON + PUBLISHED_BY - timedelta(seconds=1), 9) == []
        [row] = work.due(NOON + PUBLISHED_BY, 9)
        assert row[:-1] == ("event", EVENT, NOON + PUBLISHED_BY, "ann", True)
        EventTable(table).mark_published(EVENT)
        assert work.due(NOON + timedelta(days=1), 9) == []

    def test_a_delivery_waits_for_the_sweep_while_it_is_pending(self, table: StateTable) -> None:
        rows, work = DeliveryTable(table), OpenWorkTable(table)
        rows.add(a_delivery())
        assert [row[:-1] for row in work.due(NOON, 9)] == [("delivery", EVENT, NOON, "ann", True)]
        claimed = a_delivery().claim(NOON)
        rows.replace(a_delivery(), claimed)
        assert work.due(NOON, 9) == []
        later = claimed.answered(500, NOON, 0)
        rows.replace(claimed, later)
        due_at = NOON + timedelta(seconds=5)
        assert [row[:-1] for row in work.due(due_at, 9)] == [("delivery", EVENT, due_at, "ann", True)]
        claimed = later.claim(NOON)
        rows.replace(later, claimed)
        rows.replace(claimed, claimed.answered(200, NOON, 0))
        assert work.due(NOON + timedelta(days=9), 9) == []

    def test_a_thousand_messages_keep_no_money_waiting(self, table: StateTable) -> None:
        due = {**keys.due(NOON, keys.OPEN_MESSAGES), "owner": "mallory"}
        for start in range(0, 1200, 25):
            these = range(start, start + 25)
            items = [to_attributes({**keys.delivery(f"m{number}", "e1"), **due}) for number in these]
            table.client.batch_write_item(
                RequestItems={"state": [{"PutRequest": {"Item": i}} for i in items]}
            )
        table.transact(accepting(a_job(owner="bob"), 10**9, NO_LIMIT))
        DeliveryTable(table).add(a_delivery(owner="bob", next_attempt_at=NOON + timedelta(minutes=1)))
        rows = OpenWorkTable(table).due(NOON + timedelta(hours=1), MOST_LISTED)
        assert rows[0][:2] == ("job", "training-i1")
        assert [row.owner for row in in_turn(rows[1:])[:2]] == ["mallory", "bob"]
        assert OpenWorkTable(table).lease(rows[-1], NOON + timedelta(hours=2))
        assert rows[-1] not in OpenWorkTable(table).due(NOON + timedelta(hours=1), MOST_LISTED)

    def test_events_and_deliveries_expire_after_a_month(self, table: StateTable) -> None:
        table.transact([put_of(an_event())])
        rows = DeliveryTable(table)
        rows.add(a_delivery())
        rows.replace(a_delivery(), a_delivery().claim(NOON))
        items = table.rows()
        assert [int(item["expires_at"] - int(NOON.timestamp())) for item in items] == [MONTH_S, MONTH_S]

    def test_no_secret_is_in_a_row_that_the_index_shows(self, table: StateTable) -> None:
        table.transact([put_of(an_event())])
        EndpointTable(table).add(an_endpoint(), 5)
        DeliveryTable(table).add(a_delivery())
        shown = table.rows(IndexName="gsi1")
        assert len(shown) == 2
        assert SECRET not in str(shown)

    def test_several_endpoints_at_once_take_themselves_back(self, table: StateTable) -> None:
        """Both were written before either looked."""

        class Late(EndpointTable):
            def list(self, owner: str) -> Any:
                other = an_endpoint(endpoint_id="e2").model_dump(mode="json")
                table.put(pk="OWNER#ann", sk="ENDPOINT#e2", **other)
                return super().list(owner)

        with pytest.raises(Conflict):
            Late(table).add(an_endpoint(endpoint_id="e1"), 1)
        assert [endpoint.endpoint_id for endpoint in EndpointTable(table).list("ann")] == ["e2"]
