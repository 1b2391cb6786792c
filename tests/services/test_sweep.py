from datetime import datetime, timedelta
from typing import Any

import pytest

from character_identity.domain.errors import ProviderRejected, ProviderUnavailable
from character_identity.domain.event import Event, event_id_of
from character_identity.domain.failure import Failure
from character_identity.domain.generation import GeneratedImage
from character_identity.domain.job import JobHandle, ProviderJob
from character_identity.domain.score import NotScored
from character_identity.domain.scored_generation import LATE_REASON, SCORED_WITHIN
from character_identity.domain.view import EncoderVersion
from character_identity.observability import ORIGIN, keys_of, log_keys
from character_identity.ports.providers import Cancellation
from character_identity.ports.stores import OpenRow
from character_identity.services.erasure import ErasureService
from character_identity.services.jobs.callback_addresses import CallbackAddresses
from character_identity.services.jobs.callbacks import CallbackService
from character_identity.services.jobs.generation import GenerationWorkflow
from character_identity.services.jobs.state import MOST_RUNS
from character_identity.services.jobs.sweep import (
    GRACE,
    LEASE,
    MOST_ROWS,
    RECHECK_AFTER,
    SweepService,
    Swept,
)
from character_identity.services.jobs.training import TrainingWorkflow
from character_identity.services.late_scores import LateScoreService
from character_identity.services.webhooks.events import EventService
from tests.support.builders import (
    DEADLINE,
    NO_LIMIT,
    NOON,
    a_generation,
    a_generation_job,
    a_job,
    a_score,
    a_training_identity,
    an_evaluation,
    an_identity,
)
from tests.support.erasure_fakes import FakeErasures, FakeOpenWork, a_receipt, intakes
from tests.support.evaluation_fakes import FakeEvaluations, no_evaluations
from tests.support.event_fakes import FakeBus, FakeDeliveries, FakeEndpoints, FakeEvents
from tests.support.fakes import (
    Clock,
    FakeBucket,
    FakeGenerations,
    FakeIdentities,
    FakeLedger,
    FakeMedia,
    FakeProvider,
    FakeProviders,
    FakeTrainedWeights,
    FakeWorkflows,
    slots_without_limit,
    unsigned,
)
from tests.support.scoring_fakes import FakeScores

HANDLE = JobHandle(provider_job_id="t1")
MINUTE = timedelta(minutes=1)
LAST = DEADLINE + GRACE


class Provider(FakeProvider):
    """Fails to stop a job where the test says so."""

    trouble: Exception | None = None

    def cancel(self, handle: JobHandle) -> Cancellation:
        if self.trouble is not None:
            raise self.trouble
        return super().cancel(handle)


class Harness:
    """Ann's Sarah, who trains or drew, and a machine that runs or does not."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.ledger, self.events, self.bus = FakeLedger(), FakeEvents(), FakeBus()
        self.identities = FakeIdentities(ledger=self.ledger, events=self.events)
        self.generations = FakeGenerations(ledger=self.ledger, events=self.events, identities=self.identities)
        self.erasures = FakeErasures(self.identities, self.generations)
        self.evaluations = FakeEvaluations(ledger=self.ledger)
        self.work = FakeOpenWork(self.ledger, self.erasures, self.events)
        self.workflows, self.provider, self.bucket = FakeWorkflows(), Provider(), FakeBucket()
        self.media = FakeMedia()
        providers = FakeProviders(self.provider)
        events = EventService(
            events=self.events,
            endpoints=FakeEndpoints(),
            deliveries=FakeDeliveries(),
            bus=self.bus,
            now=self.clock,
        )
        callbacks = CallbackService(self.ledger, self.workflows, providers)
        evaluation_erasure = no_evaluations(self.ledger, self.bucket, self.workflows)
        erasure = ErasureService(
            self.identities,
            self.generations,
            self.erasures,
            self.ledger,
            self.bucket,
            providers,
            callbacks,
            events,
            evaluation_erasure,
            self.clock,
        )
        self.scores = FakeScores()
        self.scores.events = self.events
        self.service = SweepService(
            self.work,
            self.ledger,
            self._kinds(providers, events),
            self.workflows,
            providers,
            events,
            erasure,
            evaluation_erasure,
            intakes(self.bucket, self.ledger, self.identities, self.evaluations, self.clock),
            LateScoreService(self.generations, self.scores, events, self.clock),
            self.media,
            self.clock,
        )

    def _kinds(self, providers: FakeProviders, events: EventService) -> dict[str, Any]:
        common: dict[str, Any] = {
            "identities": self.identities,
            "ledger": self.ledger,
            "bucket": self.bucket,
            "media": self.media,
            "providers": providers,
            "slots": slots_without_limit(self.clock),
            "events": events,
            "callback_addresses": CallbackAddresses("off"),
            "now": self.clock,
        }
        weights: dict[str, Any] = {"check_weights": print, "trained_weights": FakeTrainedWeights()}
        return {
            "training": TrainingWorkflow(**common, **weights),
            "generation": GenerationWorkflow(
                generations=self.generations, provenance=unsigned(self.clock), **common
            ),
        }

    def trains(self, started: bool = False, **changes: Any) -> None:
        """A training that was accepted at noon, and whose machine was started or never was."""
        self.identities.stored["i1"] = a_training_identity()
        self.accepted(a_job(**changes), started)

    def draws(self, started: bool = False, **changes: Any) -> None:
        """The same of a generation."""
        self.identities.stored["i1"] = an_identity()
        self.generations.stored["g1"] = a_generation()
        self.accepted(a_generation_job(**changes), started)

    def accepted(self, job: ProviderJob, started: bool) -> None:
        self.ledger.accept(job, self.ledger.default_limit_microusd, NO_LIMIT)
        if started:
            self.workflows.start(job)

    def sweep(self, **after: float) -> Swept:
        """Sweep what is due then, with all the time it needs."""
        self.clock.pass_by(**after)
        return self.service.sweep(self.clock() + timedelta(hours=1))

    @property
    def job(self) -> ProviderJob:
        (job,) = self.ledger.rows.values()
        return job

    def failure(self) -> Failure | None:
        """Return why the training or the generation failed, as stored."""
        if self.generations.stored:
            return self.generations.stored["g1"].error
        return self.identities.stored["i1"].error


@pytest.fixture
def harness() -> Harness:
    return Harness()


class TestAMachineThatIsNotThere:
    def test_one_that_was_never_started_is_started(self, harness: Harness) -> None:
        harness.trains()
        assert harness.sweep(minutes=1) == Swept(), "whoever accepted it may be just starting it"
        assert harness.sweep(minutes=1).done == 1
        assert [(job.job_id, job.runs) for job in harness.workflows.started] == [("training-i1", 2)]
        assert harness.job.runs == 2

    def test_one_that_was_stopped_runs_again_under_another_name(self, harness: Harness) -> None:
        harness.draws(started=True)
        harness.workflows.stop(harness.job, "by hand")
        harness.sweep(minutes=2)
        assert harness.workflows.is_running(harness.job)
        assert [job.runs for job in harness.workflows.started] == [1, 2]

    def test_one_that_dies_every_time_is_given_up(self, harness: Harness) -> None:
        harness.trains(deadline_at=NOON + timedelta(days=1))
        for run in range(2, MOST_RUNS + 1):
            harness.sweep(minutes=10)
            assert harness.job.runs == run
            harness.workflows.stop(harness.job, "again")
        harness.sweep(minutes=10)
        failure = harness.failure()
        assert failure is not None
        assert (failure.code, harness.job.money) == ("interrupted", "released")
        assert len(harness.workflows.started) == MOST_RUNS - 1

    def test_one_that_dies_every_time_is_stopped_at_its_provider(self, harness: Harness) -> None:
        day = NOON + timedelta(days=1)
        harness.trains(state="submitted", handle=HANDLE, runs=MOST_RUNS, deadline_at=day)
        harness.provider.trouble = ProviderUnavailable("fal", "down")
        harness.sweep(minutes=10)
        assert harness.job.open
        harness.provider.trouble = None
        harness.sweep(minutes=10)
        assert (harness.provider.cancelled, harness.job.money) == ([HANDLE], "committed")

    @pytest.mark.parametrize("shows", ["dropped", "asked"])
    def test_past_the_deadline_it_does_not_run_again(self, harness: Harness, shows: Cancellation) -> None:
        harness.trains(state="submitted", handle=HANDLE)
        harness.clock.time = DEADLINE
        harness.sweep()
        assert harness.job.open, "it may stop for nothing yet, or end"
        harness.provider.cancels = shows
        harness.sweep(minutes=2)
        assert harness.job.open == (shows == "asked")
        harness.clock.time = LAST
        harness.sweep()
        failure = harness.failure()
        assert failure is not None
        money = "released" if shows == "dropped" else "committed"
        assert (failure.code, harness.job.money) == ("deadline_exceeded", money)
        assert harness.workflows.started == []

    def test_past_the_deadline_what_ends_after_it_was_asked_to_stop_is_taken(self, harness: Harness) -> None:
        harness.trains(state="submitted", handle=HANDLE)
        harness.clock.time = DEADLINE
        harness.sweep()
        harness.provider.cancels = "finished"
        harness.sweep(minutes=2)
        assert [job.runs for job in harness.workflows.started] == [2]

    @pytest.mark.parametrize("late", [timedelta(), GRACE, timedelta(hours=3)], ids=str)
    @pytest.mark.parametrize("cancels", ["finished", "impossible", None])
    def test_past_the_deadline_a_last_one_takes_what_the_provider_may_have_ended(
        self, harness: Harness, cancels: Cancellation | None, late: timedelta
    ) -> None:
        harness.trains(state="submitted", handle=HANDLE)
        if cancels is None:
            harness.provider.trouble = ProviderUnavailable("fal", "down")
        else:
            harness.provider.cancels = cancels
        harness.clock.time = DEADLINE + late
        harness.sweep()
        assert [job.runs for job in harness.workflows.started] == [2]
        assert (harness.job.runs, harness.failure()) == (2, None)
        harness.sweep(minutes=GRACE / MINUTE - 1)
        assert harness.workflows.is_running(harness.job), "it has the grace to store what it finds"
        harness.sweep(minutes=1)
        failure = harness.failure()
        assert failure is not None
        assert (failure.code, harness.job.money) == ("deadline_exceeded", "committed")

    def test_past_the_deadline_a_last_one_looks_up_what_was_not_answered(self, harness: Harness) -> None:
        harness.trains(state="intended")
        harness.clock.time = LAST
        harness.sweep()
        assert [job.runs for job in harness.workflows.started] == [2]

    def test_past_the_deadline_none_is_the_last_for_ever(self, harness: Harness) -> None:
        harness.trains(state="submitted", handle=HANDLE)
        harness.provider.cancels = "impossible"
        harness.clock.time = DEADLINE
        while harness.job.open:
            harness.sweep(minutes=2)
            harness.workflows.stop(harness.job, "again")
        assert len(harness.workflows.started) == MOST_RUNS - 1
        assert harness.clock() <= LAST

    def test_two_sweeps_at_once_start_one(self, harness: Harness) -> None:
        harness.trains()
        harness.clock.pass_by(minutes=2)
        rows = harness.work.due(harness.clock(), 9)
        harness.sweep()
        harness.work.due = lambda now, limit: rows  # type: ignore[method-assign]
        assert harness.sweep().done == 0
        assert [job.runs for job in harness.workflows.started] == [2]

    def test_a_start_that_fails_is_made_up_for(self, harness: Harness) -> None:
        harness.trains(deadline_at=NOON + timedelta(hours=1))

        def fail(job: ProviderJob) -> None:
            raise RuntimeError("throttled")

        harness.workflows.start = fail  # type: ignore[method-assign]
        for _ in range(MOST_RUNS):
            assert harness.sweep(minutes=2).failed == 1
        del harness.workflows.start
        harness.sweep(minutes=2)
        assert (harness.workflows.is_running(harness.job), harness.job.runs) == (True, 2)

    def test_a_start_that_nobody_counted_is_the_next_one(self, harness: Harness) -> None:
        harness.trains()

        def fail(job: ProviderJob, at: datetime) -> bool:
            raise RuntimeError("throttled")

        harness.ledger.run_again = fail  # type: ignore[method-assign]
        assert harness.sweep(minutes=2).failed == 1
        del harness.ledger.run_again
        harness.sweep(minutes=2)
        assert [job.runs for job in harness.workflows.started] == [2]
        assert (harness.workflows.is_running(harness.job), harness.job.runs) == (True, 2)


class TestAMachineThatRuns:
    def test_it_is_left_alone_for_a_while(self, harness: Harness) -> None:
        harness.trains(started=True, deadline_at=NOON + timedelta(hours=1))
        harness.sweep(minutes=2)
        assert harness.ledger.due["training-i1"] == harness.clock() + RECHECK_AFTER
        assert (harness.job.runs, harness.identities.stored["i1"].status) == (1, "training")

    def test_it_may_store_what_came_just_before_the_deadline(self, harness: Harness) -> None:
        harness.trains(started=True)
        harness.clock.time = DEADLINE + MINUTE
        harness.sweep()
        assert harness.ledger.due["training-i1"] == DEADLINE + MINUTE + RECHECK_AFTER
        harness.sweep(minutes=RECHECK_AFTER / MINUTE)
        assert harness.ledger.due["training-i1"] == LAST
        assert harness.identities.stored["i1"].status == "training"

    @pytest.mark.parametrize("draws", [False, True])
    def test_what_does_not_end_is_ended_and_reported(self, harness: Harness, draws: bool) -> None:
        harness.draws(started=True) if draws else harness.trains(started=True)
        harness.clock.time = harness.job.deadline_at + GRACE
        harness.sweep()
        failure = harness.failure()
        assert failure is not None
        assert failure.code == "not_ordered"
        assert not harness.workflows.is_running(harness.job)
        assert harness.job.money == "released"
        kind = event_id_of("GenerationFailed", "g1") if draws else event_id_of("IdentityFailed", "i1")
        assert [event.event_id for event in harness.bus.published] == [kind]
        assert harness.ledger.due == {}

    def test_an_intent_without_an_end_says_that_nobody_knows(self, harness: Harness) -> None:
        harness.trains(started=True, state="intended", intended_at=NOON)
        harness.clock.time = LAST
        harness.sweep()
        failure = harness.failure()
        assert failure is not None
        assert (failure.code, harness.job.money) == ("provider_outcome_unknown", "committed")

    def test_every_job_ends_by_its_deadline_and_two_sweeps(self, harness: Harness) -> None:
        harness.trains(started=True)
        while harness.clock() < LAST:
            harness.sweep(minutes=1)
        harness.sweep(minutes=1)
        assert not harness.job.open


def test_what_the_sweep_settles_is_logged_under_the_request_that_ordered_it(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.trains(correlation_id="the order's")
    with log_keys():
        harness.sweep(days=1)
    (record,) = [each for each in caplog.records if each.message == "a job was settled by the sweep"]
    assert {name: vars(record).get(name) for name in ORIGIN} == keys_of(harness.job)
    assert vars(record)["correlation_id"] == "the order's"


class TestAnOutcomeWithoutItsMoney:
    def test_what_is_ready_is_paid_for(self, harness: Harness) -> None:
        harness.trains(started=True, state="submitted", handle=HANDLE)
        ready = an_identity(settled_at=NOON)
        harness.identities.settle(ready, Event.of_identity(ready))
        harness.workflows.stop(harness.job, "it died")
        harness.sweep(minutes=2)
        assert (harness.job.money, harness.job.cost_microusd) == ("committed", 2_000_000)
        assert harness.identities.stored["i1"].status == "ready"
        assert (harness.provider.cancelled, harness.workflows.started[1:]) == ([], [])

    @pytest.mark.parametrize("shows", ["dropped", "finished", "asked"])
    def test_what_was_cancelled_is_stopped_at_its_provider_first(
        self, harness: Harness, shows: Cancellation
    ) -> None:
        self.cancelled(harness)
        harness.sweep(minutes=2)
        assert harness.provider.cancelled == [HANDLE]
        assert harness.job.open, "it may stop for nothing yet"
        harness.provider.cancels = shows
        harness.sweep(minutes=10)
        assert harness.job.open == (shows == "asked")
        harness.sweep(minutes=10)
        harness.sweep(minutes=10)
        assert harness.job.money == ("released" if shows == "dropped" else "committed")
        failure = harness.failure()
        assert failure is not None
        assert failure.code == "cancelled"

    def test_what_was_cancelled_and_is_found_late_is_stopped_too(self, harness: Harness) -> None:
        self.cancelled(harness)
        harness.clock.time = LAST
        harness.sweep()
        assert (harness.provider.cancelled, harness.job.money) == ([HANDLE], "committed")

    def test_a_provider_that_does_not_answer_is_asked_again_until_it_is_late(self, harness: Harness) -> None:
        self.cancelled(harness)
        harness.provider.trouble = ProviderUnavailable("fal", "down")
        harness.sweep(minutes=2)
        assert harness.job.open
        while harness.clock() < LAST:
            assert harness.sweep(minutes=1).failed == 0
        harness.sweep(minutes=1)
        assert not harness.job.open

    def test_a_provider_that_refuses_does_not_hold_the_money(self, harness: Harness) -> None:
        self.cancelled(harness)
        harness.provider.trouble = ProviderRejected("fal", "too late")
        harness.sweep(minutes=2)
        assert not harness.job.open

    @pytest.mark.parametrize("draws", [False, True])
    def test_what_was_erased_has_its_money_settled(self, harness: Harness, draws: bool) -> None:
        harness.draws(started=True) if draws else harness.trains(started=True)
        harness.workflows.stop(harness.job, "it died")
        harness.identities.stored.clear()
        harness.generations.stored.clear()
        harness.sweep(minutes=2)
        assert (harness.job.money, harness.ledger.due) == ("released", {})
        assert harness.bus.published == []

    def test_what_was_cancelled_and_not_answered_is_looked_up_by_another_machine(
        self, harness: Harness
    ) -> None:
        self.cancelled(harness)
        harness.ledger.rows["training-i1"] = harness.job.model_copy(
            update={"state": "unknown", "handle": None}
        )
        harness.sweep(minutes=2)
        assert ([job.runs for job in harness.workflows.started], harness.job.open) == ([2], True)

    @staticmethod
    def cancelled(harness: Harness) -> None:
        harness.trains(state="submitted", handle=HANDLE)
        failed = {"status": "failed", "phase": "failed", "settled_at": NOON}
        given_up = a_training_identity(**failed, error=Failure(code="cancelled", message="m"))
        harness.identities.settle(given_up, Event.of_identity(given_up))


class TestOtherRows:
    def test_an_event_that_nobody_published_is_published(self, harness: Harness) -> None:
        event = Event.of_identity(an_identity(settled_at=NOON))
        harness.events.add(event)
        harness.sweep(minutes=1)
        assert (harness.bus.published, harness.events.open) == ([event], set())

    def test_a_delivery_that_is_due_is_asked_for(self, harness: Harness) -> None:
        harness.work.others["delivery", "e1"] = NOON
        harness.sweep()
        assert harness.bus.requested == ["e1"]

    def test_an_erasure_goes_on(self, harness: Harness) -> None:
        harness.erasures.save(a_receipt(), NOON)
        harness.bucket.write("references/i1/0001.jpg", b"", "image/jpeg")
        harness.sweep(minutes=1)
        assert harness.bucket.objects == {}
        assert harness.erasures.stored["i1"].complete

    def test_who_waits_for_a_score_hears_that_its_time_is_over(self, harness: Harness) -> None:
        """Of each picture that no encoder has looked at, once, however often the wait is ended."""
        images = [
            GeneratedImage(index=1, outcome="filtered"),
            *(GeneratedImage(index=index, outcome="succeeded") for index in (2, 3, 4)),
        ]
        done = a_generation(status="succeeded", settled_at=NOON, images=images)
        harness.generations.stored["g1"] = done
        harness.scores.waits.add("g1")
        why = NotScored(encoder="e", code="black_image", reason="It is black.")
        for index, said in ((2, why), (4, a_score(EncoderVersion("e", "0f1e", "v1"), "0f1e", {"r": 0.5}))):
            harness.scores.put_score("i1", "g1", index, said)
        harness.work.others["scoring", "g1"] = NOON + SCORED_WITHIN
        assert harness.sweep(hours=1) == Swept()
        harness.sweep(hours=1)
        harness.sweep(hours=1)
        [event] = harness.bus.published
        assert (event.type, event.owner) == ("ImageNotScored", "ann")
        assert event.event_id == event_id_of("ImageNotScored", "g1/3/not_scored_in_time")
        assert event.data == {
            "generationId": "g1",
            "characterId": "i1",
            "imageNumber": 3,
            "encoder": None,
            "error": {"code": "not_scored_in_time", "message": LATE_REASON},
        }
        assert harness.scores.waits == set()

    def test_a_sweep_of_all_that_is_open_ends_no_wait_before_its_time(self, harness: Harness) -> None:
        """As after an outage, when many a picture is not scored yet."""
        images = [GeneratedImage(index=1, outcome="succeeded")]
        harness.generations.stored["g1"] = a_generation(status="succeeded", settled_at=NOON, images=images)
        harness.scores.waits.add("g1")
        harness.work.others["scoring", "g1"] = NOON + SCORED_WITHIN
        harness.clock.pass_by(minutes=10)
        assert harness.service.sweep(harness.clock() + timedelta(hours=1), timedelta(days=1)).done == 1
        assert harness.scores.waits == {"g1"}
        assert harness.sweep(minutes=100) == Swept()
        harness.sweep(minutes=12)
        assert [event.type for event in harness.bus.published] == ["ImageNotScored"]
        assert harness.scores.waits == set()

    def test_nobody_waits_for_scores_of_what_was_erased(self, harness: Harness) -> None:
        harness.scores.waits.add("g1")
        harness.work.others["scoring", "g1"] = NOON
        assert harness.sweep().done == 1
        assert (harness.bus.published, harness.scores.waits) == ([], set())

    @pytest.mark.parametrize("stored", ["identity", "evaluation", None])
    def test_objects_of_what_was_never_stored_go(self, harness: Harness, stored: str | None) -> None:
        keys = ["evaluations/i1/order.json", "references/i1/0001.jpg"]
        for key in [*keys, "references/i10/0001.jpg"]:
            harness.bucket.write(key, b"", "text/plain")
        harness.work.add_intake("ann", "i1", NOON + MINUTE)
        if stored == "identity":
            harness.identities.stored["i1"] = an_identity()
        if stored == "evaluation":
            harness.evaluations.stored["i1"] = an_evaluation(evaluation_id="i1")
        everything = harness.service.sweep(harness.clock() + timedelta(hours=1), timedelta(days=1))
        assert (everything.done, len(harness.bucket.objects)) == (0, 3), "its call may be under way"
        assert harness.sweep(minutes=1).done == 1
        assert harness.bucket.list_keys("") == [*(keys if stored else []), "references/i10/0001.jpg"]
        assert harness.ledger.intakes == {}

    def test_a_row_that_nobody_knows_fails_and_is_kept(self, harness: Harness) -> None:
        harness.work.others["newer", "1"] = NOON
        assert harness.sweep().failed == 1
        assert harness.work.others == {("newer", "1"): NOON + LEASE}


class TestASweep:
    def test_a_bad_row_stops_no_other_and_comes_again_later(self, harness: Harness) -> None:
        harness.work.others["newer", "1"] = NOON - MINUTE
        harness.work.others["delivery", "e1"] = NOON
        swept = harness.sweep()
        assert (swept.done, swept.failed, swept.late) == (1, 1, MINUTE)
        assert harness.sweep() == Swept()
        assert harness.sweep(minutes=2).failed == 1

    def test_what_is_being_settled_is_nobody_elses(self, harness: Harness) -> None:
        harness.work.others["delivery", "e1"] = NOON
        seen: list[int] = []
        harness.bus.request_delivery = lambda event_id: seen.append(  # type: ignore[method-assign]
            len(harness.work.due(NOON + LEASE - MINUTE, 9))
        )
        harness.sweep()
        assert seen == [0]
        assert len(harness.work.due(NOON + LEASE, 9)) == 1

    def test_no_row_is_begun_when_the_time_is_up(self, harness: Harness) -> None:
        for number in range(3):
            harness.work.others["delivery", f"e{number}"] = NOON + number * timedelta(seconds=1)
        harness.bus.request_delivery = lambda event_id: harness.clock.pass_by(minutes=1)  # type: ignore[method-assign]
        harness.clock.pass_by(minutes=1)
        assert harness.service.sweep(harness.clock() + timedelta(seconds=90)).done == 2

    def test_it_says_how_late_it_comes(self, harness: Harness) -> None:
        harness.work.others["delivery", "e1"] = NOON
        assert harness.sweep(hours=2).late == timedelta(hours=2)

    def test_an_owner_with_thousands_of_rows_is_in_nobodys_way(self, harness: Harness) -> None:
        for number in range(3000):
            harness.work.others["delivery", f"m{number}"] = NOON - timedelta(hours=1)
            harness.work.owners[f"m{number}"] = "mallory"
        harness.identities.add(a_training_identity(), None, a_job(), 10**9, NO_LIMIT)
        harness.identities.add(an_identity(identity_id="i2"))
        receipt = a_receipt(identity_id="i2")
        harness.erasures.replace_with_tombstone(
            receipt, Event.of_erasure(an_identity(identity_id="i2"), NOON)
        )
        harness.work.others["delivery", "b1"] = NOON
        harness.work.owners["b1"] = "bob"
        harness.sweep(minutes=2)
        assert [job.job_id for job in harness.workflows.started] == ["training-i1"]
        assert harness.erasures.stored["i2"].complete
        assert "b1" in harness.bus.requested
        assert len(harness.bus.requested) <= MOST_ROWS

    def test_orders_that_came_to_nothing_hold_up_no_money(self, harness: Harness) -> None:
        for number in range(MOST_ROWS):
            harness.work.add_intake(f"owner {number}", f"n{number}", NOON)
        harness.trains()
        harness.sweep(minutes=2)
        assert [job.job_id for job in harness.workflows.started] == ["training-i1"]
        assert harness.ledger.intakes == {}

    def test_slow_providers_leave_time_for_messages(self, harness: Harness) -> None:
        for number in range(9):
            harness.work.others["newer", f"{number}"] = NOON - MINUTE
        harness.work.others["delivery", "e1"] = NOON
        lease = harness.work.lease

        def slowly(row: OpenRow, until: datetime) -> bool:
            harness.clock.pass_by(seconds=1 if row.is_message else 20)
            return lease(row, until)

        harness.work.lease = slowly  # type: ignore[method-assign]
        swept = harness.service.sweep(harness.clock() + timedelta(seconds=75))
        assert (swept.failed, harness.bus.requested) == (3, ["e1"])
