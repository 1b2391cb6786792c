from datetime import timedelta
from typing import Any

import pytest

from character_identity.domain.errors import ProviderRejected, ProviderUnavailable
from character_identity.domain.event import Event, event_id_of
from character_identity.domain.failure import Failure
from character_identity.domain.job import JobHandle, ProviderJob
from character_identity.services.erasure import ErasureService
from character_identity.services.events import EventService
from character_identity.services.news import NewsService
from character_identity.services.sweep import (
    CLAIMED_FOR,
    GRACE,
    LOOK_AGAIN_AFTER,
    MOST_RUNS,
    SweepService,
    Swept,
)
from tests.builders import NOON, a_generation, a_generation_job, a_job, a_training_identity, an_identity
from tests.erasure_fakes import FakeErasures, FakeOpenWork, a_receipt
from tests.event_fakes import FakeBus, FakeDeliveries, FakeEndpoints, FakeEvents
from tests.fakes import (
    Clock,
    FakeBucket,
    FakeGenerations,
    FakeIdentities,
    FakeLedger,
    FakeProvider,
    FakeProviders,
    FakeWorkflows,
)

HANDLE = JobHandle(provider_job_id="t1")
MINUTE = timedelta(minutes=1)
DEADLINE = a_job().deadline_at
LAST = DEADLINE + GRACE


class Provider(FakeProvider):
    """Fails to stop a job where it is told to."""

    trouble: Exception | None = None

    def cancel(self, handle: JobHandle) -> bool:
        if self.trouble is not None:
            raise self.trouble
        return super().cancel(handle)


class World:
    """Ann's Sarah, who trains or drew, and a machine that runs or does not."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.ledger, self.events, self.bus = FakeLedger(), FakeEvents(), FakeBus()
        self.identities = FakeIdentities(ledger=self.ledger, events=self.events)
        self.generations = FakeGenerations(ledger=self.ledger, events=self.events, identities=self.identities)
        self.erasures = FakeErasures(self.identities, self.generations)
        self.work = FakeOpenWork(self.ledger, self.erasures, self.events)
        self.workflows, self.provider, self.bucket = FakeWorkflows(), Provider(), FakeBucket()
        providers = FakeProviders(self.provider)
        events = EventService(self.events, FakeEndpoints(), FakeDeliveries(), self.bus, self.clock)
        news = NewsService(self.ledger, self.workflows, providers)
        erasure = ErasureService(
            self.identities, self.erasures, self.ledger, self.bucket, providers, news, events, self.clock
        )
        self.service = SweepService(
            self.work,
            self.ledger,
            self.identities,
            self.generations,
            self.workflows,
            providers,
            events,
            erasure,
            self.clock,
        )

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
        self.ledger.accept(job, self.ledger.default_limit_microusd)
        if started:
            self.workflows.start(job)

    def sweep(self, **after: float) -> Swept:
        """What is due then, in a sweep that has all the time it needs."""
        self.clock.pass_by(**after)
        return self.service.sweep(self.clock() + timedelta(hours=1))

    @property
    def job(self) -> ProviderJob:
        (job,) = self.ledger.rows.values()
        return job

    def failure(self) -> Failure | None:
        """Why the training or the generation failed, as stored."""
        if self.generations.stored:
            return self.generations.stored["g1"].error
        return self.identities.stored["i1"].error


@pytest.fixture
def world() -> World:
    return World()


class TestAMachineThatIsNotThere:
    def test_one_that_was_never_started_is_started(self, world: World) -> None:
        world.trains()
        assert world.sweep(minutes=1) == Swept(), "whoever accepted it may be just starting it"
        assert world.sweep(minutes=1).done == 1
        assert [(job.job_id, job.runs) for job in world.workflows.started] == [("training-i1", 2)]
        assert world.job.runs == 2

    def test_one_that_was_stopped_runs_again_under_another_name(self, world: World) -> None:
        world.draws(started=True)
        world.workflows.stop(world.job, "by hand")
        world.sweep(minutes=2)
        assert world.workflows.is_running(world.job)
        assert [job.runs for job in world.workflows.started] == [1, 2]

    def test_one_that_dies_every_time_is_given_up(self, world: World) -> None:
        world.trains(deadline_at=NOON + timedelta(days=1))
        for run in range(2, MOST_RUNS + 1):
            world.sweep(minutes=10)
            assert world.job.runs == run
            world.workflows.stop(world.job, "again")
        world.sweep(minutes=10)
        failure = world.failure()
        assert failure is not None
        assert (failure.code, world.job.money) == ("interrupted", "released")
        assert len(world.workflows.started) == MOST_RUNS - 1

    def test_past_the_deadline_it_does_not_run_again(self, world: World) -> None:
        world.trains(state="submitted", handle=HANDLE)
        world.clock.time = DEADLINE
        world.sweep()
        failure = world.failure()
        assert failure is not None
        assert (failure.code, world.job.money) == ("deadline_exceeded", "committed")
        assert world.workflows.started == []

    def test_two_sweeps_at_once_start_one(self, world: World) -> None:
        world.trains()
        world.clock.pass_by(minutes=2)
        rows = world.work.due(world.clock(), 9)
        world.sweep()
        world.work.due = lambda now, limit: rows  # type: ignore[method-assign]
        assert world.sweep().done == 0
        assert [job.runs for job in world.workflows.started] == [2]

    def test_a_start_that_fails_is_made_up_for(self, world: World) -> None:
        world.trains()

        def fail(job: ProviderJob) -> None:
            raise RuntimeError("throttled")

        world.workflows.start = fail  # type: ignore[method-assign]
        assert world.sweep(minutes=2).failed == 1
        del world.workflows.start
        world.sweep(minutes=2)
        assert world.workflows.is_running(world.job)


class TestAMachineThatRuns:
    def test_it_is_left_alone_for_a_while(self, world: World) -> None:
        world.trains(started=True, deadline_at=NOON + timedelta(hours=1))
        world.sweep(minutes=2)
        assert world.ledger.due["training-i1"] == world.clock() + LOOK_AGAIN_AFTER
        assert (world.job.runs, world.identities.stored["i1"].status) == (1, "training")

    def test_it_may_store_what_came_just_before_the_deadline(self, world: World) -> None:
        world.trains(started=True)
        world.clock.time = DEADLINE + MINUTE
        world.sweep()
        assert world.ledger.due["training-i1"] == LAST
        assert world.identities.stored["i1"].status == "training"

    @pytest.mark.parametrize("draws", [False, True])
    def test_what_does_not_end_is_ended_and_told(self, world: World, draws: bool) -> None:
        world.draws(started=True) if draws else world.trains(started=True)
        world.clock.time = world.job.deadline_at + GRACE
        world.sweep()
        failure = world.failure()
        assert failure is not None
        assert failure.code == "deadline_exceeded"
        assert not world.workflows.is_running(world.job)
        assert world.job.money == "released"
        kind = event_id_of("GenerationFailed", "g1") if draws else event_id_of("IdentityFailed", "i1")
        assert [event.event_id for event in world.bus.published] == [kind]
        assert world.ledger.due == {}

    def test_an_intent_without_an_end_says_that_nobody_knows(self, world: World) -> None:
        world.trains(started=True, state="intended", intended_at=NOON)
        world.clock.time = LAST
        world.sweep()
        failure = world.failure()
        assert failure is not None
        assert (failure.code, world.job.money) == ("provider_outcome_unknown", "committed")

    def test_every_job_ends_by_its_deadline_and_two_sweeps(self, world: World) -> None:
        world.trains(started=True)
        while world.clock() < LAST:
            world.sweep(minutes=1)
        world.sweep(minutes=1)
        assert not world.job.open


class TestAnOutcomeWithoutItsMoney:
    def test_what_is_ready_is_paid_for(self, world: World) -> None:
        world.trains(started=True, state="submitted", handle=HANDLE)
        ready = an_identity(settled_at=NOON)
        world.identities.settle(ready, Event.of_identity(ready))
        world.workflows.stop(world.job, "it died")
        world.sweep(minutes=2)
        assert (world.job.money, world.job.cost_microusd) == ("committed", 2_000_000)
        assert world.identities.stored["i1"].status == "ready"
        assert (world.provider.cancelled, world.workflows.started[1:]) == ([], [])

    def test_what_was_cancelled_is_stopped_at_its_provider_first(self, world: World) -> None:
        self.cancelled(world)
        world.sweep(minutes=2)
        assert world.provider.cancelled == [HANDLE]
        assert world.job.money == "committed"
        failure = world.failure()
        assert failure is not None
        assert failure.code == "cancelled"

    def test_a_provider_that_does_not_answer_is_asked_again_until_it_is_late(self, world: World) -> None:
        self.cancelled(world)
        world.provider.trouble = ProviderUnavailable("fal", "down")
        world.sweep(minutes=2)
        assert world.job.open
        while world.clock() < LAST:
            assert world.sweep(minutes=1).failed == 0
        world.sweep(minutes=1)
        assert not world.job.open

    def test_a_provider_that_refuses_does_not_hold_the_money(self, world: World) -> None:
        self.cancelled(world)
        world.provider.trouble = ProviderRejected("fal", "too late")
        world.sweep(minutes=2)
        assert not world.job.open

    @pytest.mark.parametrize("draws", [False, True])
    def test_what_was_erased_has_its_money_settled(self, world: World, draws: bool) -> None:
        world.draws(started=True) if draws else world.trains(started=True)
        world.workflows.stop(world.job, "it died")
        world.identities.stored.clear()
        world.generations.stored.clear()
        world.sweep(minutes=2)
        assert (world.job.money, world.ledger.due) == ("released", {})
        assert world.bus.published == []

    @staticmethod
    def cancelled(world: World) -> None:
        world.trains(state="submitted", handle=HANDLE)
        failed = {"status": "failed", "phase": "failed", "settled_at": NOON}
        given_up = a_training_identity(**failed, error=Failure(code="cancelled", message="m"))
        world.identities.settle(given_up, Event.of_identity(given_up))


class TestOtherRows:
    def test_an_event_that_nobody_published_is_published(self, world: World) -> None:
        event = Event.of_identity(an_identity(settled_at=NOON))
        world.events.add(event)
        world.sweep(minutes=1)
        assert (world.bus.published, world.events.open) == ([event], set())

    def test_a_delivery_that_is_due_is_asked_for(self, world: World) -> None:
        world.work.others["EVENT#e1", "DELIVERY#w1"] = NOON
        world.sweep()
        assert world.bus.requested == ["e1"]

    def test_an_erasure_goes_on(self, world: World) -> None:
        world.erasures.save(a_receipt(), NOON)
        world.bucket.write("references/i1/0001.jpg", b"", "image/jpeg")
        world.sweep(minutes=1)
        assert world.bucket.objects == {}
        assert world.erasures.stored["i1"].complete

    def test_a_row_that_nobody_knows_fails_and_is_kept(self, world: World) -> None:
        world.work.others["NEWER#1", "NEWER"] = NOON
        assert world.sweep().failed == 1
        assert world.work.others == {("NEWER#1", "NEWER"): NOON + CLAIMED_FOR}


class TestASweep:
    def test_a_bad_row_stops_no_other_and_comes_again_later(self, world: World) -> None:
        world.work.others["NEWER#1", "NEWER"] = NOON - MINUTE
        world.work.others["EVENT#e1", "DELIVERY#w1"] = NOON
        swept = world.sweep()
        assert (swept.done, swept.failed, swept.late) == (1, 1, MINUTE)
        assert world.sweep() == Swept()
        assert world.sweep(minutes=2).failed == 1

    def test_what_is_being_settled_is_nobody_elses(self, world: World) -> None:
        world.work.others["EVENT#e1", "DELIVERY#w1"] = NOON
        seen: list[int] = []
        world.bus.request_delivery = lambda event_id: seen.append(  # type: ignore[method-assign]
            len(world.work.due(NOON + CLAIMED_FOR - MINUTE, 9))
        )
        world.sweep()
        assert seen == [0]
        assert len(world.work.due(NOON + CLAIMED_FOR, 9)) == 1

    def test_no_row_is_begun_when_the_time_is_up(self, world: World) -> None:
        for number in range(3):
            world.work.others[f"EVENT#e{number}", "DELIVERY#w1"] = NOON + number * timedelta(seconds=1)
        world.bus.request_delivery = lambda event_id: world.clock.pass_by(minutes=1)  # type: ignore[method-assign]
        world.clock.pass_by(minutes=1)
        assert world.service.sweep(world.clock() + timedelta(seconds=90)).done == 2

    def test_it_says_how_late_it_comes(self, world: World) -> None:
        world.work.others["EVENT#e1", "DELIVERY#w1"] = NOON
        assert world.sweep(hours=2).late == timedelta(hours=2)
