from pathlib import Path

import pytest

from character_identity.domain.errors import ProviderOutcomeUnknown, ProviderRejected, ProviderUnavailable
from character_identity.domain.identity import Identity
from character_identity.domain.weights_mark import mark_of_content, mark_of_link
from character_identity.ports import TrainingStatus
from character_identity.services.training import LONGEST_POLL_S, TrainingService, TrainingState
from tests.builders import a_training_identity
from tests.fakes import (
    Clock,
    FakeBucket,
    FakeIdentities,
    FakeLedger,
    FakeMedia,
    FakeProvider,
    FakeProviders,
    FakeTrainedWeights,
)

WEIGHTS = "https://v3.fal.media/lora.safetensors"


class World:
    def __init__(self, state: TrainingState | None = None) -> None:
        self.clock = Clock()
        self.identities = FakeIdentities(a_training_identity())
        self.bucket = FakeBucket()
        self.media = FakeMedia(**{WEIGHTS: b"weights"})
        self.provider = FakeProvider()
        self.trained_weights = FakeTrainedWeights()
        self.checked: list[bytes] = []
        self.service = TrainingService(
            self.identities,
            FakeLedger(),
            self.bucket,
            self.media,
            FakeProviders(self.provider),
            self._check_weights,
            self.trained_weights,
            self.clock,
        )

    def _check_weights(self, path: Path) -> None:
        self.checked.append(path.read_bytes())

    @property
    def identity(self) -> Identity:
        return self.identities.get("i1")

    def submitted(self) -> TrainingState:
        return self.service.submit(self.service.prepare(TrainingState(identity_id="i1", state="preparing")))


def test_the_happy_path_ends_ready_with_checked_weights_of_our_own() -> None:
    world = World()
    state = world.submitted()
    assert (world.identity.phase, world.identity.cost_usd) == ("queued", 2.0)

    world.provider.training = TrainingStatus("training", fraction=0.5)
    state = world.service.check(state)
    assert (state.state, world.identity.phase, world.identity.progress) == ("training", "training", 55)

    world.provider.training = TrainingStatus("trained", weights_url=WEIGHTS)
    state = world.service.store_weights(world.service.check(state))
    world.clock.pass_by(minutes=2)
    state = world.service.record(state)

    assert (state.state, state.error) == ("ready", None)
    assert (world.identity.status, world.identity.progress) == ("ready", 100)
    assert world.identity.weights is not None
    assert world.bucket.objects[world.identity.weights.key] == b"weights" == world.checked[0]
    links = (WEIGHTS, world.bucket.link(world.identity.weights.key).partition("?")[0])
    for mark in (*(mark_of_link(f"{link}?signed=again") for link in links), mark_of_content(b"weights")):
        assert world.trained_weights.find("ann", mark) == "i1"


def test_the_order_carries_trigger_word_title_and_archive() -> None:
    world = World()
    world.submitted()
    (order,) = world.provider.orders
    assert (order.trigger_word, order.title) == ("SARAH", "Sarah [i1]")
    assert order.archive_url == "https://provider.test/5.zip"


def test_submitting_twice_pays_once() -> None:
    world = World()
    state = world.service.prepare(TrainingState(identity_id="i1", state="preparing"))
    assert world.service.submit(state) == world.service.submit(state)
    assert world.provider.paid_calls == 1


def test_an_unknown_outcome_is_raised_for_the_machine_and_not_repeated() -> None:
    world = World()

    def cut() -> None:
        raise ProviderOutcomeUnknown("fal", "cut")

    world.provider.on_submit = cut
    for _ in range(2):
        with pytest.raises(ProviderOutcomeUnknown):
            world.submitted()
    assert len(world.provider.orders) == 1


def test_the_poll_interval_grows_to_its_bound() -> None:
    world = World()
    state = world.submitted()
    seen = []
    for _ in range(8):
        state = world.service.check(state)
        seen.append(state.poll_seconds)
    assert seen == [15, 22, 33, 49, 60, 60, 60, LONGEST_POLL_S]


def test_progress_never_goes_back() -> None:
    world = World()
    state = world.submitted()
    for fraction in (0.8, 0.3, None):
        world.provider.training = TrainingStatus("training", fraction=fraction)
        state = world.service.check(state)
    assert world.identity.progress == 76


@pytest.mark.parametrize("answer", [TrainingStatus("training"), ProviderUnavailable("fal", "down")])
def test_past_the_deadline_a_training_is_failed_whatever_the_provider_says(
    answer: TrainingStatus | Exception,
) -> None:
    world = World()
    state = world.submitted()
    world.provider.training = answer
    assert world.service.check(state).state == "training"
    world.clock.pass_by(seconds=600)
    state = world.service.record(world.service.check(state))
    assert world.identity.status == "failed"
    assert state.error is not None
    assert state.error["code"] == "deadline_exceeded"


def test_a_training_that_the_provider_failed_says_why() -> None:
    world = World()
    state = world.submitted()
    world.provider.training = TrainingStatus("failed", reason="no face found")
    world.service.record(world.service.check(state))
    assert world.identity.error is not None
    assert (world.identity.error.code, world.identity.error.message) == ("training_failed", "no face found")


def test_an_error_that_a_catch_brought_is_recorded() -> None:
    world = World()
    caught = {"Error": "ProviderRejected", "Cause": '{"errorMessage": "fal: refused"}'}
    state = world.service.record(TrainingState(identity_id="i1", state="preparing", error=caught))
    assert (state.state, world.identity.status) == ("failed", "failed")
    assert state.error == {"code": "provider_rejected", "message": "fal: refused"}


def test_bad_weights_are_refused_and_not_stored() -> None:
    world = World()
    state = world.submitted()
    world.provider.training = TrainingStatus("trained", weights_url=WEIGHTS)
    state = world.service.check(state)

    def refuse(path: Path) -> None:
        raise ProviderRejected("weights", "cut short")

    world.service._check_weights = refuse
    with pytest.raises(ProviderRejected):
        world.service.store_weights(state)
    assert world.bucket.objects == {}


def test_a_settled_identity_is_not_settled_again() -> None:
    world = World()
    state = TrainingState(identity_id="i1", state="ready")
    world.service.record(state)
    late = world.service.record(state.model_copy(update={"error": {"code": "x", "message": "late"}}))
    assert (late.state, late.error, world.identity.status) == ("ready", None, "ready")
