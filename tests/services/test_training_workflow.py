import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from character_identity.domain.budget import usd
from character_identity.domain.errors import (
    ProviderNotConfigured,
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
    ServiceError,
)
from character_identity.domain.failure import Failure
from character_identity.domain.identity import Identity
from character_identity.domain.job import LONGEST_WAIT, JobHandle, ProviderJob
from character_identity.domain.weights_digest import link_digest, weights_digest
from character_identity.ports.providers import Cancellation, Found, TrainingStatus
from character_identity.services.jobs.callback_addresses import CallbackAddresses
from character_identity.services.jobs.state import MOST_RUNS
from character_identity.services.jobs.training import FOLDER, LONGEST_RUN_S, TrainingState, TrainingWorkflow
from character_identity.services.jobs.workflow import ANSWERS_WITHIN, STOPS_WITHIN
from tests.support.builders import DEADLINE, NO_LIMIT, NOON, a_job, a_training_identity
from tests.support.event_fakes import FakeEvents
from tests.support.fakes import (
    Clock,
    FakeBucket,
    FakeIdentities,
    FakeLedger,
    FakeMedia,
    FakeProvider,
    FakeProviders,
    FakeTrainedWeights,
    event_service,
    slots_without_limit,
)

WEIGHTS = "https://v3.fal.media/lora.safetensors"

A_BUG = {"Error": "KeyError", "Cause": '{"errorMessage": "a bug"}'}


class Harness:
    def __init__(self, webhooks: bool = True) -> None:
        self.clock = Clock()
        self.ledger, self.events = FakeLedger(), FakeEvents()
        self.ledger.accept(a_job(), self.ledger.default_limit_microusd, NO_LIMIT)
        self.identities = FakeIdentities(a_training_identity(), ledger=self.ledger, events=self.events)
        self.bucket = FakeBucket()
        self.media = FakeMedia(**{WEIGHTS: b"weights"})
        self.provider = FakeProvider()
        self.trained_weights = FakeTrainedWeights()
        self.checked: list[bytes] = []
        self.service = TrainingWorkflow(
            self.identities,
            self.ledger,
            self.bucket,
            self.media,
            FakeProviders(self.provider),
            slots_without_limit(self.clock),
            self._check_weights,
            self.trained_weights,
            event_service(self.events),
            CallbackAddresses("https://api.test" if webhooks else "off"),
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
        return TrainingState(job_id="training-i1", state="preparing", deadline_at=self.job.deadline_at)

    def submitted(self) -> TrainingState:
        return self.service.submit(self.service.prepare(self.begun()))

    def trained(self) -> TrainingState:
        state = self.submitted()
        self.provider.training_status = TrainingStatus("done", weights_url=WEIGHTS)
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
    harness = Harness()
    state = harness.submitted()
    assert (harness.identity.phase, harness.identity.cost_usd) == ("queued", 2.0)

    harness.provider.training_status = TrainingStatus("running", fraction=0.5)
    state = harness.service.check(state)
    assert (state.state, harness.identity.phase, harness.identity.progress) == ("training", "training", 55)

    harness.provider.training_status = TrainingStatus("done", weights_url=WEIGHTS)
    state = harness.service.store_weights(harness.service.check(state))
    harness.clock.pass_by(minutes=2)
    state = harness.service.record(state)

    assert (state.state, state.error) == ("ready", None)
    assert (harness.identity.status, harness.identity.progress) == ("ready", 100)
    assert harness.identity.weights is not None
    assert harness.bucket.objects[harness.identity.weights.key] == b"weights" == harness.checked[0]
    links = (WEIGHTS, harness.bucket.link(harness.identity.weights.key).partition("?")[0])
    for digest in (
        *(link_digest(f"{link}?X-Amz-Signature=again") for link in links),
        weights_digest(b"weights"),
    ):
        assert harness.trained_weights.find("ann", digest) == "i1"


def test_the_order_carries_trigger_word_title_and_archive() -> None:
    harness = Harness()
    harness.submitted()
    (order,) = harness.provider.orders
    assert (order.trigger_word, order.title) == ("SARAH_I1", "Sarah [i1]")
    assert order.callback_url == "https://api.test/webhooks/fal?job=training-i1&token=secret"
    assert order.archive_url == "https://provider.test/5.zip"


def test_submitting_twice_pays_once() -> None:
    harness = Harness()
    state = harness.service.prepare(harness.begun())
    assert harness.service.submit(state) == harness.service.submit(state)
    assert harness.provider.paid_calls == 1


def test_an_order_whose_answer_was_lost_is_not_repeated_and_waits_for_the_deadline() -> None:
    harness = Harness()
    state = harness.cut_off()
    for _ in range(3):
        assert harness.service.submit(state).state == "training"
        state = harness.service.check(state)
    assert (state.state, harness.job.state, len(harness.provider.orders)) == ("training", "unknown", 1)
    harness.clock.pass_by(minutes=10)
    harness.service.record(harness.service.check(state))
    assert harness.identity.error is not None
    assert harness.identity.error.code == "provider_outcome_unknown"
    assert harness.spent_usd == (0, 2), "it may have been billed"


def test_a_callback_settles_an_order_whose_answer_was_lost() -> None:
    harness = Harness()
    state = harness.cut_off()
    harness.ledger.submitted("training-i1", JobHandle(provider_job_id="named by a callback"))
    harness.provider.training_status = TrainingStatus("done", weights_url=WEIGHTS)
    state = harness.service.check(state)
    assert (state.state, harness.identity.provider_model_id) == ("trained", "named by a callback")


def test_an_order_whose_answer_was_lost_is_found_by_looking_it_up() -> None:
    harness = Harness()
    state = harness.cut_off()
    handle = JobHandle(provider_job_id="found")
    harness.provider.supports_lookup, harness.provider.found = True, Found(certain=(handle,))
    state = harness.service.check(state)
    assert (state.state, harness.job.handle) == ("training", handle)
    assert (harness.identity.phase, harness.identity.provider_model_id) == ("queued", "found")


def test_an_order_that_the_provider_does_not_have_is_made_again_but_not_at_once() -> None:
    harness = Harness()
    harness.provider.supports_lookup = True
    state = harness.service.check(harness.cut_off())
    assert state.state == "training"
    harness.clock.pass_by(minutes=2)
    state = harness.service.check(state)
    assert (state.state, harness.job.state, state.poll_seconds) == ("training", "unknown", 120)
    harness.clock.pass_by(minutes=2)
    state = harness.service.check(state)
    assert (state.state, harness.job.state, state.missing_since) == ("unsubmitted", "accepted", None)
    assert harness.service.submit(state).state == "training"
    assert (harness.job.state, harness.provider.paid_calls) == ("submitted", 1)


def test_a_list_that_lags_once_has_nothing_ordered_again() -> None:
    harness = Harness()
    harness.provider.supports_lookup = True
    state = harness.cut_off()
    harness.clock.pass_by(minutes=2)
    state = harness.service.check(state)
    handle = JobHandle(provider_job_id="listed late")
    harness.provider.found = Found(certain=(handle,))
    harness.clock.pass_by(minutes=2)
    state = harness.service.check(state)
    assert (state.state, harness.job.handle, state.missing_since) == ("training", handle, None)


HANDLES = tuple(JobHandle(provider_job_id=name) for name in ("one", "two"))
OTHER = "training-i2"


def looked_up(found: Found, *, others: str = "", minutes: int = 2) -> tuple[str, str | None]:
    """Look up an order whose answer was lost; the state, and by what the provider's job is known.

    ``others``: what another order has that was made with it, ``one`` of the handles or no answer.
    """
    harness = Harness()
    state = harness.cut_off()
    if others:
        harness.ledger.rows[OTHER] = a_job(job_id=OTHER, subject_id="i2", identity_id="i2")
        harness.ledger.intend(OTHER, harness.clock(), DEADLINE)
    if others == "one":
        harness.ledger.submitted(OTHER, HANDLES[0])
    harness.provider.supports_lookup, harness.provider.found = True, found
    harness.clock.pass_by(minutes=minutes)
    state = harness.service.check(state)
    if state.missing_since is not None:
        harness.clock.pass_by(minutes=2)
        state = harness.service.check(state)
    handle = harness.job.handle
    return state.state, None if handle is None else handle.provider_job_id


@pytest.mark.parametrize(
    ("found", "others", "expected"),
    [
        (Found(certain=HANDLES), "", ("training", "one")),
        (Found(certain=HANDLES), "one", ("training", "two")),
        (Found(certain=HANDLES[:1]), "one", ("unsubmitted", None)),
        (Found(certain=HANDLES[:1], is_whole=False), "one", ("training", None)),
        (Found(certain=HANDLES[:1], possible=HANDLES[1:], is_whole=False), "", ("training", "one")),
        (Found(possible=HANDLES[:1]), "", ("training", "one")),
        (Found(possible=HANDLES[:1], is_whole=False), "", ("training", "one")),
        (Found(possible=HANDLES), "", ("training", None)),
        (Found(possible=HANDLES), "one", ("training", "two")),
        (Found(possible=HANDLES[:1]), "one", ("unsubmitted", None)),
        (Found(possible=HANDLES[:1]), "none", ("training", None)),
        (Found(is_whole=False), "", ("training", None)),
        (Found(), "none", ("unsubmitted", None)),
    ],
    ids=str,
)
def test_a_job_at_the_provider_is_ours_if_it_can_be_nobody_elses(
    found: Found, others: str, expected: tuple[str, str | None]
) -> None:
    assert looked_up(found, others=others) == expected


@pytest.mark.parametrize("found", [Found(possible=HANDLES[:1]), Found()], ids=["a possible one", "none"])
def test_before_all_are_listed_nothing_is_concluded_from_what_is_not(found: Found) -> None:
    assert looked_up(found, minutes=1) == ("training", None)


def waits(harness: Harness, count: int) -> list[int]:
    state = harness.submitted()
    seen = [state.poll_seconds]
    for _ in range(count - 1):
        state = harness.service.check(state)
        seen.append(state.poll_seconds)
    return seen


def test_an_order_that_fails_again_and_again_is_given_up() -> None:
    harness = Harness()
    harness.provider.supports_lookup = True
    state = harness.cut_off()
    for _ in range(10):
        harness.clock.pass_by(minutes=2)
        state = harness.service.check(state)
        if state.state == "failed":
            break
        harness.provider.on_submit = _cut
        state = harness.service.submit(state)
    assert (state.error or {})["code"] == "order_not_taken"
    assert harness.provider.paid_calls == 0
    harness.service.record(state)
    assert harness.spent_usd == (0, 0)


def _cut() -> None:
    raise ProviderOutcomeUnknown("fal", "answered 500")


@pytest.mark.parametrize("times", [1, 2])
def test_a_job_that_is_missing_for_a_moment_goes_on(times: int) -> None:
    harness = Harness()
    state = harness.submitted()
    harness.clock.pass_by(minutes=3)
    harness.provider.training_status = TrainingStatus("missing", reason="It is not known any more.")
    for _ in range(times):
        state = harness.service.check(state)
        assert state.state == "training"
        assert state.poll_seconds == 120, "and not the hours that one waits for a callback"
        harness.clock.pass_by(seconds=100)
    harness.provider.training_status = TrainingStatus("running")
    state = harness.service.check(state)
    assert (state.state, state.missing_since) == ("training", None)
    harness.provider.training_status = TrainingStatus("done", weights_url=WEIGHTS)
    assert harness.service.check(state).state == "trained"


def test_a_job_that_stays_missing_has_failed() -> None:
    harness = Harness()
    state = harness.submitted()
    harness.clock.pass_by(minutes=3)
    harness.provider.training_status = TrainingStatus("missing", reason="It is not known any more.")
    state = harness.service.check(state)
    harness.clock.pass_by(minutes=2)
    state = harness.service.check(state)
    failure = Failure(code="training_failed", message="It is not known any more.")
    assert state == state.failed(failure)


ODD = TrainingStatus("failed", reason="fal answered a training without weights.", is_odd=True, cost_usd=0.5)


@pytest.mark.parametrize("after_minutes", [0, 3])
def test_one_odd_answer_in_a_results_place_ends_nothing_and_the_second_does(after_minutes: int) -> None:
    for ends in (TrainingStatus("done", weights_url=WEIGHTS), ODD):
        harness = Harness()
        state = harness.submitted()
        harness.clock.pass_by(minutes=after_minutes)
        harness.provider.training_status = ODD
        state = harness.service.check(state)
        assert state.state == "training"
        if after_minutes == 0:  # just after the order it does not count
            harness.clock.pass_by(minutes=2)
            state = harness.service.check(state)
        harness.clock.pass_by(minutes=2)
        harness.provider.training_status = ends
        state = harness.service.check(state)
        assert state.state == ("failed" if ends is ODD else "trained")
        assert harness.job.reported_microusd == (500_000 if ends is ODD else None)


def test_a_job_that_was_just_ordered_is_not_missing_yet() -> None:
    harness = Harness()
    state = harness.submitted()
    harness.provider.training_status = TrainingStatus("missing")
    for _ in range(3):
        harness.clock.pass_by(seconds=39)
        state = harness.service.check(state)
    assert (state.state, state.missing_since) == ("training", None)


def test_without_callbacks_the_pauses_grow_to_their_bound() -> None:
    assert waits(Harness(webhooks=False), 8) == [10, 15, 22, 33, 50, 60, 60, TrainingWorkflow.longest_poll_s]


def test_a_provider_that_calls_back_is_left_alone_for_as_long_as_such_a_job_usually_takes() -> None:
    assert waits(Harness(), 5) == [40, 240, 10, 15, 22]


def test_a_provider_that_called_back_is_polled_again_soon() -> None:
    harness = Harness()
    state = harness.submitted()
    harness.ledger.record_callback("training-i1")
    assert harness.service.check(state).poll_seconds == 15


def test_a_provider_that_asks_for_time_gets_it_but_not_past_the_deadline() -> None:
    harness = Harness()
    state = harness.submitted()
    harness.provider.training_status = ProviderUnavailable("fal", "429", retry_after_s=300)
    assert harness.service.check(state).poll_seconds == 300
    harness.clock.pass_by(seconds=400)
    assert harness.service.check(state).poll_seconds == 201


@pytest.mark.parametrize("for_s", [121, 3600])
def test_an_order_that_a_provider_puts_off_waits_for_its_time_and_for_a_day_at_most(for_s: int) -> None:
    harness = Harness()

    def is_busy() -> None:
        raise ProviderUnavailable("fal", "429", retry_after_s=for_s, is_busy=True)

    harness.provider.on_submit = is_busy
    state, began_at = harness.submitted(), harness.clock()
    assert (state.state, state.poll_seconds) == ("waiting", for_s)
    while state.state != "failed":
        harness.clock.pass_by(seconds=state.poll_seconds)
        state = harness.service.check(state)
        state = harness.service.submit(state) if state.state == "unsubmitted" else state
    harness.service.record(state)
    assert harness.identity.error and harness.identity.error.code == "not_ordered"
    assert LONGEST_WAIT <= harness.clock() - began_at <= LONGEST_WAIT + timedelta(minutes=1)
    assert harness.spent_usd == (0, 0)


def test_an_order_that_another_machine_made_meanwhile_is_not_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = Harness()
    withdraw = harness.ledger.withdraw

    def is_busy() -> None:
        raise ProviderUnavailable("fal", "429", retry_after_s=3600, is_busy=True)

    def ordered_right_after(*intent: Any) -> None:
        withdraw(*intent)
        harness.ledger.intend("training-i1", harness.clock(), DEADLINE)
        harness.ledger.submitted("training-i1", JobHandle(provider_job_id="job-1"))

    harness.provider.on_submit = is_busy
    monkeypatch.setattr(harness.ledger, "withdraw", ordered_right_after)
    with pytest.raises(ProviderUnavailable):
        harness.submitted()
    assert harness.job.deadline_at == DEADLINE
    assert harness.service.submit(harness.begun()).state == "training"


def test_progress_never_goes_back() -> None:
    harness = Harness()
    state = harness.submitted()
    for fraction in (0.8, 0.3, None):
        harness.provider.training_status = TrainingStatus("running", fraction=fraction)
        state = harness.service.check(state)
    assert harness.identity.progress == 76


@pytest.mark.parametrize(
    "refusal",
    [ProviderRejected("fal", "answered 405"), ProviderNotConfigured("The key was taken away.")],
    ids=type,
)
def test_a_job_that_we_are_not_let_see_goes_on(refusal: ServiceError) -> None:
    harness = Harness()
    state = harness.submitted()
    harness.provider.training_status = refusal
    for _ in range(3):
        state = harness.service.check(state)
        assert (state.state, state.error) == ("training", None)
    harness.provider.training_status = TrainingStatus("done", weights_url=WEIGHTS)
    assert harness.service.check(state).state == "trained"


@pytest.mark.parametrize("cancels", ["asked", "finished", "impossible"])
def test_a_provider_that_does_not_answer_at_the_deadline_is_asked_for_an_hour(cancels: Cancellation) -> None:
    harness = Harness()
    state = harness.submitted()
    harness.provider.cancels = cancels
    harness.provider.training_status = ProviderUnavailable("fal", "down")
    while state.state == "training":
        harness.clock.pass_by(minutes=4)
        state = harness.service.check(state)
    silent_for = harness.clock() - DEADLINE
    assert ANSWERS_WITHIN <= silent_for <= ANSWERS_WITHIN + 2 * STOPS_WITHIN
    assert (state.error or {})["code"] == "deadline_exceeded"


@pytest.mark.parametrize("answer", [TrainingStatus("done", weights_url=WEIGHTS), TrainingStatus("running")])
def test_what_it_says_then_counts(answer: TrainingStatus) -> None:
    harness = Harness()
    state = harness.submitted()
    harness.provider.training_status = ProviderUnavailable("fal", "down")
    while harness.clock() < DEADLINE + timedelta(minutes=40):
        harness.clock.pass_by(minutes=4)
        state = harness.service.check(state)
    answered_at = harness.clock()
    harness.provider.training_status = answer
    while state.state == "training":
        harness.clock.pass_by(seconds=state.poll_seconds)
        state = harness.service.check(state)
    assert state.state == ("trained" if answer.state == "done" else "failed")
    assert harness.clock() - answered_at <= 2 * STOPS_WITHIN + timedelta(minutes=1)


def test_past_the_deadline_a_training_is_failed() -> None:
    harness = Harness()
    state = harness.submitted()
    assert harness.service.check(state).state == "training"
    harness.clock.pass_by(seconds=600)
    state = harness.service.check(state)
    while state.state == "training":  # until it is stopped, for some minutes
        harness.clock.pass_by(seconds=state.poll_seconds)
        state = harness.service.check(state)
    state = harness.service.record(state)
    assert harness.identity.status == "failed"
    assert harness.clock() <= harness.ledger.rows["training-i1"].deadline_at + STOPS_WITHIN
    assert state.error is not None
    assert state.error["code"] == "deadline_exceeded"


def test_a_training_that_the_provider_failed_says_why() -> None:
    harness = Harness()
    state = harness.submitted()
    harness.provider.training_status = TrainingStatus("failed", reason="no face found")
    harness.service.record(harness.service.check(state))
    assert harness.identity.error is not None
    assert (harness.identity.error.code, harness.identity.error.message) == (
        "training_failed",
        "no face found",
    )


def test_an_error_that_a_catch_brought_is_recorded() -> None:
    harness = Harness()
    caught = {"Error": "ProviderRejected", "Cause": '{"errorMessage": "fal: refused"}'}
    state = harness.service.record(TrainingState(job_id="training-i1", state="preparing", error=caught))
    assert (state.state, harness.identity.status) == ("failed", "failed")
    assert harness.spent_usd == (0, 0), "nothing was ordered"
    assert state.error == {"code": "provider_rejected", "message": "fal: refused"}


def test_a_task_that_fails_for_good_fails_no_job_that_another_machine_may_go_on_with() -> None:
    harness = Harness()
    state = harness.submitted().model_copy(update={"error": A_BUG})
    state = harness.service.record(state)
    assert (state.state, state.error) == ("failed", {"code": "internal_error", "message": "a bug"})
    assert (harness.identity.status, harness.job.open) == ("training", True)


def test_what_a_catch_brought_of_a_job_that_may_go_on_leaves_its_money_until_it_is_stopped() -> None:
    harness = Harness()
    state = harness.submitted().model_copy(update={"error": A_BUG})
    harness.ledger.rows["training-i1"] = harness.job.model_copy(update={"runs": MOST_RUNS})
    state = harness.service.record(state)
    assert (state.state, harness.identity.status, harness.job.open) == ("failed", "failed", True)


def test_a_catch_leaves_the_money_of_a_cancelled_order_without_an_answer_to_the_look_up() -> None:
    harness = Harness()
    state = harness.cut_off()
    cancelled = {"status": "failed", "settled_at": NOON, "error": Failure(code="cancelled", message="c")}
    harness.identities.stored["i1"] = harness.identity.model_copy(update=cancelled)
    state = harness.service.record(state.model_copy(update={"error": A_BUG}))
    assert (state.state, harness.job.open) == ("cancelled", True)
    harness.provider.supports_lookup, harness.provider.cancels = True, "dropped"
    harness.provider.found = Found(certain=(JobHandle(provider_job_id="found"),))
    another = harness.service.check(harness.service.check(harness.submitted()))
    harness.service.record(another)
    assert [handle.provider_job_id for handle in harness.provider.cancelled] == ["found"]
    assert harness.spent_usd == (0, 0)


def test_what_an_attempt_left_that_was_ended_in_the_middle_takes_no_room_from_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ours = tmp_path / FOLDER
    left, others, of_another = ours / "1", ours / "2", tmp_path / "elsewhere"
    for folder in (left, others, of_another):
        folder.mkdir(parents=True)
        (folder / "lora.safetensors").write_bytes(b"weig")
    ended = time.time() - LONGEST_RUN_S - 1
    for folder in (left, of_another):
        os.utime(folder, (ended, ended))
    gone = ours / "3"  # between the look for it and at it
    gone.symlink_to(tmp_path / "nowhere")
    harness = Harness()
    harness.service.store_weights(harness.trained())
    assert (sorted(ours.iterdir()), of_another.exists()) == ([others, gone], True)


@pytest.mark.parametrize("trouble", ["the link is dead", "the file is cut short"])
def test_weights_that_cannot_be_had_are_tried_again_while_the_link_may_live(trouble: str) -> None:
    harness = Harness()
    state = harness.trained()

    def refuse(path: Path) -> None:
        raise ProviderRejected("weights", "cut short")

    if trouble == "the link is dead":
        harness.media.files[WEIGHTS] = ProviderRejected("media host", "answered 404")
    else:
        harness.service._check_weights = refuse
    with pytest.raises(ProviderUnavailable):
        harness.service.store_weights(state)
    harness.clock.pass_by(minutes=3)
    state = harness.service.record(harness.service.store_weights(state))
    assert state.state == "failed"
    assert harness.identity.error is not None
    assert harness.identity.error.code == "weights_lost"
    assert harness.bucket.objects == {}


def test_a_ready_identity_is_reported_and_its_money_settled_once() -> None:
    harness = Harness()
    assert harness.spent_usd == (2, 0)
    state = harness.service.store_weights(harness.trained())
    for _ in range(2):
        assert harness.service.record(state).state == "ready"
    assert [event.type for event in harness.events.stored.values()] == ["IdentityReady"]
    assert harness.events.open == set()
    assert harness.spent_usd == (0, 2)


def test_what_the_provider_bills_counts_not_the_estimate() -> None:
    harness = Harness()
    state = harness.submitted()
    harness.provider.training_status = TrainingStatus("done", weights_url=WEIGHTS, cost_usd=1.25)
    harness.service.record(harness.service.store_weights(harness.service.check(state)))
    assert (harness.spent_usd, harness.identity.cost_usd) == ((0, 1.25), 1.25)


def test_what_was_refused_costs_nothing() -> None:
    harness = Harness()

    def refuse() -> None:
        raise ProviderRejected("fal", "no")

    harness.provider.on_submit = refuse
    with pytest.raises(ProviderRejected):
        harness.submitted()
    error = {"Error": "ProviderRejected", "Cause": '{"errorMessage": "no"}'}
    harness.service.record(harness.begun().model_copy(update={"error": error}))
    assert (harness.spent_usd, harness.identity.cost_usd) == ((0, 0), 0)


def test_a_cancelled_training_is_stopped_at_the_provider() -> None:
    harness = Harness()
    state = harness.submitted()
    cancelled = {"status": "failed", "settled_at": NOON, "error": Failure(code="cancelled", message="c")}
    harness.identities.stored["i1"] = harness.identity.model_copy(update=cancelled)
    state = harness.service.record(harness.service.check(state))
    assert [handle.provider_job_id for handle in harness.provider.cancelled] == ["job-1"]
    assert harness.provider.erased == []
    assert (state.state, state.error) == ("cancelled", {"code": "cancelled", "message": "c"})
    assert harness.spent_usd == (0, 2), "it may be billed all the same"


def test_a_cancelled_training_says_what_it_cost_once_that_is_known() -> None:
    harness = Harness()
    state = harness.submitted()
    harness.service.check(state)
    cancelled = {"status": "failed", "settled_at": NOON, "error": Failure(code="cancelled", message="c")}
    harness.identities.stored["i1"] = harness.identity.model_copy(update=cancelled)
    harness.provider.cancels = "dropped"
    harness.service.record(harness.service.check(state))
    assert (harness.spent_usd, harness.identity.cost_usd) == ((0, 0), 0)
    assert harness.identity.error == cancelled["error"]


@pytest.mark.parametrize("is_erased", [False, True], ids=["cancelled", "erased"])
@pytest.mark.parametrize("shows", ["dropped", "finished", "asked"])
def test_whether_a_cancelled_training_was_stopped_in_time_may_show_later(
    shows: Cancellation, is_erased: bool
) -> None:
    harness = Harness()
    state = harness.submitted()
    cancelled = {"status": "failed", "settled_at": NOON, "error": Failure(code="cancelled", message="c")}
    harness.identities.stored["i1"] = harness.identity.model_copy(update=cancelled)
    if is_erased:
        del harness.identities.stored["i1"]
    state = harness.service.check(state)
    assert (state.state, state.poll_seconds) == ("training", 30)
    harness.provider.cancels = shows
    while state.state == "training":
        harness.clock.pass_by(seconds=state.poll_seconds)
        state = harness.service.check(state)
    harness.service.record(state)
    assert harness.spent_usd == (0, 0 if shows == "dropped" else 2)
    assert len(harness.provider.cancelled) == (11 if shows == "asked" else 2)
    assert len(harness.provider.erased) == int(is_erased), "not before it is known"


@pytest.mark.parametrize("when", ["before the order", "after it", "while the weights come"])
def test_an_erased_identity_leaves_nothing_of_its_training(when: str) -> None:
    harness = Harness()
    if when == "before the order":
        del harness.identities.stored["i1"]
        state = harness.submitted()
    elif when == "after it":
        state = harness.submitted()
        del harness.identities.stored["i1"]
        harness.provider.cancels = "finished"
        state = harness.service.check(state)
        assert [handle.provider_job_id for handle in harness.provider.erased] == ["job-1"]
    else:
        state = harness.trained()
        harness.service._check_weights = lambda path: harness.identities.stored.clear()
        state = harness.service.store_weights(state)
    state = harness.service.record(state)
    assert (state.state, (state.error or {})["code"]) == ("cancelled", "erased")
    assert harness.bucket.objects == {}
    assert harness.spent_usd == ((0, 0) if when == "before the order" else (0, 2))


def test_too_late_to_order() -> None:
    harness = Harness()
    state = harness.service.prepare(harness.begun())
    harness.clock.pass_by(minutes=10)
    state = harness.service.submit(state)
    assert (state.state, state.poll_seconds) == ("training", 1)
    assert harness.service.check(state).state == "failed"
    assert harness.provider.orders == []


def test_a_settled_identity_is_not_settled_again() -> None:
    harness = Harness()
    state = TrainingState(job_id="training-i1", state="ready")
    harness.service.record(state)
    late = harness.service.record(state.model_copy(update={"error": {"code": "x", "message": "late"}}))
    assert (late.state, late.error, harness.identity.status) == ("ready", None, "ready")
