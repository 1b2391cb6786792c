from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from character_identity.compat.requests import (
    CreatePrompt,
    CreateTune,
    InstantGeneration,
    LoraGeneration,
    LoraTraining,
)
from character_identity.compat.service import (
    IMAGE_HOLD,
    STATUS_HOLD_S,
    CompatService,
)
from character_identity.domain.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    NotGenerated,
    ProviderRejected,
    ProviderUnavailable,
    StillRunning,
)
from character_identity.domain.failure import Failure
from character_identity.domain.generation import Generation
from character_identity.domain.get_or_none import get_or_none
from character_identity.domain.identity import Identity
from character_identity.domain.weights_digest import weights_digest
from character_identity.ports.providers import ReferenceLimits, TrainingStatus
from character_identity.services.generations import GenerationService
from character_identity.services.identities import IdentityService
from character_identity.services.jobs.callbacks import CallbackService
from character_identity.services.orders import OrderService
from character_identity.services.references import ReferenceService
from tests.support.builders import NOON, an_identity, an_image, some_weights
from tests.support.erasure_fakes import intakes
from tests.support.event_fakes import FakeEvents
from tests.support.fakes import (
    Clock,
    FakeAnalyzer,
    FakeBucket,
    FakeGenerations,
    FakeIdempotencyRecords,
    FakeIdentities,
    FakeLedger,
    FakeMedia,
    FakeProvider,
    FakeProviders,
    FakeTrainedWeights,
    FakeWorkflows,
    event_service,
)

LINKS = [f"https://a.test/{number}.jpg" for number in range(5)]
LORA = "https://shop.test/copy.safetensors"


class Harness:
    """The proxies over fakes; time passes only while a call waits."""

    def __init__(self) -> None:
        self.ids = count(1)
        self.clock = Clock()
        self.while_waiting: Callable[[], None] = lambda: None
        self.ledger, self.events = FakeLedger(), FakeEvents()
        self.identities = FakeIdentities(ledger=self.ledger, events=self.events)
        self.generations = FakeGenerations(ledger=self.ledger, events=self.events, identities=self.identities)
        self.workflows = FakeWorkflows()
        self.earlier = FakeIdempotencyRecords()
        self.weights = FakeTrainedWeights()
        self.use(FakeMedia(**{link: an_image() for link in LINKS}, **{LORA: b"lora"}))

    def use(self, media: FakeMedia) -> None:
        """Have the proxies find other things at links."""
        ids = self.ids
        self.media = media
        self.astria = FakeProvider("astria")
        providers = FakeProviders(
            FakeProvider("fal-instant", trains=False), FakeProvider("fal-lora"), self.astria
        )
        for provider in providers.values():
            provider.references = ReferenceLimits(1, 20)

        def new_id() -> str:
            return f"id{next(ids)}"

        bucket = FakeBucket()
        references = ReferenceService(
            bucket=bucket,
            media=self.media,
            analyzer=FakeAnalyzer(),
            intakes=intakes(bucket),
            new_id=new_id,
        )
        orders = OrderService(self.ledger, self.clock, new_id)
        self.service = CompatService(
            identities=IdentityService(
                self.identities,
                references,
                providers,
                orders,
                self.workflows,
                event_service(self.events),
                CallbackService(self.ledger, self.workflows, providers),
                self.clock,
                new_id,
            ),
            generations=GenerationService(
                self.generations,
                self.identities,
                providers,
                orders,
                self.workflows,
                self.clock,
                new_id,
                lambda: 7,
            ),
            references=references,
            records=self.earlier,
            trained_weights=self.weights,
            media=self.media,
            providers=providers,
            now=self.clock,
            new_id=new_id,
            sleep=self._sleep,
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

    def generate(self, **changes: Any) -> Generation:
        body = {"prompt": "Sarah runs", "reference_images": LINKS[:3]} | changes
        return self.service.generate_instant("ann", InstantGeneration.model_validate(body))

    def train_tune(self) -> Identity:
        tune = {"title": "Character: Sarah", "name": "sarah", "images": [{"url": link} for link in LINKS]}
        return self.service.train_tune("ann", CreateTune.model_validate({"tune": tune}))

    def train(self, owner: str = "ann", **changes: Any) -> Identity:
        body = {"images_data_url": LINKS, "trigger_word": "SARAH"} | changes
        return self.service.train_lora(owner, LoraTraining.model_validate(body))


def test_an_image_is_waited_for() -> None:
    harness = Harness()
    harness.while_waiting = harness.settle_all
    generation = harness.generate()
    assert generation.status == "succeeded"
    assert len(harness.workflows.started) == 1


def test_an_image_that_takes_too_long_goes_on_and_is_found_by_the_same_call() -> None:
    harness = Harness()
    with pytest.raises(StillRunning) as caught:
        harness.generate()
    assert harness.clock() - NOON == IMAGE_HOLD
    assert caught.value.details == {"generation_id": harness.workflows.started[0].subject_id}
    harness.settle_all()
    assert harness.generate().generation_id == caught.value.details["generation_id"]
    assert len(harness.workflows.started) == 1


class SlowMedia(FakeMedia):
    """Each link takes so many seconds, and those that are not there as many."""

    def __init__(self, clock: Clock, seconds: float, **files: bytes | Exception) -> None:
        super().__init__(**files)
        self.asked: list[str] = []
        self._clock, self._seconds = clock, seconds

    def _content(self, url: str) -> bytes:
        self.asked.append(url)
        self._clock.pass_by(seconds=self._seconds)
        return super()._content(url)


def test_what_links_take_is_not_waited_for_once_more() -> None:
    """API Gateway cuts at 30 s, and what was ordered then would be told as a failure."""
    harness = Harness()
    gone = {link: ProviderRejected("media host", "answered 404") for link in LINKS}
    for files, takes_s, asked, ends_after in (
        ({LINKS[0]: an_image()}, 9, 1, IMAGE_HOLD),
        ({**gone, LINKS[1]: an_image()}, 9, 2, IMAGE_HOLD),
        (gone, 12, 2, timedelta(seconds=24)),
    ):
        media = SlowMedia(harness.clock, takes_s, **files)
        harness.use(media)
        began_at = harness.clock()
        with pytest.raises((StillRunning, InvalidRequest)):
            harness.generate(reference_images=LINKS, prompt=f"Sarah takes {takes_s * asked} s")
        assert (len(media.asked), harness.clock() - began_at) == (asked, ends_after)
    harness.use(SlowMedia(harness.clock, 15, **{LORA: b"lora"}))
    harness.identities.stored["i1"] = an_identity(weights=some_weights())
    harness.weights.remember("ann", weights_digest(b"lora"), "i1")
    began_at = harness.clock()
    with pytest.raises(StillRunning):
        harness.service.generate_lora("ann", LoraGeneration(prompt="p", lora_url=LORA))
    assert harness.clock() - began_at == IMAGE_HOLD


def test_once_it_was_answered_the_same_call_is_a_new_wish() -> None:
    harness = Harness()
    harness.while_waiting = harness.settle_all
    assert harness.generate().generation_id != harness.generate().generation_id
    assert len(harness.workflows.started) == 2


def test_an_outcome_of_long_ago_is_not_found() -> None:
    harness = Harness()
    with pytest.raises(StillRunning):
        harness.generate()
    harness.settle_all()
    harness.clock.pass_by(minutes=11)
    harness.while_waiting = harness.settle_all
    harness.generate()
    assert len(harness.workflows.started) == 2


def test_pictures_that_take_hours_are_found_by_the_same_call_and_not_paid_twice() -> None:
    harness = Harness()
    with pytest.raises(StillRunning) as caught:
        harness.generate()
    harness.clock.pass_by(minutes=300)
    with pytest.raises(StillRunning):
        harness.generate()
    harness.settle_all()
    harness.clock.pass_by(minutes=9)
    assert harness.generate().generation_id == caught.value.details["generation_id"]
    assert len(harness.workflows.started) == 1


def test_whoever_erased_what_a_call_ordered_may_order_it_again() -> None:
    harness = Harness()
    with pytest.raises(StillRunning) as caught:
        harness.generate()
    erased = caught.value.details["generation_id"]
    del harness.generations.stored[erased]
    harness.generations.erased.add(erased)
    harness.while_waiting = harness.settle_all
    assert harness.generate().generation_id != erased
    trained = harness.train().identity_id
    del harness.identities.stored[trained]
    harness.identities.erased.add(trained)
    assert harness.train().identity_id != trained


def test_another_owners_same_call_is_their_own() -> None:
    harness = Harness()
    assert harness.train("ann").identity_id != harness.train("bob").identity_id


def test_the_identity_of_the_same_references_is_made_once() -> None:
    harness = Harness()
    harness.while_waiting = harness.settle_all
    harness.generate(prompt="one")
    harness.generate(prompt="two")
    assert len(harness.identities.stored) == 1


def test_two_calls_at_the_same_moment_of_a_new_reference_are_paid_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness = Harness()
    add, answered = harness.identities.add, []

    def add_after_the_other_call(*args: Any, **kwargs: Any) -> None:
        monkeypatch.setattr(harness.identities, "add", add)
        with pytest.raises(StillRunning) as caught:
            harness.generate()
        answered.append(caught.value.details)
        add(*args, **kwargs)

    monkeypatch.setattr(harness.identities, "add", add_after_the_other_call)
    with pytest.raises(StillRunning) as caught:
        harness.generate()
    assert answered == [caught.value.details]
    assert len(harness.workflows.started) == 1


def test_the_first_usable_reference_is_taken() -> None:
    harness = Harness()
    harness.media.files[LINKS[0]] = b"<html>"
    harness.while_waiting = harness.settle_all
    assert harness.generate().status == "succeeded"
    with pytest.raises(InvalidRequest) as caught:
        harness.generate(reference_images=[LINKS[0]])
    assert caught.value.code == "unreadable_image"


@pytest.mark.parametrize(
    "first", ["blob:https://film.test/5c3b", "/stills/sarah.jpg", "data:image/png;base64,*"]
)
def test_what_is_no_link_keeps_no_usable_reference_from_being_taken(first: str) -> None:
    harness = Harness()
    harness.while_waiting = harness.settle_all
    assert harness.generate(reference_images=[first, LINKS[0]]).status == "succeeded"
    with pytest.raises(InvalidRequest) as caught:
        harness.generate(reference_images=[first])
    assert caught.value.code in ("unknown_reference", "unreadable_image")


@pytest.mark.parametrize("passing_s", [0, 3600])
def test_the_same_training_is_started_once(passing_s: float) -> None:
    harness = Harness()
    first = harness.train()
    harness.clock.pass_by(seconds=passing_s)
    signed_again = [f"{link}?X-Signature=other" for link in LINKS]
    for link in signed_again:
        harness.media.files[link] = an_image()
    assert harness.train(images_data_url=signed_again).identity_id == first.identity_id
    assert len(harness.workflows.started) == 1


def test_a_file_is_told_from_another_by_the_query() -> None:
    harness = Harness()
    harness.while_waiting = harness.settle_all
    one, other = "https://files.test/uc?id=AAA", "https://files.test/uc?id=BBB"
    harness.media.files |= {one: an_image(), other: an_image(colour="blue")}
    first, second = (harness.generate(reference_images=[link]) for link in (one, other))
    assert first.identity_id != second.identity_id
    assert (
        harness.train(images_data_url=[one]).identity_id != harness.train(images_data_url=[other]).identity_id
    )


def test_what_lies_at_a_link_now_counts() -> None:
    harness = Harness()
    harness.while_waiting = harness.settle_all
    first, training = harness.generate(), harness.train()
    harness.media.files[LINKS[0]] = an_image(colour="blue")
    assert harness.generate().identity_id != first.identity_id
    assert harness.train().identity_id != training.identity_id


def test_the_same_image_from_elsewhere_is_the_same() -> None:
    harness = Harness()
    harness.while_waiting = harness.settle_all
    first = harness.generate()
    harness.media.files["https://cdn.test/copy"] = an_image()
    assert harness.generate(reference_images=["https://cdn.test/copy"]).identity_id == first.identity_id


def test_a_link_in_a_prompt_is_never_cut() -> None:
    harness = Harness()
    prompts = [f"as in https://a.test/?q={word}, Sarah runs" for word in ("dawn", "dusk")]
    started = set()
    for prompt in prompts:
        with pytest.raises(StillRunning) as caught:
            harness.generate(prompt=prompt)
        started.add(caught.value.details["generation_id"])
    assert len(started) == 2


def test_a_call_that_crashed_gives_its_place_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = Harness()
    with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError):
        broken.setattr(harness.identities, "add", lambda *_, **__: 1 // 0)
        harness.train()
    assert harness.train().status == "training"


def test_other_images_words_or_steps_are_another_training() -> None:
    harness = Harness()
    identities = [harness.train(), harness.train(images_data_url=LINKS[:4])]
    identities += [harness.train(trigger_word="JANE"), harness.train(steps=500)]
    assert len({identity.identity_id for identity in identities}) == 4
    assert identities[3].training_steps == 500


def test_a_failed_training_may_be_tried_again() -> None:
    harness = Harness()
    first = harness.train()
    harness.settle_all(status="failed")
    assert harness.train().identity_id != first.identity_id


MISSING = TrainingStatus("missing")
UNAVAILABLE = ProviderUnavailable("astria", "503")


@pytest.mark.parametrize(
    ("days", "said", "is_new"),
    [
        (29, MISSING, False),
        (31, MISSING, True),
        (31, TrainingStatus("done"), False),  # the account has its tunes kept for longer
        (31, UNAVAILABLE, False),
    ],
)
def test_a_tune_that_astria_has_deleted_in_time_is_trained_anew(
    days: int, said: TrainingStatus | Exception, is_new: bool
) -> None:
    harness = Harness()
    first = harness.train_tune()
    harness.settle_all(provider_model_id="7")
    harness.clock.pass_by(days=days)
    harness.astria.training_status = said
    seen = get_or_none(lambda tune_id: harness.service.training("ann", tune_id, "astria"), first.identity_id)
    assert (seen is None) == is_new, "who asks whether it is ready is told"
    again = harness.train_tune()
    assert (again.identity_id != first.identity_id) == is_new
    assert harness.train_tune().identity_id == again.identity_id


def test_a_lora_that_is_ours_never_ends() -> None:
    harness = Harness()
    first = harness.train()
    harness.settle_all(provider_model_id="r1", weights=some_weights())
    harness.clock.pass_by(days=400)
    assert harness.train().identity_id == first.identity_id


@pytest.mark.parametrize("stand_in", ["mock", "simulated"])
def test_what_a_stand_in_trained_is_not_taken_for_a_training(
    monkeypatch: pytest.MonkeyPatch, stand_in: str
) -> None:
    harness = Harness()
    with monkeypatch.context() as tried_out:
        tried_out.setattr(harness.astria, stand_in, True)
        tried = harness.train_tune()
    trained = harness.train_tune()
    assert (getattr(tried, stand_in), getattr(trained, stand_in)) == (True, False)
    monkeypatch.setattr(harness.astria, stand_in, True)
    assert harness.train_tune().identity_id == tried.identity_id
    monkeypatch.undo()
    assert harness.train_tune().identity_id == trained.identity_id
    assert len(harness.workflows.started) == 2


def test_a_refused_training_leaves_nothing_in_the_way() -> None:
    harness = Harness()
    harness.media.files[LINKS[4]] = b"<html>"
    with pytest.raises(InvalidRequest):
        harness.train()
    harness.media.files[LINKS[4]] = an_image()
    assert harness.train().status == "training"
    assert len(harness.workflows.started) == 1


def test_a_training_that_is_being_started_elsewhere_is_waited_for_and_not_started_again() -> None:
    harness = Harness()
    harness.train()
    (identity_id,) = harness.identities.stored
    started = harness.identities.stored.pop(identity_id)
    harness.while_waiting = lambda: harness.identities.stored.update({identity_id: started})
    assert harness.train().identity_id == identity_id

    del harness.identities.stored[identity_id]
    harness.while_waiting = lambda: None
    with pytest.raises(Conflict):
        harness.train()
    harness.clock.pass_by(minutes=2)
    assert harness.train().identity_id != identity_id
    assert len(harness.workflows.started) == 2


def test_a_copied_lora_is_known_by_its_content_and_then_by_its_link() -> None:
    harness = Harness()
    harness.while_waiting = harness.settle_all
    harness.identities.add(an_identity(weights=some_weights(), settled_at=harness.clock()))
    harness.weights.remember("ann", weights_digest(b"lora"), "i1")
    body = LoraGeneration(prompt="Sarah runs", lora_url=LORA)
    assert harness.service.generate_lora("ann", body).identity_id == "i1"
    harness.media.files[LORA] = ProviderRejected("media host", "answered 404")
    assert harness.service.generate_lora("ann", body).identity_id == "i1"


def test_a_link_at_which_another_lora_lies_now_is_not_the_earlier_one() -> None:
    harness = Harness()
    harness.while_waiting = harness.settle_all
    for identity_id, content in (("i1", b"lora"), ("i2", b"other")):
        harness.identities.add(
            an_identity(identity_id=identity_id, weights=some_weights(), settled_at=harness.clock())
        )
        harness.weights.remember("ann", weights_digest(content), identity_id)
    body = LoraGeneration(prompt="Sarah runs", lora_url=LORA)
    assert harness.service.generate_lora("ann", body).identity_id == "i1"
    harness.media.files[LORA] = b"other"
    assert harness.service.generate_lora("ann", body).identity_id == "i2"


def test_a_lora_of_somebody_else_is_not_generated_with() -> None:
    harness = Harness()
    with pytest.raises(InvalidRequest) as caught:
        harness.service.generate_lora("ann", LoraGeneration(prompt="Sarah", lora_url=LORA))
    assert caught.value.code == "unknown_lora"


def test_a_status_is_waited_for_a_little() -> None:
    harness = Harness()
    identity = harness.train()
    assert harness.service.training("ann", identity.identity_id, "fal-lora").status == "training"
    harness.while_waiting = harness.settle_all
    assert harness.service.training("ann", identity.identity_id, "fal-lora").status == "ready"
    with pytest.raises(NotFound):
        harness.service.training("ann", identity.identity_id, "astria")


def test_a_prompt_is_ordered_once_until_its_images_were_seen() -> None:
    harness = Harness()
    tune = CreateTune.model_validate({"tune": {"title": "Character: Sarah", "images": [{"url": LINKS[0]}]}})
    identity_id = harness.service.train_tune("ann", tune).identity_id
    harness.settle_all()
    body = CreatePrompt.model_validate({"prompt": {"text": "Sarah runs"}})
    first = harness.service.order_prompt("ann", identity_id, body).generation_id
    assert harness.service.order_prompt("ann", identity_id, body).generation_id == first
    harness.settle_all()
    assert harness.service.prompt("ann", identity_id, first).status == "succeeded"
    assert harness.service.order_prompt("ann", identity_id, body).generation_id != first
    with pytest.raises(NotFound):
        harness.service.prompt("ann", "other", first)


@pytest.mark.parametrize(
    ("wait_s", "waited_s"), [(None, STATUS_HOLD_S), (3600, STATUS_HOLD_S), (2, 2), (0, 0)]
)
def test_a_status_is_waited_for_as_long_as_the_caller_likes_within_reason(
    wait_s: float | None, waited_s: float
) -> None:
    harness = Harness()
    identity = harness.train()
    before = harness.clock()
    harness.service.training("ann", identity.identity_id, "fal-lora", wait_s)
    assert harness.clock() - before == timedelta(seconds=waited_s)


@pytest.mark.parametrize(
    ("code", "status"), [("generation_failed", 502), ("provider_rejected", 502), ("filtered", 422)]
)
def test_an_image_that_failed_is_an_error_with_its_own_reason(code: str, status: int) -> None:
    harness = Harness()
    failure = Failure(code=code, message="no such luck")
    harness.while_waiting = lambda: harness.settle_all(status="failed", error=failure)
    with pytest.raises(NotGenerated) as caught:
        harness.generate()
    assert (caught.value.status, caught.value.code, caught.value.message) == (status, code, "no such luck")
