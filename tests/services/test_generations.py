from typing import Any

import pytest

from character_identity.domain.errors import BudgetExceeded, Conflict, InvalidRequest, NotFound
from character_identity.domain.job import LONGEST_WAIT
from character_identity.domain.page import Window
from character_identity.services.generations import GenerationService
from character_identity.services.orders import OrderService
from tests.support.builders import NOON, a_training_identity, an_identity
from tests.support.fakes import (
    FakeGenerations,
    FakeIdentities,
    FakeLedger,
    FakeProvider,
    FakeProviders,
    FakeWorkflows,
)


class Harness:
    def __init__(self) -> None:
        self.workflows = FakeWorkflows()
        self.ledger = FakeLedger()
        identities = FakeIdentities(
            an_identity(),
            a_training_identity(identity_id="training"),
            an_identity(identity_id="failed", status="failed"),
            an_identity(identity_id="bobs", owner="bob"),
        )
        self.generations = FakeGenerations(ledger=self.ledger, identities=identities)
        self.service = GenerationService(
            self.generations,
            identities,
            FakeProviders(FakeProvider()),
            OrderService(self.ledger, lambda: NOON, lambda: "secret"),
            self.workflows,
            lambda: NOON,
            lambda: "new",
            lambda: 4711,
        )

    def create(self, identity_id: str = "i1", **request: Any) -> Any:
        return self.service.create("ann", identity_id, {"prompt": "Sarah runs", **request})


def test_an_order_stands_though_its_machine_does_not_start() -> None:
    harness = Harness()
    harness.workflows.refuses = True
    generation = harness.create()
    assert harness.service.get("ann", "new") == generation
    assert "generation-new" in harness.ledger.due  # the sweep starts it


def test_an_order_is_stored_and_started() -> None:
    harness = Harness()
    generation = harness.create()
    (job,) = harness.workflows.started
    assert (job.job_id, job.subject_id, job.identity_id, job.owner) == (
        "generation-new",
        "new",
        "i1",
        "ann",
    )
    assert (job.callback_token, job.deadline_at) == ("secret", NOON + LONGEST_WAIT)
    assert harness.ledger.get("generation-new") == job
    assert harness.service.get("ann", "new") == generation
    assert (generation.prompt_used, generation.warnings) == ("PLAN Sarah runs", ["a warning"])


@pytest.mark.parametrize(("given", "seed"), [({}, 4711), ({"seed": 0}, 0)])
def test_a_seed_is_always_recorded(given: dict[str, Any], seed: int) -> None:
    assert Harness().create(**given).request.seed == seed


@pytest.mark.parametrize(
    ("identity_id", "error", "code"),
    [
        ("nobodys", NotFound, "unknown_identity"),
        ("bobs", NotFound, "unknown_identity"),
        ("training", Conflict, "identity_not_ready"),
        ("failed", Conflict, "identity_failed"),
    ],
)
def test_only_a_ready_identity_of_ones_own_draws(identity_id: str, error: type[Exception], code: str) -> None:
    harness = Harness()
    with pytest.raises(error) as caught:
        harness.create(identity_id)
    assert getattr(caught.value, "code", None) == code
    assert harness.workflows.started == []


def test_more_images_than_the_provider_draws_are_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        Harness().create(num_images=5)
    assert caught.value.code == "too_many_images"


def test_another_owners_generation_answers_like_an_unknown_one() -> None:
    harness = Harness()
    harness.create()
    for owner, generation_id in (("bob", "new"), ("ann", "other")):
        with pytest.raises(NotFound) as caught:
            harness.service.get(owner, generation_id)
        assert caught.value.code == "unknown_generation"


def test_an_order_beyond_the_budget_is_refused_and_nothing_is_stored() -> None:
    harness = Harness()
    harness.ledger.limits["ann"] = 500_000
    quote = harness.service.quote("ann", "i1", {"prompt": "Sarah runs", "num_images": 2})
    assert (quote.estimate_microusd, quote.reserved_microusd) == (200_000, 400_000)
    harness.create(num_images=2)
    assert harness.ledger.of("ann", "2026-11").reserved_microusd == 400_000
    with pytest.raises(BudgetExceeded):
        harness.service.create("ann", "i1", {"prompt": "Sarah runs", "num_images": 2}, "another")
    assert len(harness.workflows.started) == 1
    assert list(harness.generations.stored) == ["new"]


def test_an_owner_lists_the_generations_of_their_own_identity() -> None:
    harness = Harness()
    generation = harness.create()
    assert harness.service.list("ann", "i1", Window()).entries == [generation]
    with pytest.raises(NotFound):
        harness.service.list("bob", "i1", Window())
