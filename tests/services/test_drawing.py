import pytest

from character_identity.domain.budget import usd
from character_identity.domain.errors import ProviderOutcomeUnknown, ProviderRejected, ProviderUnavailable
from character_identity.domain.generation import Generation, ProducedImage
from character_identity.domain.job import JobHandle
from character_identity.ports import ProviderGeneration
from character_identity.services.callbacks import Callbacks
from character_identity.services.drawing import DrawingService, GenerationState
from tests.builders import a_generation, a_generation_job, a_picture, an_identity, some_weights
from tests.event_fakes import FakeEvents
from tests.fakes import (
    Clock,
    FakeBucket,
    FakeGenerations,
    FakeIdentities,
    FakeLedger,
    FakeMedia,
    FakeProvider,
    FakeProviders,
    event_service,
    produced,
)


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.ledger, self.events = FakeLedger(), FakeEvents()
        self.ledger.accept(a_generation_job(), self.ledger.default_limit_microusd)
        self.generations = FakeGenerations(a_generation(), ledger=self.ledger, events=self.events)
        self.bucket = FakeBucket()
        self.media = FakeMedia(
            a=a_picture(), b=a_picture(image_format="PNG"), black=a_picture(colour="black"), text=b"<html>"
        )
        self.media.files["gone"] = ProviderRejected("media host", "answered 404")
        self.media.files["down"] = ProviderUnavailable("media host", "answered 503")
        self.provider = FakeProvider()
        self.service = DrawingService(
            self.generations,
            FakeIdentities(an_identity(weights=some_weights())),
            self.ledger,
            self.bucket,
            self.media,
            FakeProviders(self.provider),
            event_service(self.events),
            Callbacks("off"),
            self.clock,
        )

    @property
    def generation(self) -> Generation:
        return self.generations.get("g1")

    @property
    def spent_usd(self) -> tuple[float, float]:
        """Reserved and committed."""
        budget = self.ledger.of("ann", "2026-11")
        return usd(budget.reserved_microusd), usd(budget.committed_microusd)

    def submitted(self) -> GenerationState:
        deadline_at = self.ledger.rows["generation-g1"].deadline_at
        return self.service.submit(
            GenerationState(generation_id="g1", state="queued", deadline_at=deadline_at)
        )

    def asked_for(self, count: int) -> None:
        request = self.generation.request.model_copy(update={"num_images": count})
        self.generations.stored["g1"] = self.generation.model_copy(update={"request": request})

    def stored(self, *images: ProducedImage) -> GenerationState:
        self.provider.generation = ProviderGeneration("generated", images, cost_usd=0.07)
        state = self.service.check(self.submitted())
        self.clock.pass_by(minutes=3)  # what cannot be had now is lost
        return self.service.store(state)


def test_the_happy_path_ends_with_pictures_of_our_own() -> None:
    world = World()
    state = world.service.record(world.stored(*produced("a", "b")))
    assert (state.state, world.generation.status, world.generation.cost_usd) == (
        "succeeded",
        "succeeded",
        0.07,
    )
    assert world.bucket.list_keys("") == ["generations/i1/g1/01.jpg", "generations/i1/g1/02.png"]
    assert [(image.outcome, image.seed, image.width) for image in world.generation.images] == [
        ("succeeded", 7, 320),
        ("succeeded", 7, 320),
    ]


def test_the_order_carries_links_to_references_and_weights() -> None:
    world = World()
    world.submitted()
    (order,) = world.provider.orders
    assert order.weights_link == "https://bucket.test/weights/i1/lora.safetensors?signed"
    assert len(order.references) == 5


def test_submitting_twice_pays_once() -> None:
    world = World()
    world.submitted()
    world.submitted()
    assert world.provider.paid_calls == 1


@pytest.mark.parametrize(
    ("image", "outcome"),
    [
        (ProducedImage(url="black"), "filtered"),
        (ProducedImage(url="a", filtered=True), "filtered"),
        (ProducedImage(url="text"), "failed"),
        (ProducedImage(url="gone"), "failed"),
    ],
)
def test_what_is_no_picture_is_never_stored_and_the_others_are(image: ProducedImage, outcome: str) -> None:
    world = World()
    state = world.stored(image, *produced("a"))
    assert state.state == "succeeded"
    assert [image.outcome for image in world.generation.images] == [outcome, "succeeded"]
    assert world.bucket.list_keys("") == ["generations/i1/g1/02.jpg"]


@pytest.mark.parametrize(("url", "code"), [("black", "filtered"), ("text", "no_image")])
def test_without_any_picture_the_generation_failed(url: str, code: str) -> None:
    world = World()
    state = world.service.record(world.stored(*produced(url)))
    assert (state.state, world.generation.status) == ("failed", "failed")
    assert world.generation.error is not None
    assert world.generation.error.code == code


@pytest.mark.parametrize("url", ["down", "gone", "text"])
def test_a_picture_that_cannot_be_had_is_tried_again_and_the_others_are_kept(url: str) -> None:
    world = World()
    state = world.submitted()
    world.provider.generation = ProviderGeneration("generated", produced(url, "a"))
    state = world.service.check(state)
    with pytest.raises(ProviderUnavailable):
        world.service.store(state)
    world.media.files[url] = a_picture()
    world.media.files["a"] = AssertionError("it is ours already")
    assert world.service.store(state).state == "succeeded"
    assert [image.outcome for image in world.generation.images] == ["succeeded", "succeeded"]


def test_fewer_pictures_than_asked_for_are_told() -> None:
    world = World()
    world.asked_for(3)
    assert world.stored(*produced("a", "b")).state == "succeeded"
    assert [image.outcome for image in world.generation.images] == ["succeeded", "succeeded", "failed"]
    assert world.generation.warnings == ["The provider made 2 of 3 pictures."]


def test_a_picture_without_an_address_keeps_its_place() -> None:
    world = World()
    world.stored(ProducedImage(url=None), *produced("a"))
    assert [(image.index, image.outcome) for image in world.generation.images] == [
        (1, "failed"),
        (2, "succeeded"),
    ]


def test_an_order_whose_answer_was_lost_waits_and_ends_at_the_deadline() -> None:
    world = World()

    def cut() -> None:
        raise ProviderOutcomeUnknown("fal", "cut")

    world.provider.on_submit = cut
    state = world.submitted()
    state = world.service.check(state)
    assert (state.state, len(world.provider.orders)) == ("running", 1)
    world.clock.pass_by(minutes=5)
    world.service.record(world.service.check(state))
    assert world.generation.error is not None
    assert world.generation.error.code == "provider_outcome_unknown"
    assert world.spent_usd == (0, 0.1)


def test_an_order_whose_answer_was_lost_is_looked_up_and_made_again_only_if_it_is_not_there() -> None:
    world = World()

    def cut() -> None:
        raise ProviderOutcomeUnknown("astria", "cut")

    world.provider.on_submit, world.provider.finds_jobs = cut, True
    state = world.service.check(world.submitted())
    assert state.state == "running"
    world.clock.pass_by(minutes=2)
    assert world.service.check(state).state == "unsubmitted"
    world.ledger.intend("generation-g1", world.clock())
    world.provider.found = JobHandle(provider_job_id="found")
    assert world.service.check(state).state == "running"
    assert world.ledger.rows["generation-g1"].handle == world.provider.found


@pytest.mark.parametrize("when", ["after the order", "while the pictures come"])
def test_an_erased_generation_leaves_nothing(when: str) -> None:
    world = World()
    state = world.submitted()
    if when == "after the order":
        world.generations.stored.clear()
        state = world.service.check(state)
        assert [handle.provider_job_id for handle in world.provider.erased] == ["job-1"]
    else:
        world.provider.generation = ProviderGeneration("generated", produced("a"))
        state = world.service.check(state)
        fetch = world.media.fetch

        def fetch_and_erase(url: str, limit_bytes: int) -> bytes:
            world.generations.stored.clear()
            return fetch(url, limit_bytes)

        world.media.fetch = fetch_and_erase  # type: ignore[method-assign]
        state = world.service.store(state)
    state = world.service.record(state)
    assert (state.state, (state.error or {})["code"]) == ("failed", "erased")
    assert world.bucket.objects == {}
    assert world.spent_usd[0] == 0


def test_a_settled_generation_is_told_and_its_money_settled_once() -> None:
    world = World()
    state = world.stored(*produced("a"))
    for _ in range(2):
        assert world.service.record(state).state == "succeeded"
    assert [event.type for event in world.events.stored.values()] == ["GenerationCompleted"]
    assert (world.events.open, world.spent_usd) == (set(), (0, 0.07))


@pytest.mark.parametrize("answer", [ProviderGeneration("running"), ProviderUnavailable("fal", "down")])
def test_past_the_deadline_a_generation_is_failed(answer: ProviderGeneration | Exception) -> None:
    world = World()
    state = world.submitted()
    world.provider.generation = answer
    assert world.service.check(state).state == "running"
    world.clock.pass_by(seconds=300)
    assert world.service.check(state).error == {
        "code": "deadline_exceeded",
        "message": "The generation did not end before its deadline.",
    }


def test_a_generation_that_the_provider_failed_says_why() -> None:
    world = World()
    state = world.submitted()
    world.provider.generation = ProviderGeneration("failed", reason="content policy")
    world.service.record(world.service.check(state))
    assert world.generation.error is not None
    assert world.generation.error.message == "content policy"


def test_a_settled_generation_is_not_settled_again() -> None:
    world = World()
    world.service.record(world.stored(*produced("a")))
    late = GenerationState(generation_id="g1", state="failed", error={"code": "x", "message": "late"})
    assert world.service.record(late).state == "succeeded"
    assert world.generation.error is None
