import pytest

from character_identity.domain.errors import ProviderRejected, ProviderUnavailable
from character_identity.domain.generation import Generation, ProducedImage
from character_identity.ports import ProviderGeneration
from character_identity.services.drawing import DrawingService, GenerationState
from tests.builders import a_generation, a_picture, an_identity, some_weights
from tests.fakes import (
    Clock,
    FakeBucket,
    FakeGenerations,
    FakeIdentities,
    FakeLedger,
    FakeMedia,
    FakeProvider,
    FakeProviders,
    produced,
)


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.generations = FakeGenerations(a_generation())
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
            FakeLedger(),
            self.bucket,
            self.media,
            FakeProviders(self.provider),
            self.clock,
        )

    @property
    def generation(self) -> Generation:
        return self.generations.get("g1")

    def submitted(self) -> GenerationState:
        return self.service.submit(GenerationState(generation_id="g1", state="queued"))

    def stored(self, *images: ProducedImage) -> GenerationState:
        self.provider.generation = ProviderGeneration("generated", images, cost_usd=0.07)
        return self.service.store(self.service.check(self.submitted()))


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


def test_a_host_that_is_down_is_tried_again_by_the_machine() -> None:
    with pytest.raises(ProviderUnavailable):
        World().stored(*produced("down"))


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
