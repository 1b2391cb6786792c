import pytest

from character_identity.domain.errors import (
    InvalidRequest,
    ProviderError,
    ProviderNotConfigured,
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
    ServiceError,
)
from character_identity.domain.job import JobHandle
from character_identity.services.jobs.submission import submit_once
from tests.support.builders import DEADLINE, a_job
from tests.support.fakes import Clock, FakeLedger

HANDLE = JobHandle(provider_job_id="r1")


class Calls:
    def __init__(self, *outcomes: JobHandle | ServiceError) -> None:
        self.outcomes = list(outcomes)
        self.count = 0

    def __call__(self) -> JobHandle:
        self.count += 1
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, ServiceError):
            raise outcome
        return outcome


class Order:
    """One accepted job, and how often its call was made."""

    def __init__(self, *outcomes: JobHandle | ServiceError) -> None:
        self.clock = Clock()
        self.ledger = FakeLedger(a_job())
        self.calls = Calls(*outcomes)

    def submit(self) -> JobHandle:
        return submit_once(self.ledger, "training-i1", self.calls, self.clock, deadline_at=DEADLINE)

    @property
    def state(self) -> str:
        return self.ledger.rows["training-i1"].state


def test_a_repeated_submit_answers_with_the_first_ones_handle() -> None:
    order = Order(HANDLE)
    assert order.submit() == order.submit() == HANDLE
    assert (order.calls.count, order.state) == (1, "submitted")


def test_the_intent_is_there_before_the_call() -> None:
    ledger = FakeLedger(a_job())
    seen: list[str] = []

    def submit() -> JobHandle:
        seen.extend(row.state for row in ledger.rows.values())
        return HANDLE

    submit_once(ledger, "training-i1", submit, Clock(), deadline_at=DEADLINE)
    assert seen == ["intended"]


@pytest.mark.parametrize(
    "error", [ProviderUnavailable("fal", "down"), ProviderNotConfigured("no key"), InvalidRequest("bad link")]
)
def test_what_was_provably_not_accepted_may_be_tried_again(error: ServiceError) -> None:
    order = Order(error, HANDLE)
    with pytest.raises(type(error)):
        order.submit()
    assert order.state == "accepted"
    assert order.submit() == HANDLE


def test_a_provider_that_asks_for_time_is_not_called_before() -> None:
    order = Order(ProviderUnavailable("fal", "429", retry_after_s=90), HANDLE)
    for _ in range(2):
        with pytest.raises(ProviderUnavailable) as caught:
            order.submit()
        assert caught.value.retry_after_s == 90
    assert order.calls.count == 1
    order.clock.pass_by(seconds=90)
    assert order.submit() == HANDLE


@pytest.mark.parametrize(
    ("error", "state"),
    [(ProviderOutcomeUnknown("fal", "cut"), "unknown"), (ProviderRejected("fal", "no"), "rejected")],
)
def test_an_unknown_or_refused_submit_is_never_repeated(error: ProviderError, state: str) -> None:
    order = Order(error)
    for _ in range(2):
        with pytest.raises(type(error)):
            order.submit()
    assert (order.calls.count, order.state) == (1, state)


def test_an_attempt_that_died_between_call_and_record_is_not_repeated() -> None:
    order = Order(HANDLE)
    order.ledger.intend("training-i1", order.clock(), DEADLINE)
    with pytest.raises(ProviderOutcomeUnknown):
        order.submit()
    assert order.calls.count == 0


def test_a_handle_that_a_callback_brought_first_is_used() -> None:
    order = Order(JobHandle(provider_job_id="answered late"))
    order.ledger.intend("training-i1", order.clock(), DEADLINE)
    order.ledger.found("training-i1", HANDLE)
    assert order.submit() == HANDLE


def test_there_is_no_call_without_a_job() -> None:
    order = Order(HANDLE)
    with pytest.raises(LookupError):
        submit_once(order.ledger, "training-other", order.calls, order.clock, deadline_at=DEADLINE)
    assert order.calls.count == 0
