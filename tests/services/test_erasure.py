from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from character_identity.domain.budget import settlement_of
from character_identity.domain.erasure import LAST_PURGE, ErasureReceipt, Removed
from character_identity.domain.errors import NotFound, ProviderRejected, ProviderUnavailable
from character_identity.domain.event import event_id_of
from character_identity.domain.job import JobHandle, ProviderJob, job_id_of
from character_identity.domain.object_keys import uploads_of
from character_identity.services.erasure import AT_PROVIDERS_FOR, MOST_AT_ONCE, ErasureService
from character_identity.services.jobs.callbacks import CallbackService
from tests.support.builders import (
    DEADLINE,
    NO_LIMIT,
    NOON,
    a_generation,
    a_generation_job,
    a_job,
    a_training_identity,
    an_identity,
)
from tests.support.erasure_fakes import FakeErasures
from tests.support.evaluation_fakes import no_evaluations
from tests.support.event_fakes import FakeEvents
from tests.support.fakes import (
    Clock,
    FakeBucket,
    FakeGenerations,
    FakeIdentities,
    FakeLedger,
    FakeProvider,
    FakeProviders,
    FakeTrainedWeights,
    FakeWorkflows,
    event_service,
)
from tests.support.scoring_fakes import FakeScores

OTHERS = ("references/i2/0001.jpg", "weights/i10/lora.safetensors", "generations/i2/g9/01.jpg")


class Provider(FakeProvider):
    """Refuses or takes its time where the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.on_erase: Callable[[], None] = lambda: None

    def erase(self, handle: JobHandle) -> bool:
        self.on_erase()
        return super().erase(handle)


class Harness:
    """Ann's ready Sarah, trained by a job that is settled, and others' things."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.ledger, self.events = FakeLedger(), FakeEvents()
        self.identities = FakeIdentities(an_identity(), ledger=self.ledger, events=self.events)
        self.generations = FakeGenerations(ledger=self.ledger, events=self.events, identities=self.identities)
        self.scores, self.trained_weights = FakeScores(), FakeTrainedWeights()
        self.erasures = FakeErasures(self.identities, self.generations, self.scores, self.trained_weights)
        self.bucket, self.provider, self.workflows = FakeBucket(), Provider(), FakeWorkflows()
        self.bucket.objects = dict.fromkeys(OTHERS, b"others'")
        providers = FakeProviders(self.provider)
        self.service = ErasureService(
            self.identities,
            self.generations,
            self.erasures,
            self.ledger,
            self.bucket,
            providers,
            CallbackService(self.ledger, self.workflows, providers),
            event_service(self.events, self.clock),
            no_evaluations(self.ledger, self.bucket, self.workflows),
            self.clock,
        )

    def ordered(self, job: ProviderJob, *, handle: str | None = None, ended: bool = True) -> None:
        """A job, which the provider may have taken and which may be settled."""
        self.ledger.accept(job, self.ledger.default_limit_microusd, NO_LIMIT)
        if handle is not None:
            self.ledger.intend(job.job_id, NOON, DEADLINE)
            self.ledger.submitted(job.job_id, JobHandle(provider_job_id=handle))
        if ended:
            self.end(job.job_id)

    def end(self, job_id: str) -> None:
        """Settle a job's money, as its machine does."""
        job = self.ledger.rows[job_id]
        self.ledger.settle(job, settlement_of(job))

    def generated(self, number: int, **more: Any) -> None:
        """A generation with a picture and a job."""
        subject = f"g{number}"
        self.generations.stored[subject] = a_generation(generation_id=subject)
        self.bucket.objects[f"generations/i1/{subject}/01.jpg"] = b"picture"
        job = a_generation_job(
            job_id=job_id_of("generation", subject), subject_id=subject, reserved_microusd=1000
        )
        self.ordered(job, **more)

    def erase(self) -> ErasureReceipt:
        return self.service.erase("ann", "i1")

    def purge(self) -> ErasureReceipt:
        """Purge when it is due."""
        self.clock.time = self.erasures.due["i1"]
        self.service.purge("i1")
        return self.erase()


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_all_that_was_made_of_an_identity_goes_and_nothing_else(harness: Harness) -> None:
    harness.ordered(a_job(), handle="t1")
    harness.generated(1, handle="p1")
    harness.bucket.objects |= {"references/i1/0001.jpg": b"", "references/i1/0002.jpg": b""}
    harness.bucket.objects |= {"weights/i1/lora.safetensors": b""}
    harness.trained_weights.remember("ann", "digest", "i1")
    harness.trained_weights.remember("ann", "other", "i2")

    receipt = harness.erase()

    assert sorted(harness.bucket.objects) == sorted(OTHERS)
    assert (harness.generations.stored, harness.trained_weights.known) == ({}, {("ann", "other"): "i2"})
    assert [handle.provider_job_id for handle in harness.provider.erased] == ["t1", "p1"]
    assert harness.provider.cancelled == [], "both had ended"
    assert receipt.removed == Removed(references=2, weights=1, images=1, generations=1, provider_objects=2)
    assert (receipt.complete, receipt.erased_at, receipt.owner) == (True, NOON, "ann")


def test_the_receipt_names_what_stays_and_until_when(harness: Harness) -> None:
    harness.provider.keeps = "It deletes nothing."
    harness.ordered(a_job(), handle="t1")
    remaining = {retained.where: retained for retained in harness.erase().remaining}
    assert remaining.keys() == {"events", "logs", "state machines", "backups", "ledger", "fal-lora"}
    assert remaining["logs"].until == NOON + timedelta(days=33)
    assert (remaining["ledger"].until, remaining["fal-lora"].why) == (None, "It deletes nothing.")


def test_nothing_is_said_of_a_provider_that_was_never_asked(harness: Harness) -> None:
    harness.provider.training = None
    harness.provider.keeps = "It deletes nothing."
    assert {"fal-lora", "ledger"}.isdisjoint(retained.where for retained in harness.erase().remaining)


@pytest.mark.parametrize(("owner", "named"), [("ann", True), ("bob", False)])
def test_uploads_are_named_where_their_owner_has_some(harness: Harness, owner: str, named: bool) -> None:
    harness.bucket.write(f"{uploads_of(owner)}a.jpg", b"", "image/jpeg")
    uploads = [retained for retained in harness.erase().remaining if retained.where == "uploads"]
    assert bool(uploads) is named
    assert f"{uploads_of(owner)}a.jpg" in harness.bucket.objects


@pytest.mark.parametrize("identity_id", ["bobs", "nobodys"])
def test_anothers_identity_and_an_unknown_one_answer_alike(harness: Harness, identity_id: str) -> None:
    harness.identities.add(an_identity(identity_id="bobs", owner="bob"))
    with pytest.raises(NotFound) as caught:
        harness.service.erase("ann", identity_id)
    assert caught.value.code == "unknown_identity"
    assert harness.identities.get("bobs").owner == "bob"


def test_anothers_receipt_answers_like_an_unknown_identity(harness: Harness) -> None:
    harness.erase()
    with pytest.raises(NotFound) as caught:
        harness.service.erase("bob", "i1")
    assert caught.value.code == "unknown_identity"


def test_erasing_again_answers_the_same_receipt(harness: Harness) -> None:
    first = harness.erase()
    harness.clock.pass_by(hours=5)
    assert harness.erase() == first
    assert harness.provider.erased == []


def test_it_is_published_once(harness: Harness) -> None:
    harness.erase()
    event_id = event_id_of("IdentityErased", "i1")
    assert harness.events.stored[event_id].data == {"characterId": "i1", "status": "erased"}
    assert event_id not in harness.events.open


class TestWhileAJobIsUnderWay:
    @pytest.fixture
    def harness(self, harness: Harness) -> Harness:
        """Sarah trains, and her machine waits for a callback."""
        harness.identities.stored["i1"] = a_training_identity()
        harness.ordered(a_job(), handle="t1", ended=False)
        harness.ledger.register_waiter("training-i1", "token")
        return harness

    def test_its_machine_is_woken_and_the_job_stopped(self, harness: Harness) -> None:
        receipt = harness.erase()
        assert harness.workflows.woken == ["token"]
        assert [handle.provider_job_id for handle in harness.provider.cancelled] == ["t1"]
        assert not receipt.complete
        assert receipt.remaining[0].where == "fal-lora"

    def test_it_is_complete_when_the_job_has_ended(self, harness: Harness) -> None:
        harness.erase()
        harness.bucket.write("weights/i1/lora.safetensors", b"late", "")
        harness.end("training-i1")
        receipt = harness.purge()
        assert receipt.complete
        assert (receipt.removed.weights, receipt.removed.provider_objects) == (1, 1)
        assert receipt.erased_at == NOON

    def test_what_comes_at_the_very_end_goes_with_the_last_purge(self, harness: Harness) -> None:
        harness.erase()
        harness.end("training-i1")
        harness.purge()
        harness.bucket.write("weights/i1/lora.safetensors", b"late", "")
        assert harness.purge().removed.weights == 1
        assert harness.clock() == NOON + LAST_PURGE
        assert harness.erasures.due == {}
        assert sorted(harness.bucket.objects) == sorted(OTHERS)

    def test_a_job_whose_answer_was_lost_is_waited_for_and_then_reported(self, harness: Harness) -> None:
        row = harness.ledger.rows["training-i1"]
        harness.ledger.rows["training-i1"] = row.model_copy(update={"state": "unknown", "handle": None})
        harness.erase()
        harness.end("training-i1")
        while harness.erasures.due:
            receipt = harness.purge()
            assert receipt.complete is (harness.clock() >= NOON + LAST_PURGE)
        named = [retained for retained in receipt.remaining if retained.what == "training i1"]
        assert [retained.where for retained in named] == ["fal-lora"]
        assert harness.provider.erased == []

    def test_a_job_whose_answer_comes_late_is_deleted(self, harness: Harness) -> None:
        row = harness.ledger.rows["training-i1"]
        harness.ledger.rows["training-i1"] = row.model_copy(update={"state": "unknown", "handle": None})
        harness.erase()
        harness.end("training-i1")
        harness.ledger.submitted("training-i1", JobHandle(provider_job_id="late"))
        assert harness.purge().complete
        assert [handle.provider_job_id for handle in harness.provider.erased] == ["late"]


class TestAtProviders:
    @pytest.fixture
    def harness(self, harness: Harness) -> Harness:
        harness.ordered(a_job(), handle="t1")
        return harness

    def test_one_that_does_not_answer_is_asked_again_until_it_does(self, harness: Harness) -> None:
        harness.provider.on_erase = self._raise(ProviderUnavailable("fal", "down"))
        receipt = harness.erase()
        assert (receipt.complete, receipt.remaining[0].what) == (False, "1 of its jobs")
        for _ in range(25):
            harness.purge()
        assert NOON + timedelta(days=3) < harness.clock() < NOON + timedelta(days=9)
        harness.provider.on_erase = lambda: None
        receipt = harness.purge()
        assert (receipt.complete, receipt.removed.provider_objects) == (True, 1)
        assert harness.erasures.due == {}

    def test_one_that_refuses_is_reported_of_and_left_alone(self, harness: Harness) -> None:
        harness.provider.on_erase = self._raise(ProviderRejected("fal", "answered 422"))
        receipt = harness.erase()
        (refused,) = (retained for retained in receipt.remaining if retained.what == "training t1")
        assert (receipt.complete, refused.why) == (True, "fal: answered 422")

    def test_one_that_does_not_know_it_is_asked_until_nothing_can_be_under_way(
        self, harness: Harness
    ) -> None:
        harness.provider.on_erase = self._raise(NotFound("It is not there."))
        receipt = harness.erase()
        while not receipt.complete:
            assert harness.clock() < NOON + LAST_PURGE
            receipt = harness.purge()
        (unknown,) = (retained for retained in receipt.remaining if retained.what == "training t1")
        assert unknown.why == "It was not known there when it was to go."

    def test_one_that_cannot_be_asked_is_not_counted(self, harness: Harness) -> None:
        harness.provider.erases = False
        receipt = harness.erase()
        assert (receipt.complete, receipt.removed.provider_objects) == (True, 0)

    def test_a_slow_one_is_left_to_the_next_purge(self, harness: Harness) -> None:
        for number in range(1, 6):
            harness.generated(number, handle=f"p{number}")
        harness.provider.on_erase = lambda: harness.clock.pass_by(seconds=6)
        receipt = harness.erase()
        assert len(harness.provider.erased) == 3
        assert harness.clock() - NOON < AT_PROVIDERS_FOR + timedelta(seconds=6)
        assert (receipt.complete, harness.generations.stored) == (False, {})
        assert harness.bucket.list_keys("generations/i1/") == []
        assert harness.purge().complete
        assert len(harness.provider.erased) == 6

    @staticmethod
    def _raise(error: Exception) -> Callable[[], None]:
        def fail() -> None:
            raise error

        return fail


def test_many_generations_take_several_purges(harness: Harness) -> None:
    for number in range(MOST_AT_ONCE + 5):
        harness.generated(number)
    receipt = harness.erase()
    assert (receipt.complete, receipt.removed.generations) == (False, MOST_AT_ONCE - 1)
    receipt = harness.purge()
    assert (receipt.complete, receipt.removed.generations) == (True, MOST_AT_ONCE + 5)
    assert harness.generations.stored == {}


def test_a_slow_provider_keeps_no_generation_here(harness: Harness) -> None:
    """It deletes what it has by and by; what was drawn and written is ours to delete."""
    for number in range(1000):
        harness.generated(number, handle=f"p{number}")
    harness.provider.on_erase = lambda: harness.clock.pass_by(seconds=3)
    harness.erase()
    while harness.generations.stored:
        harness.clock.time = max(harness.clock(), harness.erasures.due["i1"])
        harness.service.purge("i1")
    assert harness.clock() < NOON + timedelta(minutes=15)
    harness.provider.on_erase = lambda: None
    while not (receipt := harness.purge()).complete:
        pass
    assert (receipt.removed.generations, len(set(harness.provider.erased))) == (1000, 1000)


def test_a_generation_that_the_list_did_not_show_goes_with_the_next_purge(harness: Harness) -> None:
    harness.erase()
    harness.generated(1, handle="p1")
    assert harness.purge().removed == Removed(generations=1, images=1, provider_objects=1)


@pytest.mark.parametrize("broken", ["list_keys", "delete"])
def test_a_purge_that_was_interrupted_is_ended_by_the_next(harness: Harness, broken: str) -> None:
    harness.ordered(a_job(), handle="t1")
    harness.generated(1, handle="p1")

    def die(*_: Any) -> None:
        if _ != (uploads_of("ann"),):
            raise RuntimeError("S3 is down")
        return []  # type: ignore[return-value]

    setattr(harness.bucket, broken, die)
    assert not harness.erase().complete, "it is erased, whatever is to be purged yet"
    with pytest.raises(NotFound):
        harness.identities.get("i1")
    receipt = harness.erase()
    assert (receipt.complete, receipt.unfinished) == (False, ["training-i1", "generation-g1"])

    delattr(harness.bucket, broken)
    receipt = harness.purge()
    assert receipt.complete
    assert [handle.provider_job_id for handle in harness.provider.erased] == ["t1", "p1"]
    assert sorted(harness.bucket.objects) == sorted(OTHERS)


def test_a_generation_is_erased_though_nothing_can_be_purged_yet(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.generated(1, handle="p1")

    def refuse(*_: Any) -> None:
        raise RuntimeError("S3 did not delete 1 objects.")

    with monkeypatch.context() as patch:
        patch.setattr(harness.bucket, "delete", refuse)
        assert not harness.service.erase_generation("ann", "g1").complete
    harness.service.purge_generation("g1")
    assert harness.service.erase_generation("ann", "g1").complete


def test_what_was_never_erased_is_not_purged(harness: Harness) -> None:
    harness.bucket.write("references/i1/0001.jpg", b"", "image/jpeg")
    harness.service.purge("i1")
    assert harness.identities.get("i1").name == "Sarah"
    assert harness.bucket.list_keys("references/i1/") == ["references/i1/0001.jpg"]
