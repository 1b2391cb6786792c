"""Every event reaches every endpoint, whatever breaks on the way, and is sent once where nothing does."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from character_identity.domain.errors import InvalidRequest, ProviderUnavailable
from character_identity.domain.webhook import ATTEMPT_TAKES_AT_MOST, RETRY_AFTER, signed_headers
from character_identity.services.webhooks.deliveries import DeliveryService
from tests.support.event_fakes import (
    SECRET,
    FakeAttempts,
    FakeDeliveries,
    FakeEndpoints,
    FakeEvents,
    FakeReceivers,
    a_delivery,
    an_endpoint,
    an_event,
)
from tests.support.fakes import Clock

EVENT = an_event().event_id
BODY = an_event().message


class Interrupted(BaseException):
    """The process was ended."""


class Interrupting:
    """Lets calls of a port through, and ends the process before or after the one whose turn it is."""

    def __init__(self, port: Any, turn: "Turn") -> None:
        self._port = port
        self._turn = turn

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._port, name)

        def call(*arguments: Any) -> Any:
            self._turn.pass_by()
            answer = method(*arguments)
            self._turn.pass_by()
            return answer

        return call


class Turn:
    """Counts the moments before and after every call; the process is ended at one of them, or never."""

    def __init__(self, ends_at: int | None = None) -> None:
        self.ends_at = ends_at
        self.moments = 0

    def pass_by(self) -> None:
        self.moments += 1
        if self.moments == self.ends_at:
            raise Interrupted


class Harness:
    def __init__(self, *answers: int | Exception, endpoints: int = 1) -> None:
        self.clock = Clock()
        self.events = FakeEvents(an_event())
        self.endpoints = FakeEndpoints(
            *(
                an_endpoint(endpoint_id=f"e{number}", url=f"https://ann.test/{number}")
                for number in range(1, endpoints + 1)
            )
        )
        self.deliveries, self.attempts = FakeDeliveries(), FakeAttempts()
        self.receivers = FakeReceivers(*answers)
        self.service = self.build()

    def build(self, turn: Turn | None = None) -> DeliveryService:
        def watched(port: Any) -> Any:
            return port if turn is None else Interrupting(port, turn)

        return DeliveryService(
            events=watched(self.events),
            endpoints=watched(self.endpoints),
            deliveries=watched(self.deliveries),
            attempts=watched(self.attempts),
            sender=watched(self.receivers),
            now=self.clock,
            jitter=lambda: 0.0,
        )

    def sweep(self) -> None:
        """Attempt the deliveries that are due, as a sweep does."""
        for delivery in list(self.deliveries.stored.values()):
            if delivery.is_due(self.clock()):
                self.service.attempt(delivery.event_id, delivery.endpoint_id)

    @property
    def states(self) -> list[str]:
        return [delivery.state for delivery in self.deliveries.of_event(EVENT)]


def test_an_event_is_posted_to_every_endpoint_once() -> None:
    harness = Harness(endpoints=3)
    for _ in range(2):
        harness.service.deliver(EVENT)
    assert sorted(posted.url for posted in harness.receivers.posted) == [
        "https://ann.test/1",
        "https://ann.test/2",
        "https://ann.test/3",
    ]
    assert harness.states == ["delivered"] * 3


def test_what_is_posted_is_signed_json_of_the_event() -> None:
    harness = Harness()
    harness.clock.pass_by(seconds=90)
    harness.service.deliver(EVENT)
    (posted,) = harness.receivers.posted
    assert json.loads(posted.body) == BODY
    assert posted.headers["content-type"] == "application/json"
    expected = signed_headers(SECRET, EVENT, harness.clock(), posted.body)
    assert {name: posted.headers[name] for name in expected} == expected


def test_a_retry_has_the_same_id_and_body_and_the_time_of_the_attempt() -> None:
    harness = Harness(500)
    harness.service.deliver(EVENT)
    harness.clock.pass_by(seconds=5)
    harness.sweep()
    first, second = harness.receivers.posted
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == EVENT
    assert first.body == second.body
    stamps = [int(posted.headers["webhook-timestamp"]) for posted in (first, second)]
    assert stamps[1] - stamps[0] == 5
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert harness.states == ["delivered"]


def test_one_endpoint_that_fails_does_not_keep_the_others_from_it() -> None:
    harness = Harness(ProviderUnavailable("media host", "no answer"), endpoints=2)
    harness.service.deliver(EVENT)
    assert harness.states == ["pending", "delivered"]
    assert harness.deliveries.of_event(EVENT)[0].last_error == "no_answer"


def test_an_address_that_is_not_public_any_more_is_tried_again_later() -> None:
    harness = Harness(InvalidRequest("not public", code="forbidden_host"))
    harness.service.deliver(EVENT)
    (delivery,) = harness.deliveries.of_event(EVENT)
    assert (delivery.state, delivery.last_error) == ("pending", "forbidden_host")
    harness.clock.pass_by(seconds=5)
    harness.sweep()
    assert harness.states == ["delivered"]


def test_nothing_is_sent_before_it_is_due() -> None:
    harness = Harness(503)
    harness.service.deliver(EVENT)
    harness.clock.pass_by(seconds=4)
    harness.service.attempt(EVENT, "e1")
    harness.service.deliver(EVENT)
    assert len(harness.receivers.posted) == 1


def test_a_receiver_that_never_answers_is_given_up_after_ten_attempts() -> None:
    harness = Harness(*[500] * 99)
    harness.service.deliver(EVENT)
    for delay in RETRY_AFTER:
        harness.clock.pass_by(seconds=delay.total_seconds())
        harness.sweep()
    harness.clock.pass_by(days=30)
    harness.sweep()
    assert len(harness.receivers.posted) == 10
    assert harness.states == ["given_up"]


def test_a_receiver_that_wants_no_more_is_left_alone() -> None:
    harness = Harness(410)
    harness.service.deliver(EVENT)
    assert harness.states == ["given_up"]
    (endpoint,) = harness.endpoints.list("ann")
    assert endpoint.disabled_at == harness.clock()
    harness.events.add(an_event(identity_id="i2"))
    harness.service.deliver(an_event(identity_id="i2").event_id)
    assert len(harness.receivers.posted) == 1


def test_events_from_before_the_registration_are_not_delivered() -> None:
    harness = Harness()
    harness.events.add(an_event(settled_at=harness.clock() - timedelta(seconds=1)))
    harness.service.deliver(EVENT)
    assert (harness.receivers.posted, harness.states) == ([], [])


def test_another_owners_endpoint_hears_nothing() -> None:
    harness = Harness()
    harness.endpoints.add(an_endpoint(owner="bob", endpoint_id="bobs"), 5)
    harness.service.deliver(EVENT)
    assert [delivery.endpoint_id for delivery in harness.deliveries.of_event(EVENT)] == ["e1"]


def test_an_endpoint_that_was_removed_hears_nothing_more() -> None:
    harness = Harness(500)
    harness.service.deliver(EVENT)
    harness.endpoints.remove("ann", "e1")
    harness.clock.pass_by(seconds=5)
    harness.sweep()
    (delivery,) = harness.deliveries.of_event(EVENT)
    assert (delivery.state, delivery.last_error) == ("given_up", "endpoint_removed")
    assert len(harness.receivers.posted) == 1


def test_a_delivery_whose_event_expired_ends() -> None:
    harness = Harness(500)
    harness.service.deliver(EVENT)
    harness.events.stored.clear()
    harness.clock.pass_by(seconds=5)
    harness.sweep()
    assert harness.states == ["given_up"]


def test_an_unknown_event_is_no_error() -> None:
    harness = Harness()
    harness.service.deliver("evt_gone")
    harness.service.attempt("evt_gone", "e1")
    assert harness.receivers.posted == []


def test_two_runs_at_once_send_once() -> None:
    harness = Harness(endpoints=2)
    harness.receivers.meanwhile = lambda: harness.service.deliver(EVENT)
    harness.service.deliver(EVENT)
    assert len(harness.receivers.posted) == 2
    assert harness.states == ["delivered"] * 2


def test_of_two_runs_that_saw_the_same_one_sends() -> None:
    """Both read that it is due before either claims it."""
    harness = Harness()
    found = harness.deliveries.find

    def find(event_id: str, endpoint_id: str) -> Any:
        delivery = found(event_id, endpoint_id)
        if len(harness.receivers.posted) == 0 and delivery is not None and delivery.attempts == 0:
            harness.deliveries.find = found  # type: ignore[method-assign]
            harness.service.attempt(event_id, endpoint_id)
        return delivery

    harness.deliveries.add(a_delivery())
    harness.deliveries.find = find  # type: ignore[method-assign]
    harness.service.attempt(EVENT, "e1")
    assert len(harness.receivers.posted) == 1


@pytest.mark.parametrize(
    ("meanwhile", "states"),
    [(timedelta(seconds=1), ["delivered"]), (ATTEMPT_TAKES_AT_MOST, ["pending"])],
    ids=["under way", "interrupted"],
)
def test_only_an_attempt_that_should_have_ended_is_started_again(
    meanwhile: timedelta, states: list[str]
) -> None:
    harness = Harness(200)

    def restart() -> None:
        harness.deliveries.restart(a_delivery(next_attempt_at=harness.clock() + meanwhile))

    harness.receivers.meanwhile = restart
    harness.service.deliver(EVENT)
    assert harness.states == states


def test_a_receiver_that_fails_for_days_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    harness = Harness(*[500] * 99)
    for number in range(4):
        event = an_event(identity_id=f"i{number}")
        harness.events.add(event)
        harness.service.deliver(event.event_id)
    for delay in RETRY_AFTER:
        (endpoint,) = harness.endpoints.list("ann")
        assert endpoint.disabled_at is None, "each event has its three days"
        harness.clock.pass_by(seconds=delay.total_seconds())
        harness.sweep()
    (endpoint,) = harness.endpoints.list("ann")
    assert (endpoint.disabled_reason, endpoint.disabled_at) == ("failing", harness.clock())
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        "a webhook was disabled"
    ]
    harness.clock.pass_by(days=1)
    posted = len(harness.receivers.posted)
    harness.sweep()
    assert len(harness.receivers.posted) == posted


def test_one_success_begins_the_count_anew() -> None:
    harness = Harness(*[500] * 9, 204, *[500] * 9)
    for number in range(19):
        event = an_event(identity_id=f"i{number}")
        harness.events.add(event)
        harness.service.deliver(event.event_id)
        harness.clock.pass_by(hours=20)
    (endpoint,) = harness.endpoints.list("ann")
    assert (endpoint.failures, endpoint.disabled_at) == (9, None)


def _moments(*answers: int) -> int:
    turn = Turn()
    Harness(*answers, endpoints=2).build(turn).deliver(EVENT)
    return turn.moments


@pytest.mark.parametrize("answer", [200, 500, 410])
def test_a_process_that_ends_at_any_moment_loses_nothing(answer: int) -> None:
    """Before and after every call of every port; then the bus delivers again, and the sweep comes by."""
    moments = _moments(answer, answer)
    assert moments > 20
    for moment in range(1, moments + 1):
        harness = Harness(answer, answer, endpoints=2)
        with pytest.raises(Interrupted):
            harness.build(Turn(ends_at=moment)).deliver(EVENT)
        harness.service.deliver(EVENT)
        for _ in range(3):
            harness.clock.pass_by(seconds=ATTEMPT_TAKES_AT_MOST.total_seconds())
            harness.sweep()
        sent = [posted.url for posted in harness.receivers.posted]
        assert {"https://ann.test/1", "https://ann.test/2"} == set(sent), moment
        assert "pending" not in harness.states, moment
        if answer == 200:
            assert len(sent) <= 3, "only the one that was cut off may be sent again"


def test_a_process_that_ends_at_every_attempt_does_not_go_on_for_ever() -> None:
    harness = Harness()

    def end() -> None:
        raise Interrupted

    harness.receivers.meanwhile = end
    harness.deliveries.add(a_delivery())
    for _ in range(20):
        try:
            harness.sweep()
        except Interrupted:
            harness.clock.pass_by(seconds=ATTEMPT_TAKES_AT_MOST.total_seconds())
    assert len(harness.receivers.posted) == 10
    (delivery,) = harness.deliveries.of_event(EVENT)
    assert (delivery.state, delivery.last_error) == ("given_up", "interrupted")
