from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from character_identity.domain.errors import Conflict, InvalidRequest, NotFound
from character_identity.domain.failure import Failure
from character_identity.domain.generation import Generation
from character_identity.domain.identity import Identity
from character_identity.domain.weights_mark import mark_of_content
from character_identity.ports import ReferenceLimits
from character_identity.proxies.bodies import (
    CreatePrompt,
    CreateTune,
    InstantDrawing,
    LoraDrawing,
    LoraTraining,
)
from character_identity.proxies.service import (
    PICTURE_HOLD_S,
    STATUS_HOLD_S,
    NotDrawn,
    ProxyService,
    StillRunning,
)
from character_identity.services.generations import GenerationService
from character_identity.services.identities import IdentityService
from character_identity.services.news import NewsService
from character_identity.services.orders import OrderService
from character_identity.services.references import ReferenceService
from tests.builders import NOON, a_picture, an_identity, some_weights
from tests.event_fakes import FakeEvents
from tests.fakes import (
    Clock,
    FakeBucket,
    FakeEarlierCalls,
    FakeGenerations,
    FakeIdentities,
    FakeLedger,
    FakeLooker,
    FakeMedia,
    FakeProvider,
    FakeProviders,
    FakeTrainedWeights,
    FakeWorkflows,
    event_service,
)

LINKS = [f"https://a.test/{number}.jpg" for number in range(5)]
LORA = "https://shop.test/copy.safetensors"


class World:
    """The proxies over fakes; time passes only while a call waits."""

    def __init__(self) -> None:
        ids = count(1)
        self.clock = Clock()
        self.while_waiting: Callable[[], None] = lambda: None
        self.ledger, self.events = FakeLedger(), FakeEvents()
        self.identities = FakeIdentities(ledger=self.ledger, events=self.events)
        self.generations = FakeGenerations(ledger=self.ledger, events=self.events, identities=self.identities)
        self.workflows = FakeWorkflows()
        self.earlier = FakeEarlierCalls()
        self.weights = FakeTrainedWeights()
        self.media = FakeMedia(**{link: a_picture() for link in LINKS}, **{LORA: b"lora"})
        providers = FakeProviders(
            FakeProvider("fal-instant", trains=False), FakeProvider("fal-lora"), FakeProvider("astria")
        )
        for provider in providers.values():
            provider.references = ReferenceLimits(1, 20)

        def new_id() -> str:
            return f"id{next(ids)}"

        references = ReferenceService(FakeBucket(), self.media, FakeLooker(), new_id)
        orders = OrderService(self.ledger, self.clock, new_id)
        self.service = ProxyService(
            IdentityService(
                self.identities,
                references,
                providers,
                orders,
                self.workflows,
                event_service(self.events),
                NewsService(self.ledger, self.workflows, providers),
                self.clock,
                new_id,
            ),
            GenerationService(
                self.generations,
                self.identities,
                providers,
                orders,
                self.workflows,
                self.clock,
                new_id,
                lambda: 7,
            ),
            self.earlier,
            self.weights,
            self.media,
            self.clock,
            new_id,
            self._sleep,
        )

    def _sleep(self, seconds: float) -> None:
        self.clock.pass_by(seconds=seconds)
        self.while_waiting()

    def settle_all(self, **changes: Any) -> None:
        """Everything that runs comes to its end."""
        for key, generation in self.generations.stored.items():
            done = {"status": "succeeded", "settled_at": self.clock(), **changes}
            self.generations.stored[key] = generation.model_copy(update=done)
        for key, identity in self.identities.stored.items():
            done = {"status": "ready", "settled_at": self.clock(), **changes}
            self.identities.stored[key] = identity.model_copy(update=done)

    def draw(self, **changes: Any) -> Generation:
        body = {"prompt": "Sarah runs", "reference_images": LINKS[:3]} | changes
        return self.service.draw_instant("ann", InstantDrawing.model_validate(body))

    def train(self, owner: str = "ann", **changes: Any) -> Identity:
        body = {"images_data_url": LINKS, "trigger_word": "SARAH"} | changes
        return self.service.train_lora(owner, LoraTraining.model_validate(body))


def test_a_picture_is_waited_for() -> None:
    world = World()
    world.while_waiting = world.settle_all
    generation = world.draw()
    assert generation.status == "succeeded"
    assert len(world.workflows.started) == 1


def test_a_picture_that_takes_too_long_goes_on_and_is_found_by_the_same_call() -> None:
    world = World()
    with pytest.raises(StillRunning) as caught:
        world.draw()
    assert world.clock() - NOON == timedelta(seconds=PICTURE_HOLD_S)
    assert caught.value.details == {"generation_id": world.workflows.started[0].subject_id}
    world.settle_all()
    assert world.draw().generation_id == caught.value.details["generation_id"]
    assert len(world.workflows.started) == 1


def test_once_it_was_answered_the_same_call_is_a_new_wish() -> None:
    world = World()
    world.while_waiting = world.settle_all
    assert world.draw().generation_id != world.draw().generation_id
    assert len(world.workflows.started) == 2


def test_a_call_of_long_ago_is_not_found() -> None:
    world = World()
    with pytest.raises(StillRunning):
        world.draw()
    world.clock.pass_by(minutes=11)
    world.while_waiting = world.settle_all
    world.draw()
    assert len(world.workflows.started) == 2


def test_another_owners_same_call_is_their_own() -> None:
    world = World()
    assert world.train("ann").identity_id != world.train("bob").identity_id


def test_the_identity_of_the_same_references_is_made_once() -> None:
    world = World()
    world.while_waiting = world.settle_all
    world.draw(prompt="one")
    world.draw(prompt="two")
    assert len(world.identities.stored) == 1


def test_the_first_usable_reference_is_taken() -> None:
    world = World()
    world.media.files[LINKS[0]] = b"<html>"
    world.while_waiting = world.settle_all
    assert world.draw().status == "succeeded"
    with pytest.raises(InvalidRequest) as caught:
        world.draw(reference_images=[LINKS[0]])
    assert caught.value.code == "unreadable_image"


@pytest.mark.parametrize("passing_s", [0, 3600])
def test_the_same_training_is_started_once(passing_s: float) -> None:
    world = World()
    first = world.train()
    world.clock.pass_by(seconds=passing_s)
    signed_again = [f"{link}?X-Signature=other" for link in LINKS]
    for link in signed_again:
        world.media.files[link] = a_picture()
    assert world.train(images_data_url=signed_again).identity_id == first.identity_id
    assert len(world.workflows.started) == 1


def test_other_pictures_words_or_steps_are_another_training() -> None:
    world = World()
    identities = [world.train(), world.train(images_data_url=LINKS[:4])]
    identities += [world.train(trigger_word="JANE"), world.train(steps=500)]
    assert len({identity.identity_id for identity in identities}) == 4
    assert identities[3].training_steps == 500


def test_a_failed_training_may_be_tried_again() -> None:
    world = World()
    first = world.train()
    world.settle_all(status="failed")
    assert world.train().identity_id != first.identity_id


def test_a_refused_training_leaves_nothing_in_the_way() -> None:
    world = World()
    world.media.files[LINKS[4]] = b"<html>"
    with pytest.raises(InvalidRequest):
        world.train()
    world.media.files[LINKS[4]] = a_picture()
    assert world.train().status == "training"
    assert len(world.workflows.started) == 1


def test_a_training_that_is_being_started_elsewhere_is_waited_for_and_not_started_again() -> None:
    world = World()
    world.train()
    (identity_id,) = world.identities.stored
    started = world.identities.stored.pop(identity_id)
    world.while_waiting = lambda: world.identities.stored.update({identity_id: started})
    assert world.train().identity_id == identity_id

    del world.identities.stored[identity_id]
    world.while_waiting = lambda: None
    with pytest.raises(Conflict):
        world.train()
    world.clock.pass_by(minutes=2)
    assert world.train().identity_id != identity_id
    assert len(world.workflows.started) == 2


def test_a_copied_lora_is_known_by_its_content_and_then_by_its_link() -> None:
    world = World()
    world.while_waiting = world.settle_all
    world.identities.add(an_identity(weights=some_weights(), settled_at=world.clock()))
    world.weights.remember("ann", mark_of_content(b"lora"), "i1")
    body = LoraDrawing(prompt="Sarah runs", lora_url=LORA)
    assert world.service.draw_lora("ann", body).identity_id == "i1"
    del world.media.files[LORA]
    assert world.service.draw_lora("ann", body).identity_id == "i1"


def test_a_lora_of_somebody_else_is_not_drawn_with() -> None:
    world = World()
    with pytest.raises(InvalidRequest) as caught:
        world.service.draw_lora("ann", LoraDrawing(prompt="Sarah", lora_url=LORA))
    assert caught.value.code == "unknown_lora"


def test_a_status_is_waited_for_a_little() -> None:
    world = World()
    identity = world.train()
    assert world.service.training("ann", identity.identity_id, "fal-lora").status == "training"
    world.while_waiting = world.settle_all
    assert world.service.training("ann", identity.identity_id, "fal-lora").status == "ready"
    with pytest.raises(NotFound):
        world.service.training("ann", identity.identity_id, "astria")


def test_a_prompt_is_ordered_once_until_its_pictures_were_seen() -> None:
    world = World()
    tune = CreateTune.model_validate({"tune": {"title": "Character: Sarah", "images": [{"url": LINKS[0]}]}})
    identity_id = world.service.train_tune("ann", tune).identity_id
    world.settle_all()
    body = CreatePrompt.model_validate({"prompt": {"text": "Sarah runs"}})
    first = world.service.order_prompt("ann", identity_id, body).generation_id
    assert world.service.order_prompt("ann", identity_id, body).generation_id == first
    world.settle_all()
    assert world.service.prompt("ann", identity_id, first).status == "succeeded"
    assert world.service.order_prompt("ann", identity_id, body).generation_id != first
    with pytest.raises(NotFound):
        world.service.prompt("ann", "other", first)


@pytest.mark.parametrize(
    ("wait_s", "waited_s"), [(None, STATUS_HOLD_S), (3600, STATUS_HOLD_S), (2, 2), (0, 0)]
)
def test_a_status_is_waited_for_as_long_as_the_caller_likes_within_reason(
    wait_s: float | None, waited_s: float
) -> None:
    world = World()
    identity = world.train()
    before = world.clock()
    world.service.training("ann", identity.identity_id, "fal-lora", wait_s)
    assert world.clock() - before == timedelta(seconds=waited_s)


@pytest.mark.parametrize(
    ("code", "status"), [("generation_failed", 502), ("provider_rejected", 502), ("filtered", 422)]
)
def test_a_picture_that_failed_is_an_error_with_its_own_reason(code: str, status: int) -> None:
    world = World()
    failure = Failure(code=code, message="no such luck")
    world.while_waiting = lambda: world.settle_all(status="failed", error=failure)
    with pytest.raises(NotDrawn) as caught:
        world.draw()
    assert (caught.value.status, caught.value.code, caught.value.message) == (status, code, "no such luck")
