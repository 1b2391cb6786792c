from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from character_identity.domain.budget import settlement_of
from character_identity.domain.errors import NotFound, ProviderRejected, ProviderUnavailable
from character_identity.domain.event import event_id_of
from character_identity.domain.job import JobHandle, ProviderJob, generation_job_id
from character_identity.domain.receipt import LAST_PURGE, Receipt, Removed
from character_identity.services.erasure import AT_PROVIDERS_FOR, MOST_AT_ONCE, ErasureService
from character_identity.services.news import NewsService
from character_identity.services.references import uploads_of
from tests.builders import NOON, a_generation, a_generation_job, a_job, a_training_identity, an_identity
from tests.erasure_fakes import FakeErasures
from tests.event_fakes import FakeEvents
from tests.fakes import (
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
from tests.scoring_fakes import FakeScores

OTHERS = ("references/i2/0001.jpg", "weights/i10/lora.safetensors", "generations/i2/g9/01.jpg")


class Provider(FakeProvider):
    """Refuses or takes its time where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.on_erase: Callable[[], None] = lambda: None

    def erase_training(self, handle: JobHandle) -> bool:
        self.on_erase()
        return super().erase_training(handle)

    erase_generation = erase_training


class World:
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
            self.erasures,
            self.ledger,
            self.bucket,
            providers,
            NewsService(self.ledger, self.workflows, providers),
            event_service(self.events, self.clock),
            self.clock,
        )

    def ordered(self, job: ProviderJob, *, handle: str | None = None, ended: bool = True) -> None:
        """A job, which the provider may have taken and which may be settled."""
        self.ledger.accept(job, self.ledger.default_limit_microusd)
        if handle is not None:
            self.ledger.intend(job.job_id, NOON)
            self.ledger.submitted(job.job_id, JobHandle(provider_job_id=handle))
        if ended:
            self.end(job.job_id)

    def end(self, job_id: str) -> None:
        """Settle a job's money, as its machine does."""
        job = self.ledger.rows[job_id]
        self.ledger.end(job, settlement_of(job))

    def drawn(self, number: int, **more: Any) -> None:
        """A generation with a picture and a job."""
        subject = f"g{number}"
        self.generations.stored[subject] = a_generation(generation_id=subject)
        self.bucket.objects[f"generations/i1/{subject}/01.jpg"] = b"picture"
        job = a_generation_job(job_id=generation_job_id(subject), subject_id=subject, reserved_microusd=1000)
        self.ordered(job, **more)

    def erase(self) -> Receipt:
        return self.service.erase("ann", "i1")

    def purge(self) -> Receipt:
        """When it is due."""
        self.clock.time = self.erasures.due["i1"]
        self.service.purge("i1")
        return self.erase()


@pytest.fixture
def world() -> World:
    return World()


def test_all_that_was_made_of_an_identity_goes_and_nothing_else(world: World) -> None:
    world.ordered(a_job(), handle="t1")
    world.drawn(1, handle="p1")
    world.bucket.objects |= {"references/i1/0001.jpg": b"", "references/i1/0002.jpg": b""}
    world.bucket.objects |= {"weights/i1/lora.safetensors": b""}
    world.trained_weights.remember("ann", "mark", "i1")
    world.trained_weights.remember("ann", "other", "i2")

    receipt = world.erase()

    assert sorted(world.bucket.objects) == sorted(OTHERS)
    assert (world.generations.stored, world.trained_weights.known) == ({}, {("ann", "other"): "i2"})
    assert [handle.provider_job_id for handle in world.provider.erased] == ["t1", "p1"]
    assert world.provider.cancelled == [], "both had ended"
    assert receipt.removed == Removed(references=2, weights=1, pictures=1, generations=1, provider_objects=2)
    assert (receipt.complete, receipt.erased_at, receipt.owner) == (True, NOON, "ann")


def test_the_receipt_names_what_stays_and_until_when(world: World) -> None:
    world.provider.keeps = "It deletes nothing."
    world.ordered(a_job(), handle="t1")
    remaining = {remnant.where: remnant for remnant in world.erase().remaining}
    assert remaining.keys() == {"events", "logs", "state machines", "backups", "ledger", "fal-lora"}
    assert remaining["logs"].until == NOON + timedelta(days=30)
    assert (remaining["ledger"].until, remaining["fal-lora"].why) == (None, "It deletes nothing.")


def test_nothing_is_said_of_a_provider_that_was_never_asked(world: World) -> None:
    world.provider.trains = False
    world.provider.keeps = "It deletes nothing."
    assert {"fal-lora", "ledger"}.isdisjoint(remnant.where for remnant in world.erase().remaining)


@pytest.mark.parametrize(("owner", "told"), [("ann", True), ("bob", False)])
def test_uploads_are_named_where_their_owner_has_some(world: World, owner: str, told: bool) -> None:
    world.bucket.write(f"{uploads_of(owner)}a.jpg", b"", "image/jpeg")
    uploads = [remnant for remnant in world.erase().remaining if remnant.where == "uploads"]
    assert bool(uploads) is told
    assert f"{uploads_of(owner)}a.jpg" in world.bucket.objects


@pytest.mark.parametrize("identity_id", ["bobs", "nobodys"])
def test_anothers_identity_and_an_unknown_one_answer_alike(world: World, identity_id: str) -> None:
    world.identities.add(an_identity(identity_id="bobs", owner="bob"))
    with pytest.raises(NotFound) as caught:
        world.service.erase("ann", identity_id)
    assert caught.value.code == "unknown_identity"
    assert world.identities.get("bobs").owner == "bob"


def test_anothers_receipt_answers_like_an_unknown_identity(world: World) -> None:
    world.erase()
    with pytest.raises(NotFound) as caught:
        world.service.erase("bob", "i1")
    assert caught.value.code == "unknown_identity"


def test_erasing_again_answers_the_same_receipt(world: World) -> None:
    first = world.erase()
    world.clock.pass_by(hours=5)
    assert world.erase() == first
    assert world.provider.erased == []


def test_it_is_told_once(world: World) -> None:
    world.erase()
    event_id = event_id_of("IdentityErased", "i1")
    assert world.events.stored[event_id].data == {"characterId": "i1", "status": "erased"}
    assert event_id not in world.events.open


class TestWhileAJobIsUnderWay:
    @pytest.fixture
    def world(self, world: World) -> World:
        """Sarah trains, and her machine waits for news."""
        world.identities.stored["i1"] = a_training_identity()
        world.ordered(a_job(), handle="t1", ended=False)
        world.ledger.wait_for_news("training-i1", "token")
        return world

    def test_its_machine_is_woken_and_the_job_stopped(self, world: World) -> None:
        receipt = world.erase()
        assert world.workflows.woken == ["token"]
        assert [handle.provider_job_id for handle in world.provider.cancelled] == ["t1"]
        assert not receipt.complete
        assert receipt.remaining[0].where == "fal-lora"

    def test_it_is_complete_when_the_job_has_ended(self, world: World) -> None:
        world.erase()
        world.bucket.write("weights/i1/lora.safetensors", b"late", "")
        world.end("training-i1")
        receipt = world.purge()
        assert receipt.complete
        assert (receipt.removed.weights, receipt.removed.provider_objects) == (1, 1)
        assert receipt.erased_at == NOON

    def test_what_comes_at_the_very_end_goes_with_the_last_purge(self, world: World) -> None:
        world.erase()
        world.end("training-i1")
        world.purge()
        world.bucket.write("weights/i1/lora.safetensors", b"late", "")
        assert world.purge().removed.weights == 1
        assert world.clock() == NOON + LAST_PURGE
        assert world.erasures.due == {}
        assert sorted(world.bucket.objects) == sorted(OTHERS)

    def test_a_job_whose_answer_was_lost_is_waited_for_and_then_told(self, world: World) -> None:
        row = world.ledger.rows["training-i1"]
        world.ledger.rows["training-i1"] = row.model_copy(update={"state": "unknown", "handle": None})
        world.erase()
        world.end("training-i1")
        while world.erasures.due:
            receipt = world.purge()
            assert receipt.complete is (world.clock() >= NOON + LAST_PURGE)
        told = [remnant for remnant in receipt.remaining if remnant.what == "training i1"]
        assert [remnant.where for remnant in told] == ["fal-lora"]
        assert world.provider.erased == []

    def test_a_job_whose_answer_comes_late_is_deleted(self, world: World) -> None:
        row = world.ledger.rows["training-i1"]
        world.ledger.rows["training-i1"] = row.model_copy(update={"state": "unknown", "handle": None})
        world.erase()
        world.end("training-i1")
        world.ledger.submitted("training-i1", JobHandle(provider_job_id="late"))
        assert world.purge().complete
        assert [handle.provider_job_id for handle in world.provider.erased] == ["late"]


class TestAtProviders:
    @pytest.fixture
    def world(self, world: World) -> World:
        world.ordered(a_job(), handle="t1")
        return world

    def test_one_that_does_not_answer_is_asked_again_until_it_does(self, world: World) -> None:
        world.provider.on_erase = self._raise(ProviderUnavailable("fal", "down"))
        receipt = world.erase()
        assert (receipt.complete, receipt.remaining[0].what) == (False, "1 of its jobs")
        for _ in range(25):
            world.purge()
        assert NOON + timedelta(days=3) < world.clock() < NOON + timedelta(days=9)
        world.provider.on_erase = lambda: None
        receipt = world.purge()
        assert (receipt.complete, receipt.removed.provider_objects) == (True, 1)
        assert world.erasures.due == {}

    def test_one_that_refuses_is_told_of_and_left_alone(self, world: World) -> None:
        world.provider.on_erase = self._raise(ProviderRejected("fal", "answered 422"))
        receipt = world.erase()
        (refused,) = (remnant for remnant in receipt.remaining if remnant.what == "training t1")
        assert (receipt.complete, refused.why) == (True, "fal: answered 422")

    def test_one_that_cannot_be_asked_is_not_counted(self, world: World) -> None:
        world.provider.erases = False
        receipt = world.erase()
        assert (receipt.complete, receipt.removed.provider_objects) == (True, 0)

    def test_a_slow_one_is_left_to_the_next_purge(self, world: World) -> None:
        for number in range(1, 6):
            world.drawn(number, handle=f"p{number}")
        world.provider.on_erase = lambda: world.clock.pass_by(seconds=6)
        receipt = world.erase()
        assert len(world.provider.erased) == 3
        assert world.clock() - NOON < AT_PROVIDERS_FOR + timedelta(seconds=6)
        assert (receipt.complete, world.generations.stored) == (False, {})
        assert world.bucket.list_keys("generations/i1/") == []
        assert world.purge().complete
        assert len(world.provider.erased) == 6

    @staticmethod
    def _raise(error: Exception) -> Callable[[], None]:
        def fail() -> None:
            raise error

        return fail


def test_many_generations_take_several_purges(world: World) -> None:
    for number in range(MOST_AT_ONCE + 5):
        world.drawn(number)
    receipt = world.erase()
    assert (receipt.complete, receipt.removed.generations) == (False, MOST_AT_ONCE - 1)
    receipt = world.purge()
    assert (receipt.complete, receipt.removed.generations) == (True, MOST_AT_ONCE + 5)
    assert world.generations.stored == {}


def test_a_generation_that_the_list_did_not_show_goes_with_the_next_purge(world: World) -> None:
    world.erase()
    world.drawn(1, handle="p1")
    assert world.purge().removed == Removed(generations=1, pictures=1, provider_objects=1)


@pytest.mark.parametrize("broken", ["list_keys", "delete"])
def test_a_purge_that_was_interrupted_is_ended_by_the_next(world: World, broken: str) -> None:
    world.ordered(a_job(), handle="t1")
    world.drawn(1, handle="p1")

    def die(*_: Any) -> None:
        if _ != (uploads_of("ann"),):
            raise RuntimeError("S3 is down")
        return []  # type: ignore[return-value]

    setattr(world.bucket, broken, die)
    with pytest.raises(RuntimeError):
        world.erase()
    with pytest.raises(NotFound):
        world.identities.get("i1")
    receipt = world.erase()
    assert (receipt.complete, receipt.unfinished) == (False, ["i1", "g1"])

    delattr(world.bucket, broken)
    receipt = world.purge()
    assert receipt.complete
    assert [handle.provider_job_id for handle in world.provider.erased] == ["t1", "p1"]
    assert sorted(world.bucket.objects) == sorted(OTHERS)


def test_what_was_never_erased_is_not_purged(world: World) -> None:
    world.bucket.write("references/i1/0001.jpg", b"", "image/jpeg")
    world.service.purge("i1")
    assert world.identities.get("i1").name == "Sarah"
    assert world.bucket.list_keys("references/i1/") == ["references/i1/0001.jpg"]
