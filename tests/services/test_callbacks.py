"""Early wake-ups: whoever knows a job's secret may end a wait, and nothing else."""

from typing import Any

import pytest

from character_identity.domain.budget import settlement_of
from character_identity.domain.errors import NotFound
from character_identity.domain.job import JobHandle, ProviderJob
from character_identity.services.jobs.callbacks import CallbackService
from tests.support.builders import DEADLINE, a_generation_job, a_job
from tests.support.fakes import FakeLedger, FakeProvider, FakeProviders, FakeWorkflows

HANDLE = JobHandle(provider_job_id="r1")


class Harness:
    """One job, and the machine that sees to it."""

    def __init__(self, **changes: Any) -> None:
        self.ledger = FakeLedger(a_job(**{"state": "submitted", "handle": HANDLE, **changes}))
        self.workflows = FakeWorkflows()
        providers = FakeProviders(FakeProvider("fal-lora"), FakeProvider("astria"))
        self.callbacks = CallbackService(self.ledger, self.workflows, providers)

    @property
    def job(self) -> ProviderJob:
        return self.ledger.rows["training-i1"]

    def receive(
        self,
        job_id: str = "training-i1",
        token: str = "secret",
        named: str | None = None,
        account: Any = "fal",
    ) -> None:
        self.callbacks.receive(account, job_id, token, named)


def test_callback_wakes_the_machine_that_waits() -> None:
    harness = Harness()
    harness.callbacks.wait("training-i1", "task-1")
    assert harness.workflows.woken == []
    harness.receive()
    assert harness.workflows.woken == ["task-1"]


def test_callback_that_comes_before_the_wait_ends_it_at_once() -> None:
    harness = Harness()
    harness.receive()
    assert harness.workflows.woken == []
    harness.callbacks.wait("training-i1", "task-1")
    assert harness.workflows.woken == ["task-1"]


def test_callback_is_old_once_somebody_has_looked() -> None:
    harness = Harness()
    harness.receive()
    harness.ledger.consume_callback("training-i1")
    harness.callbacks.wait("training-i1", "task-1")
    assert harness.workflows.woken == []


def test_callback_that_comes_while_somebody_looks_is_not_lost() -> None:
    harness = Harness()
    harness.ledger.consume_callback("training-i1")
    harness.receive()
    harness.callbacks.wait("training-i1", "task-2")
    assert harness.workflows.woken == ["task-2"]


def test_the_machine_that_waits_last_is_woken() -> None:
    harness = Harness()
    harness.callbacks.wait("training-i1", "task-1")
    harness.callbacks.wait("training-i1", "task-2")
    harness.receive()
    assert harness.workflows.woken == ["task-2"]


def test_a_settled_job_wakes_nobody_and_is_found_all_the_same() -> None:
    """What was erased before its order was answered can so be deleted at the provider."""
    harness = Harness(handle=None, state="unknown")
    harness.callbacks.wait("training-i1", "task-1")
    harness.ledger.settle(harness.job, settlement_of(harness.job))
    settled = harness.job
    for _ in range(50):
        harness.receive(named="r9")
    assert harness.workflows.woken == []
    assert harness.job.handle is not None
    assert harness.job.handle.provider_job_id == "r9"
    assert (harness.job.money, harness.job.cost_microusd) == (settled.money, settled.cost_microusd)


@pytest.mark.parametrize(
    ("job_id", "token"),
    [
        ("training-i1", "guess"),
        ("training-i1", "Secret"),
        ("training-i1", "secret "),
        ("training-i1", ""),
        ("training-i1", "ge\u0301heim"),
        ("training-i1", "\ud800"),
        ("training-i2", "secret"),
        ("generation-g1", "secret"),
        ("", "secret"),
        ("x" * 5000, "secret"),
        ("\ud800", "secret"),
    ],
)
def test_who_does_not_know_the_secret_of_the_job_learns_nothing(job_id: str, token: str) -> None:
    harness = Harness(handle=None, state="unknown")
    other = a_generation_job(callback_token="other")
    harness.ledger.rows[other.job_id] = other
    harness.callbacks.wait("training-i1", "task-1")
    before = dict(harness.ledger.rows)
    with pytest.raises(NotFound) as caught:
        harness.receive(job_id, token, "r9")
    assert caught.value.code == "unknown_callback"
    assert (harness.workflows.woken, harness.ledger.rows) == ([], before)
    assert harness.ledger.pending == set()


@pytest.mark.parametrize(
    ("provider", "account"), [("fal-lora", "astria"), ("fal-instant", "astria"), ("astria", "fal")]
)
def test_a_job_is_called_back_at_its_own_providers_address_only(provider: str, account: str) -> None:
    """Or who knows a secret that fal was given could do without fal's signature."""
    harness = Harness(provider=provider, handle=None, state="unknown")
    with pytest.raises(NotFound):
        harness.receive(named="7", account=account)
    assert harness.job.handle is None


@pytest.mark.parametrize("state", ["intended", "unknown", "accepted"])
def test_callback_says_how_to_find_a_job_whose_order_got_no_answer(state: str) -> None:
    """``accepted``: we took the order for refused, and who calls back has accepted it all the same."""
    harness = Harness(handle=None, state=state)
    harness.receive(named="r9")
    assert (harness.job.state, harness.job.handle) == ("submitted", JobHandle(provider_job_id="r9"))
    assert not harness.ledger.intend("training-i1", harness.job.accepted_at, DEADLINE), (
        "it would be paid twice"
    )


def test_astrias_jobs_are_found_in_the_same_way() -> None:
    harness = Harness(provider="astria", handle=None, state="unknown")
    harness.receive(named="7", account="astria")
    assert harness.job.handle == JobHandle(provider_job_id="7")


def test_a_job_that_is_known_stays_where_it_is_whatever_the_callback_says() -> None:
    harness = Harness()
    harness.receive(named="r9")
    assert harness.job.handle == HANDLE


def test_an_order_that_was_refused_stays_refused() -> None:
    harness = Harness(handle=None, state="rejected")
    harness.receive(named="r9")
    assert (harness.job.state, harness.job.handle) == ("rejected", None)


def test_callback_without_an_id_wakes_all_the_same() -> None:
    harness = Harness(handle=None, state="unknown")
    harness.callbacks.wait("training-i1", "task-1")
    harness.receive()
    assert (harness.job.handle, harness.workflows.woken) == (None, ["task-1"])
