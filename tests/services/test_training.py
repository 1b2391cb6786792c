from pathlib import Path

import pytest

from character_identity.domain.budget import usd
from character_identity.domain.errors import ProviderOutcomeUnknown, ProviderRejected, ProviderUnavailable
from character_identity.domain.failure import Failure
from character_identity.domain.identity import Identity
from character_identity.domain.job import JobHandle, ProviderJob
from character_identity.domain.weights_mark import mark_of_content, mark_of_link
from character_identity.ports import TrainingStatus
from character_identity.services.callbacks import Callbacks
from character_identity.services.training import LONGEST_POLL_S, TrainingService, TrainingState
from tests.builders import NOON, a_job, a_training_identity
from tests.event_fakes import FakeEvents
from tests.fakes import (
    Clock,
    FakeBucket,
    FakeIdentities,
    FakeLedger,
    FakeMedia,
    FakeProvider,
    FakeProviders,
    FakeTrainedWeights,
    event_service,
)

WEIGHTS = "https://v3.fal.media/lora.safetensors"


class World:
    def __init__(self, webhooks: bool = True) -> None:
        self.clock = Clock()
        self.ledger, self.events = FakeLedger(), FakeEvents()
        self.ledger.accept(a_job(), self.ledger.default_limit_microusd)
        self.identities = FakeIdentities(a_training_identity(), ledger=self.ledger, events=self.events)
        self.bucket = FakeBucket()
        self.media = FakeMedia(**{WEIGHTS: b"weights"})
        self.provider = FakeProvider()
        self.trained_weights = FakeTrainedWeights()
        self.checked: list[bytes] = []
        self.service = TrainingService(
            self.identities,
            self.ledger,
            self.bucket,
            self.media,
            FakeProviders(self.provider),
            self._check_weights,
            self.trained_weights,
            event_service(self.events),
            Callbacks("https://api.test" if webhooks else "off"),
            self.clock,
        )

    def _check_weights(self, path: Path) -> None:
        self.checked.append(path.read_bytes())

    @property
    def identity(self) -> Identity:
        return self.identities.get("i1")

    @property
    def job(self) -> ProviderJob:
        return self.ledger.rows["training-i1"]

    @property
    def spent_usd(self) -> tuple[float, float]:
        """Reserved and committed."""
        budget = self.ledger.of("ann", "2026-11")
        return usd(budget.reserved_microusd), usd(budget.committed_microusd)

    def begun(self) -> TrainingState:
        return TrainingState(identity_id="i1", state="preparing", deadline_at=self.job.deadline_at)

    def submitted(self) -> TrainingState:
        return self.service.submit(self.service.prepare(self.begun()))

    def trained(self) -> TrainingState:
        state = self.submitted()
        self.provider.training = TrainingStatus("trained", weights_url=WEIGHTS)
        return self.service.check(state)

    def cut_off(self) -> TrainingState:
        """Submitted, and the answer was lost."""

        def cut() -> None:
            raise ProviderOutcomeUnknown("fal", "cut")

        self.provider.on_submit = cut
        state = self.submitted()
        self.provider.on_submit = lambda: None
        return state


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
    assert order.callback_url == "https://api.test/webhooks/fal?job=training-i1&token=secret"
    assert order.archive_url == "https://provider.test/5.zip"


def test_submitting_twice_pays_once() -> None:
    world = World()
    state = world.service.prepare(world.begun())
    assert world.service.submit(state) == world.service.submit(state)
    assert world.provider.paid_calls == 1


def test_an_order_whose_answer_was_lost_is_not_repeated_and_waits_for_the_deadline() -> None:
    world = World()
    state = world.cut_off()
    for _ in range(3):
        assert world.service.submit(state).state == "training"
        state = world.service.check(state)
    assert (state.state, world.job.state, len(world.provider.orders)) == ("training", "unknown", 1)
    world.clock.pass_by(minutes=10)
    world.service.record(world.service.check(state))
    assert world.identity.error is not None
    assert world.identity.error.code == "provider_outcome_unknown"
    assert world.spent_usd == (0, 2), "it may have been billed"


def test_a_callback_settles_an_order_whose_answer_was_lost() -> None:
    world = World()
    state = world.cut_off()
    world.ledger.submitted("training-i1", JobHandle(provider_job_id="told by callback"))
    world.provider.training = TrainingStatus("trained", weights_url=WEIGHTS)
    state = world.service.check(state)
    assert (state.state, world.identity.provider_model_id) == ("trained", "told by callback")


def test_an_order_whose_answer_was_lost_is_found_by_looking_it_up() -> None:
    world = World()
    state = world.cut_off()
    world.provider.finds_jobs, world.provider.found = True, JobHandle(provider_job_id="found")
    state = world.service.check(state)
    assert (state.state, world.job.handle) == ("training", world.provider.found)
    assert (world.identity.phase, world.identity.provider_model_id) == ("queued", "found")


def test_an_order_that_the_provider_does_not_have_is_made_again_but_not_at_once() -> None:
    world = World()
    world.provider.finds_jobs = True
    state = world.service.check(world.cut_off())
    assert state.state == "training"
    world.clock.pass_by(minutes=2)
    state = world.service.check(state)
    assert (state.state, world.job.state) == ("unsubmitted", "accepted")
    assert world.service.submit(state).state == "training"
    assert (world.job.state, world.provider.paid_calls) == ("submitted", 1)


def waits(world: World, count: int) -> list[int]:
    state = world.submitted()
    seen = [state.poll_seconds]
    for _ in range(count - 1):
        state = world.service.check(state)
        seen.append(state.poll_seconds)
    return seen


def test_without_callbacks_the_pauses_grow_to_their_bound() -> None:
    assert waits(World(webhooks=False), 8) == [10, 15, 22, 33, 50, 60, 60, LONGEST_POLL_S]


def test_a_provider_that_calls_back_is_left_alone_for_as_long_as_such_a_job_usually_takes() -> None:
    assert waits(World(), 5) == [40, 240, 10, 15, 22]


def test_a_provider_that_called_back_is_looked_at_again_soon() -> None:
    world = World()
    state = world.submitted()
    world.ledger.bring_news("training-i1")
    assert world.service.check(state).poll_seconds == 15


def test_a_provider_that_asks_for_time_gets_it_but_not_past_the_deadline() -> None:
    world = World()
    state = world.submitted()
    world.provider.training = ProviderUnavailable("fal", "429", retry_after_s=300)
    assert world.service.check(state).poll_seconds == 300
    world.clock.pass_by(seconds=400)
    assert world.service.check(state).poll_seconds == 201


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
    assert world.spent_usd == (0, 0), "nothing was ordered"
    assert state.error == {"code": "provider_rejected", "message": "fal: refused"}


@pytest.mark.parametrize("trouble", ["the link is dead", "the file is cut short"])
def test_weights_that_cannot_be_had_are_tried_again_while_the_link_may_live(trouble: str) -> None:
    world = World()
    state = world.trained()

    def refuse(path: Path) -> None:
        raise ProviderRejected("weights", "cut short")

    if trouble == "the link is dead":
        world.media.files[WEIGHTS] = ProviderRejected("media host", "answered 404")
    else:
        world.service._check_weights = refuse
    with pytest.raises(ProviderUnavailable):
        world.service.store_weights(state)
    world.clock.pass_by(minutes=3)
    state = world.service.record(world.service.store_weights(state))
    assert state.state == "failed"
    assert world.identity.error is not None
    assert world.identity.error.code == "weights_lost"
    assert world.bucket.objects == {}


def test_a_ready_identity_is_told_and_its_money_settled_once() -> None:
    world = World()
    assert world.spent_usd == (2, 0)
    state = world.service.store_weights(world.trained())
    for _ in range(2):
        assert world.service.record(state).state == "ready"
    assert [event.type for event in world.events.stored.values()] == ["IdentityReady"]
    assert world.events.open == set()
    assert world.spent_usd == (0, 2)


def test_what_the_provider_bills_counts_not_the_estimate() -> None:
    world = World()
    state = world.submitted()
    world.provider.training = TrainingStatus("trained", weights_url=WEIGHTS, cost_usd=1.25)
    world.service.record(world.service.store_weights(world.service.check(state)))
    assert (world.spent_usd, world.identity.cost_usd) == ((0, 1.25), 1.25)


def test_what_was_refused_costs_nothing() -> None:
    world = World()

    def refuse() -> None:
        raise ProviderRejected("fal", "no")

    world.provider.on_submit = refuse
    with pytest.raises(ProviderRejected):
        world.submitted()
    error = {"Error": "ProviderRejected", "Cause": '{"errorMessage": "no"}'}
    world.service.record(world.begun().model_copy(update={"error": error}))
    assert (world.spent_usd, world.identity.cost_usd) == ((0, 0), 0)


def test_a_cancelled_training_is_stopped_at_the_provider() -> None:
    world = World()
    state = world.submitted()
    cancelled = {"status": "failed", "settled_at": NOON, "error": Failure(code="cancelled", message="c")}
    world.identities.stored["i1"] = world.identity.model_copy(update=cancelled)
    state = world.service.record(world.service.check(state))
    assert [handle.provider_job_id for handle in world.provider.cancelled] == ["job-1"]
    assert world.provider.erased == []
    assert (state.state, state.error) == ("failed", {"code": "cancelled", "message": "c"})
    assert world.spent_usd == (0, 2), "it may be billed all the same"


@pytest.mark.parametrize("when", ["before the order", "after it", "while the weights come"])
def test_an_erased_identity_leaves_nothing_of_its_training(when: str) -> None:
    world = World()
    if when == "before the order":
        del world.identities.stored["i1"]
        state = world.submitted()
    elif when == "after it":
        state = world.submitted()
        del world.identities.stored["i1"]
        state = world.service.check(state)
        assert [handle.provider_job_id for handle in world.provider.erased] == ["job-1"]
    else:
        state = world.trained()
        world.service._check_weights = lambda path: world.identities.stored.clear()
        state = world.service.store_weights(state)
    state = world.service.record(state)
    assert (state.state, (state.error or {})["code"]) == ("failed", "erased")
    assert world.bucket.objects == {}
    assert world.spent_usd == ((0, 0) if when == "before the order" else (0, 2))


def test_too_late_to_order() -> None:
    world = World()
    state = world.service.prepare(world.begun())
    world.clock.pass_by(minutes=10)
    state = world.service.submit(state)
    assert (state.state, state.poll_seconds) == ("training", 1)
    assert world.service.check(state).state == "failed"
    assert world.provider.orders == []


def test_a_settled_identity_is_not_settled_again() -> None:
    world = World()
    state = TrainingState(identity_id="i1", state="ready")
    world.service.record(state)
    late = world.service.record(state.model_copy(update={"error": {"code": "x", "message": "late"}}))
    assert (late.state, late.error, world.identity.status) == ("ready", None, "ready")
