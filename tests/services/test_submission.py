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
from character_identity.services.submission import submit_once
from tests.builders import a_job
from tests.fakes import FakeLedger

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


def test_a_repeated_submit_answers_with_the_first_ones_handle() -> None:
    ledger, calls = FakeLedger(), Calls(HANDLE)
    assert submit_once(ledger, a_job(), calls) == submit_once(ledger, a_job(), calls) == HANDLE
    assert calls.count == 1


def test_the_intent_is_there_before_the_call() -> None:
    ledger = FakeLedger()
    seen: list[str] = []

    def submit() -> JobHandle:
        seen.extend(row.state for row in ledger.rows.values())
        return HANDLE

    submit_once(ledger, a_job(), submit)
    assert seen == ["intended"]


@pytest.mark.parametrize(
    "error", [ProviderUnavailable("fal", "down"), ProviderNotConfigured("no key"), InvalidRequest("bad link")]
)
def test_what_was_provably_not_accepted_may_be_tried_again(error: ServiceError) -> None:
    ledger, calls = FakeLedger(), Calls(error, HANDLE)
    with pytest.raises(type(error)):
        submit_once(ledger, a_job(), calls)
    assert submit_once(ledger, a_job(), calls) == HANDLE


@pytest.mark.parametrize("error", [ProviderOutcomeUnknown("fal", "cut"), ProviderRejected("fal", "no")])
def test_an_unknown_or_refused_submit_is_never_repeated(error: ProviderError) -> None:
    ledger, calls = FakeLedger(), Calls(error)
    for _ in range(2):
        with pytest.raises(type(error)):
            submit_once(ledger, a_job(), calls)
    assert calls.count == 1


def test_an_attempt_that_died_between_call_and_record_is_not_repeated() -> None:
    ledger, calls = FakeLedger(), Calls(HANDLE)
    ledger.intend(a_job())
    with pytest.raises(ProviderOutcomeUnknown):
        submit_once(ledger, a_job(), calls)
    assert calls.count == 0
