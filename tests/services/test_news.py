"""Early wake-ups: whoever knows a job's secret may end a wait, and nothing else."""

from typing import Any

import pytest

from character_identity.domain.budget import settlement_of
from character_identity.domain.errors import NotFound
from character_identity.domain.job import JobHandle, ProviderJob
from character_identity.services.news import NewsService
from tests.builders import a_generation_job, a_job
from tests.fakes import FakeLedger, FakeProvider, FakeProviders, FakeWorkflows

HANDLE = JobHandle(provider_job_id="r1")


class World:
    """One job, and the machine that sees to it."""

    def __init__(self, **changes: Any) -> None:
        self.ledger = FakeLedger(a_job(**{"state": "submitted", "handle": HANDLE, **changes}))
        self.workflows = FakeWorkflows()
        providers = FakeProviders(FakeProvider("fal-lora"), FakeProvider("astria"))
        self.news = NewsService(self.ledger, self.workflows, providers)

    @property
    def job(self) -> ProviderJob:
        return self.ledger.rows["training-i1"]

    def arrived(
        self,
        job_id: str = "training-i1",
        token: str = "secret",
        named: str | None = None,
        vendor: Any = "fal",
    ) -> None:
        self.news.arrived(vendor, job_id, token, named)


def test_news_wakes_the_machine_that_waits() -> None:
    world = World()
    world.news.wait("training-i1", "task-1")
    assert world.workflows.woken == []
    world.arrived()
    assert world.workflows.woken == ["task-1"]


def test_news_that_comes_before_the_wait_ends_it_at_once() -> None:
    world = World()
    world.arrived()
    assert world.workflows.woken == []
    world.news.wait("training-i1", "task-1")
    assert world.workflows.woken == ["task-1"]


def test_news_is_old_once_somebody_has_looked() -> None:
    world = World()
    world.arrived()
    world.ledger.take_news("training-i1")
    world.news.wait("training-i1", "task-1")
    assert world.workflows.woken == []


def test_news_that_comes_while_somebody_looks_is_not_lost() -> None:
    world = World()
    world.ledger.take_news("training-i1")
    world.arrived()
    world.news.wait("training-i1", "task-2")
    assert world.workflows.woken == ["task-2"]


def test_the_machine_that_waits_last_is_woken() -> None:
    world = World()
    world.news.wait("training-i1", "task-1")
    world.news.wait("training-i1", "task-2")
    world.arrived()
    assert world.workflows.woken == ["task-2"]


def test_a_settled_job_wakes_nobody_and_is_found_all_the_same() -> None:
    """What was erased before its order was answered can so be deleted at the provider."""
    world = World(handle=None, state="unknown")
    world.news.wait("training-i1", "task-1")
    world.ledger.end(world.job, settlement_of(world.job))
    settled = world.job
    for _ in range(50):
        world.arrived(named="r9")
    assert world.workflows.woken == []
    assert world.job.handle is not None
    assert world.job.handle.provider_job_id == "r9"
    assert (world.job.money, world.job.cost_microusd) == (settled.money, settled.cost_microusd)


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
def test_who_does_not_know_the_secret_of_the_job_is_told_nothing(job_id: str, token: str) -> None:
    world = World(handle=None, state="unknown")
    other = a_generation_job(callback_token="other")
    world.ledger.rows[other.job_id] = other
    world.news.wait("training-i1", "task-1")
    before = dict(world.ledger.rows)
    with pytest.raises(NotFound) as caught:
        world.arrived(job_id, token, "r9")
    assert caught.value.code == "unknown_callback"
    assert (world.workflows.woken, world.ledger.rows) == ([], before)
    assert world.ledger.news == set()


@pytest.mark.parametrize(
    ("provider", "vendor"), [("fal-lora", "astria"), ("fal-instant", "astria"), ("astria", "fal")]
)
def test_a_job_is_called_back_at_its_own_providers_address_only(provider: str, vendor: str) -> None:
    """Or who knows a secret that fal was given could do without fal's signature."""
    world = World(provider=provider, handle=None, state="unknown")
    with pytest.raises(NotFound):
        world.arrived(named="7", vendor=vendor)
    assert world.job.handle is None


@pytest.mark.parametrize("state", ["intended", "unknown", "accepted"])
def test_news_says_how_to_find_a_job_whose_order_got_no_answer(state: str) -> None:
    """``accepted``: we took the order for refused, and who calls back has accepted it all the same."""
    world = World(handle=None, state=state)
    world.arrived(named="r9")
    assert (world.job.state, world.job.handle) == ("submitted", JobHandle(provider_job_id="r9"))
    assert not world.ledger.intend("training-i1", world.job.accepted_at), "it would be paid twice"


def test_astrias_jobs_are_found_in_the_same_way() -> None:
    world = World(provider="astria", handle=None, state="unknown")
    world.arrived(named="7", vendor="astria")
    assert world.job.handle == JobHandle(provider_job_id="7")


def test_a_job_that_is_known_stays_where_it_is_whatever_the_news_says() -> None:
    world = World()
    world.arrived(named="r9")
    assert world.job.handle == HANDLE


def test_an_order_that_was_refused_stays_refused() -> None:
    world = World(handle=None, state="rejected")
    world.arrived(named="r9")
    assert (world.job.state, world.job.handle) == ("rejected", None)


def test_news_without_an_id_wakes_all_the_same() -> None:
    world = World(handle=None, state="unknown")
    world.news.wait("training-i1", "task-1")
    world.arrived()
    assert (world.job.handle, world.workflows.woken) == (None, ["task-1"])
