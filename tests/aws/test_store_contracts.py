"""Each store and its fake through the same cases, so that the fakes cannot drift."""

from datetime import timedelta
from typing import Any

import pytest

from character_identity.aws.earlier_calls_table import EarlierCallTable
from character_identity.aws.generation_table import GenerationTable
from character_identity.aws.identity_table import IdentityTable
from character_identity.aws.ledger_table import LedgerTable
from character_identity.aws.trained_weights_table import TrainedWeightsTable
from character_identity.domain.errors import Conflict, NotFound
from character_identity.domain.failure import Failure
from character_identity.domain.job import JobHandle
from character_identity.ports import (
    EarlierCall,
    EarlierCalls,
    Generations,
    Identities,
    Ledger,
    TrainedWeights,
)
from tests.builders import NOON, a_generation, a_job, a_training_identity, an_identity, some_weights
from tests.fakes import (
    FakeEarlierCalls,
    FakeGenerations,
    FakeIdentities,
    FakeLedger,
    FakeTrainedWeights,
    produced,
)


@pytest.fixture(params=["fake", "table"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def identities(kind: str, table: Any) -> Identities:
    return FakeIdentities() if kind == "fake" else IdentityTable(table)


@pytest.fixture
def generations(kind: str, table: Any) -> Generations:
    return FakeGenerations() if kind == "fake" else GenerationTable(table)


@pytest.fixture
def earlier_calls(kind: str, table: Any) -> EarlierCalls:
    return FakeEarlierCalls() if kind == "fake" else EarlierCallTable(table)


@pytest.fixture
def trained_weights(kind: str, table: Any) -> TrainedWeights:
    return FakeTrainedWeights() if kind == "fake" else TrainedWeightsTable(table)


@pytest.fixture
def ledger(kind: str, table: Any) -> Ledger:
    return FakeLedger() if kind == "fake" else LedgerTable(table)


class TestIdentities:
    def test_what_was_added_is_got(self, identities: Identities) -> None:
        identity = an_identity(cost_usd=2.1, error=Failure(code="c", message="m"), weights=some_weights())
        identities.add(identity)
        assert identities.get("i1") == identity

    def test_an_id_is_taken_once(self, identities: Identities) -> None:
        identities.add(an_identity())
        with pytest.raises(Conflict):
            identities.add(an_identity(name="Other"))
        assert identities.get("i1").name == "Sarah"

    def test_an_unknown_id(self, identities: Identities) -> None:
        with pytest.raises(NotFound) as caught:
            identities.get("nobodys")
        assert caught.value.code == "unknown_identity"

    def test_an_owner_lists_their_own_newest_first(self, identities: Identities) -> None:
        for number, owner in enumerate(["ann", "bob", "ann"]):
            created_at = NOON + timedelta(minutes=number)
            identities.add(an_identity(identity_id=f"i{number}", owner=owner, created_at=created_at))
        assert [identity.identity_id for identity in identities.list("ann")] == ["i2", "i0"]

    def test_a_training_advances(self, identities: Identities) -> None:
        identities.add(a_training_identity())
        identities.advance("i1", "training", 40, cost_usd=2.0, weights=some_weights().model_dump())
        identity = identities.get("i1")
        assert (identity.phase, identity.progress, identity.cost_usd) == ("training", 40, 2.0)
        assert identity.weights == some_weights()

    def test_progress_never_goes_back_but_facts_are_kept(self, identities: Identities) -> None:
        identities.add(a_training_identity(progress=50, phase="training"))
        identities.advance("i1", "queued", 15, provider_model_id="7")
        identities.advance("i1", "queued", 15)
        identity = identities.get("i1")
        assert (identity.phase, identity.progress, identity.provider_model_id) == ("training", 50, "7")

    def test_an_outcome_is_written_once(self, identities: Identities) -> None:
        identities.add(a_training_identity(progress=50))
        ready = an_identity(settled_at=NOON)
        assert identities.settle(ready).status == "ready"
        late = an_identity(status="failed", phase="failed", error=Failure(code="c", message="late"))
        assert identities.settle(late).status == "ready"
        identities.advance("i1", "training", 99, cost_usd=7.0)
        assert identities.get("i1") == ready


class TestGenerations:
    def test_what_was_added_is_got(self, generations: Generations) -> None:
        generation = a_generation(cost_usd=0.1, warnings=["w"], produced=list(produced("a")))
        generations.add(generation)
        assert generations.get("g1") == generation

    def test_an_id_is_taken_once(self, generations: Generations) -> None:
        generations.add(a_generation())
        with pytest.raises(Conflict):
            generations.add(a_generation())

    def test_an_unknown_id(self, generations: Generations) -> None:
        with pytest.raises(NotFound) as caught:
            generations.get("g1")
        assert caught.value.code == "unknown_generation"

    def test_a_settled_one_never_changes(self, generations: Generations) -> None:
        generations.add(a_generation())
        assert generations.save(a_generation(status="running")).status == "running"
        assert generations.save(a_generation(status="succeeded")).status == "succeeded"
        assert generations.save(a_generation(status="failed")).status == "succeeded"
        assert generations.get("g1").status == "succeeded"

    def test_an_unknown_one_is_not_made_by_saving(self, generations: Generations) -> None:
        with pytest.raises(NotFound):
            generations.save(a_generation())


class TestLedger:
    def test_the_first_intent_wins(self, ledger: Ledger) -> None:
        assert ledger.intend(a_job(estimate_usd=2.0)) is None
        assert ledger.intend(a_job(estimate_usd=9.0)) == a_job(estimate_usd=2.0)

    def test_a_submitted_job_keeps_its_handle(self, ledger: Ledger) -> None:
        handle = JobHandle(provider_job_id="r1", status_url="https://q/s", result_url="https://q/r")
        ledger.intend(a_job())
        ledger.submitted("training-i1", handle)
        assert ledger.get("training-i1") == a_job(state="submitted", handle=handle)

    def test_an_intent_that_was_taken_back_is_gone(self, ledger: Ledger) -> None:
        ledger.intend(a_job())
        ledger.forget("training-i1")
        assert ledger.get("training-i1") is None

    def test_an_intent_ends_rejected_or_unknown(self, ledger: Ledger) -> None:
        ledger.intend(a_job())
        ledger.close("training-i1", "unknown")
        assert ledger.intend(a_job()) == a_job(state="unknown")

    def test_an_unknown_job(self, ledger: Ledger) -> None:
        assert ledger.get("training-i1") is None


class TestEarlierCalls:
    FIRST = EarlierCall("t1", NOON)
    SECOND = EarlierCall("t2", NOON + timedelta(minutes=1))

    def test_the_first_claim_wins(self, earlier_calls: EarlierCalls) -> None:
        assert earlier_calls.find("d") is None
        assert earlier_calls.claim("d", self.FIRST, None) == self.FIRST
        assert earlier_calls.claim("d", self.SECOND, None) == self.FIRST
        assert earlier_calls.find("d") == self.FIRST

    def test_a_call_is_replaced_once(self, earlier_calls: EarlierCalls) -> None:
        earlier_calls.claim("d", self.FIRST, None)
        assert earlier_calls.claim("d", self.SECOND, self.FIRST) == self.SECOND
        assert earlier_calls.claim("d", EarlierCall("t3", NOON), self.FIRST) == self.SECOND

    def test_only_the_call_that_led_to_nothing_is_released(self, earlier_calls: EarlierCalls) -> None:
        earlier_calls.claim("d", self.FIRST, None)
        earlier_calls.release("d", self.SECOND)
        assert earlier_calls.find("d") == self.FIRST
        earlier_calls.release("d", self.FIRST)
        assert earlier_calls.find("d") is None

    def test_an_outcome_is_told_by_target(self, earlier_calls: EarlierCalls) -> None:
        earlier_calls.answer("t1")
        assert (earlier_calls.was_answered("t1"), earlier_calls.was_answered("t2")) == (True, False)


class TestTrainedWeights:
    def test_weights_are_found_by_their_owner_only(self, trained_weights: TrainedWeights) -> None:
        trained_weights.remember("ann", "m", "i1")
        assert trained_weights.find("ann", "m") == "i1"
        assert trained_weights.find("bob", "m") is None
        assert trained_weights.find("ann", "n") is None
