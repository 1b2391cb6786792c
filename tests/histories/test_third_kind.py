"""A third kind of paid job is one file: this one, which upscales pictures.

It has what every kind has: a subject with a store, the provider's jobs, a workflow and a machine. Nothing
else knows of it, and what holds for trainings and generations holds for it, in histories that nobody wrote.
"""

import itertools
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from character_identity.domain.erasure import Removed
from character_identity.domain.errors import Conflict, NotFound, ProviderError, ServiceError
from character_identity.domain.event import Event, EventType, event_id_of
from character_identity.domain.failure import Failure
from character_identity.domain.identity import Identity
from character_identity.domain.job import JobHandle, ProviderJob, job_id_of, subject_of
from character_identity.ports.providers import Estimate, JobStatus
from character_identity.services.idempotency import KEPT
from character_identity.services.jobs.state import GIVEN_UP, MachineState
from character_identity.services.jobs.workflow import JobWorkflow
from tests.histories.fake_provider import IMAGE_LINK, FakeJobs
from tests.histories.history import IMAGE, History
from tests.histories.model import KEYS, Model, ready
from tests.histories.rules import rule, run_histories
from tests.support.builders import NO_LIMIT
from tests.support.erasure_fakes import FakeErasures
from tests.support.event_fakes import FakeEvents
from tests.support.fakes import FakeIdentities, FakeLedger
from tests.support.in_process.executions import DEFINITIONS, MACHINES, Crash, Executions

KIND = "upscaling"
HISTORIES = 500


class Upscaling(BaseModel):
    """One picture of an identity that is made larger."""

    upscaling_id: str
    identity_id: str
    owner: str
    order_key: str
    created_at: datetime
    factor: int = 2
    status: Literal["queued", "running", "succeeded", "failed"] = "queued"
    settled_at: datetime | None = None
    cost_usd: float | None = None
    error: Failure | None = None
    url: str | None = None
    key: str | None = None

    @property
    def event(self) -> Event:
        """It ended; the events of generations serve this kind as well."""
        kind: EventType = "GenerationFailed" if self.error else "GenerationCompleted"
        return Event(
            event_id=event_id_of(kind, self.upscaling_id),
            type=kind,
            owner=self.owner,
            subject_id=self.upscaling_id,
            occurred_at=self.settled_at or self.created_at,
            data={"upscalingId": self.upscaling_id, "status": self.status},
        )


class Upscalings:
    """Upscalings in memory; a settled one never changes."""

    def __init__(self, ledger: FakeLedger, events: FakeEvents, identities: FakeIdentities) -> None:
        self.stored: dict[str, Upscaling] = {}
        self.ledger, self.events, self.identities = ledger, events, identities

    def add(self, upscaling: Upscaling, job: ProviderJob, limit_microusd: int) -> None:
        """Store a new one with its job, if its identity is there and the money is."""
        if upscaling.upscaling_id in self.stored or upscaling.identity_id not in self.identities.stored:
            raise Conflict("exists, or its identity is gone")
        self.ledger.accept(job, limit_microusd, NO_LIMIT)
        self.stored[upscaling.upscaling_id] = upscaling

    def get(self, upscaling_id: str) -> Upscaling:
        if upscaling_id not in self.stored:
            raise NotFound("unknown")
        return self.stored[upscaling_id]

    def save(self, upscaling_id: str, **changes: Any) -> bool:
        """Change one unless it is settled or gone; whether that was done."""
        stored = self.stored.get(upscaling_id)
        if stored is None or stored.settled_at is not None:
            return False
        self.stored[upscaling_id] = stored.model_copy(update=changes)
        return True

    def settle(self, upscaling_id: str, outcome: dict[str, Any]) -> Upscaling:
        """Store the outcome with its event unless there is one; returns what is stored."""
        if self.save(upscaling_id, **outcome):
            self.events.add(self.stored[upscaling_id].event)
        return self.get(upscaling_id)


@dataclass(frozen=True)
class UpscalingOrder:
    mark: str
    callback_url: str | None


@dataclass(frozen=True)
class UpscalingStatus(JobStatus):
    url: str | None = None


class FakeUpscaler(FakeJobs):
    """The provider's part of this kind; a request is the factor."""

    usual_s = 60

    def mark(self, order: UpscalingOrder) -> str:
        return order.mark

    def estimate(self, request: int) -> Estimate:
        return Estimate(0.5 * request, 1.0 * request)

    def status(self, handle: JobHandle, request: int) -> UpscalingStatus:
        is_done = self.is_done(handle)
        if is_done is None:
            return UpscalingStatus("running")
        return UpscalingStatus("done", url=IMAGE_LINK) if is_done else UpscalingStatus("failed")


class UpscalingState(MachineState):
    state: Literal["queued", "unsubmitted", "running", "upscaled", "succeeded", "failed"] = "queued"


class UpscalingWorkflow(JobWorkflow[Upscaling, UpscalingState, UpscalingStatus]):
    """The part that differs from other kinds of jobs."""

    kind = KIND
    at_provider, done, success = "running", "upscaled", "succeeded"
    first_poll_s, longest_poll_s = 5, 30

    def __init__(self, *, upscalings: Any, bucket: Any, media: Any, **ports: Any) -> None:
        super().__init__(**ports)
        self._upscalings = upscalings
        self._bucket = bucket
        self._media = media

    def store(self, state: UpscalingState) -> UpscalingState:
        """Copy the picture to our bucket."""
        upscaling = self._open(state)
        if upscaling is None:
            return state.failed(GIVEN_UP)
        try:
            content = self._media.fetch(upscaling.url, 1024 * 1024)
        except ProviderError as exc:
            return state.failed(Failure(code="no_image", message=exc.message))
        if content != IMAGE:
            return state.failed(Failure(code="no_image", message="This is no picture."))
        key = f"generations/{upscaling.identity_id}/{upscaling.upscaling_id}/01.jpg"
        self._bucket.write(key, content, "image/jpeg")
        if not self._upscalings.save(upscaling.upscaling_id, key=key) and self._is_erased(state):
            self._bucket.delete(key)
            return state.failed(GIVEN_UP)
        return state.model_copy(update={"state": "succeeded"})

    def _get(self, subject_id: str) -> Upscaling:
        upscaling: Upscaling = self._upscalings.get(subject_id)
        return upscaling

    def _request_of(self, upscaling: Upscaling) -> int:
        return upscaling.factor

    def _prepare(self, upscaling: Upscaling) -> None:
        return

    def _make_order(self, upscaling: Upscaling, job: ProviderJob) -> UpscalingOrder:
        return UpscalingOrder(upscaling.order_key, self._callback_addresses.url_for(job))

    def _mark_accepted(self, upscaling: Upscaling, job: ProviderJob, handle: JobHandle) -> None:
        self._upscalings.save(upscaling.upscaling_id, status="running")

    def _apply_status(self, upscaling: Upscaling, job: ProviderJob, status: UpscalingStatus) -> None:
        if status.state == "done":
            self._upscalings.save(upscaling.upscaling_id, url=status.url)

    def _store_outcome(self, upscaling: Upscaling, outcome: dict[str, Any]) -> tuple[Upscaling, str]:
        settled: Upscaling = self._upscalings.settle(upscaling.upscaling_id, outcome)
        return settled, settled.event.event_id


class UpscalingExecutions(Executions):
    """With a machine for this kind, which is the one of generations with other names."""

    machines = {**MACHINES, KIND: "upscale_image"}  # noqa: RUF012 - read only

    def definition(self, machine: str) -> dict[str, Any]:
        return _upscale_image() if machine == "upscale_image" else super().definition(machine)


@cache
def _upscale_image() -> dict[str, Any]:
    text = (DEFINITIONS / "generate_images.asl.json").read_text()
    for word, other in (
        ("Generation", "Upscaling"),
        ("StoreImages", "StoreUpscaling"),
        ('"generated"', '"upscaled"'),
    ):
        text = text.replace(word, other)
    definition: dict[str, Any] = json.loads(text)
    del definition["States"]["PrepareUpscaling"]  # nothing has to be put anywhere
    definition["StartAt"] = "SubmitUpscaling"
    return definition


class UpscalingErasures(FakeErasures):
    """Upscalings go with their identity."""

    upscalings: Upscalings

    def jobs_of(self, identity_id: str, limit: int) -> list[str]:
        own = [each for each in self.upscalings.stored.values() if each.identity_id == identity_id]
        jobs = [job_id_of(KIND, each.upscaling_id) for each in own]
        return [*super().jobs_of(identity_id, limit), *jobs][:limit]

    def remove(self, job_id: str) -> Removed:
        if self.upscalings.stored.pop(subject_of(job_id), None) is not None:
            return Removed()
        return super().remove(job_id)


class UpscalingHistory(History):
    """The service with a third kind of job."""

    upscalings_class = Upscalings
    upscaling_class = UpscalingWorkflow
    erasures_class = UpscalingErasures
    executions_class = UpscalingExecutions
    erasures: UpscalingErasures

    def _build(self) -> None:
        for provider in self.providers.values():
            provider.jobs[KIND] = FakeUpscaler(provider)
        self.upscalings = self.upscalings_class(self.ledger, self.events, self.identities)
        self.erasures.upscalings = self.upscalings
        super()._build()
        self.watched_upscalings = self._watched(self.upscalings, "upscalings")
        self.kinds[KIND] = self.upscaling_class(upscalings=self.watched_upscalings, **self.job_ports)

    def tasks(self) -> dict[str, Any]:
        names = {"Submit": "submit", "Check": "check", "Store": "store", "Record": "record"}
        own = {f"{task}Upscaling": self.task(KIND, name, UpscalingState) for task, name in names.items()}
        return {**super().tasks(), **own}

    def order_upscaling(self, identity: Identity, key: str) -> None:
        """A request, and what API Gateway makes of whatever comes back."""

        def create(upscaling_id: str) -> Upscaling:
            provider = self.providers[identity.provider]
            quote = self.orders.quote(identity.owner, provider.jobs[KIND], 2)
            job = self.orders.job(KIND, identity.owner, identity.identity_id, upscaling_id, provider, quote)
            upscaling = Upscaling(
                upscaling_id=upscaling_id,
                identity_id=identity.identity_id,
                owner=identity.owner,
                order_key=key,
                created_at=self.clock(),
            )
            self.watched_upscalings.add(upscaling, job, quote.budget.limit_microusd)
            self.workflows.start(job)
            return upscaling

        try:
            self.idempotency.once(identity.owner, key, "", self.upscalings.get, create)
        except (Crash, ServiceError):
            return

    def check_one_order_for_a_key(self) -> None:
        super().check_one_order_for_a_key()
        times: dict[str, list[datetime]] = {}
        for each in self.upscalings.stored.values():
            times.setdefault(each.order_key, []).append(each.created_at)
        for key, asked in times.items():
            gaps = [later - earlier for earlier, later in itertools.pairwise(sorted(asked))]
            assert all(gap >= KEPT for gap in gaps), f"{key} was accepted {len(asked)} times"

    def check_bytes(self) -> None:
        super().check_bytes()
        for each in self.upscalings.stored.values():
            if each.status == "succeeded":
                assert self.bucket.objects.get(each.key or "") == IMAGE

    def check_all_ended(self) -> None:
        super().check_all_ended()
        for each in self.upscalings.stored.values():
            assert each.settled_at is not None
            assert each.identity_id in self.identities.stored, f"{each.upscaling_id} outlived its identity"

    def outcomes(self) -> dict[str, tuple[Any, ...]]:
        settled = (each for each in self.upscalings.stored.values() if each.settled_at is not None)
        own = {each.upscaling_id: (each.status, each.settled_at, each.error) for each in settled}
        return {**super().outcomes(), **own}


class UpscalingModel(Model):
    """The rules of all histories, and those of the third kind."""

    history_class: type[UpscalingHistory] = UpscalingHistory
    history: UpscalingHistory

    def order_first(self, identity: Identity) -> None:
        super().order_first(identity)
        self.history.order_upscaling(identity, f"upscale {identity.identity_id} first")

    @rule(identity_id=ready, key=KEYS)
    def order_an_upscaling(self, identity_id: str, key: str) -> None:
        identity = self.history.identities.stored[identity_id]
        self.history.order_upscaling(identity, f"upscale {identity_id} {key}")

    @rule(write=[f"{KIND}.submit", "upscalings.add", "upscalings.save", "upscalings.settle"])
    def a_sandbox_will_die_after_a_write_of_an_upscaling(self, write: str) -> None:
        self.history.dies_after = (write,)

    def _id_at_provider(self, job: ProviderJob) -> str | None:
        upscaling = self.history.upscalings.stored.get(job.subject_id)
        if upscaling is None:
            return super()._id_at_provider(job)
        taken = self.history.providers[job.provider].taken
        return next((each.provider_job_id for each in taken if each.mark == upscaling.order_key), None)


class _SettledAgain(Upscalings):
    def settle(self, upscaling_id: str, outcome: dict[str, Any]) -> Upscaling:
        self.stored[upscaling_id] = self.get(upscaling_id).model_copy(update=outcome)
        return self.stored[upscaling_id]


class _StoredBeforeTheMoney(Upscalings):
    def add(self, upscaling: Upscaling, job: ProviderJob, limit_microusd: int) -> None:
        self.stored[upscaling.upscaling_id] = upscaling
        self.ledger.accept(job, limit_microusd, NO_LIMIT)


class _AnyPictureWillDo(UpscalingWorkflow):
    def store(self, state: UpscalingState) -> UpscalingState:
        return state.model_copy(update={"state": "succeeded"})


class _NotErased(UpscalingErasures):
    def jobs_of(self, identity_id: str, limit: int) -> list[str]:
        return FakeErasures.jobs_of(self, identity_id, limit)


MUTANTS: dict[str, dict[str, type]] = {
    "an outcome has no condition": {"upscalings_class": _SettledAgain},
    "the order is stored before its money is there": {"upscalings_class": _StoredBeforeTheMoney},
    "success is recorded without a stored image": {"upscaling_class": _AnyPictureWillDo},
    "an erasure leaves them": {"erasures_class": _NotErased},
}


@pytest.mark.exhaustive
def test_the_invariants_hold_in_all_histories() -> None:
    run_histories(UpscalingModel, HISTORIES, 0)


@pytest.mark.exhaustive
@pytest.mark.parametrize("guard", MUTANTS)
def test_a_guard_that_is_left_out_is_missed(guard: str) -> None:
    history = type("Mutant", (UpscalingHistory,), dict(MUTANTS[guard]))
    machine = type("Mutant", (UpscalingModel,), {"history_class": history})
    with pytest.raises(AssertionError):
        run_histories(machine, HISTORIES, 0, shorten=False)


@pytest.fixture
def history() -> UpscalingHistory:
    """Ann's identity, which needed no training, and one upscaling that was just ordered."""
    history = UpscalingHistory()
    history.order_identity("ann", "fal-instant", "identity")
    (identity,) = history.identities.stored.values()
    history.order_upscaling(identity, "upscale")
    return history


def the_upscaling(history: UpscalingHistory) -> Upscaling:
    (upscaling,) = history.upscalings.stored.values()
    return upscaling


def the_job(history: UpscalingHistory) -> ProviderJob:
    (job,) = history.ledger.rows.values()
    return job


def test_one_goes_through_its_machine(history: UpscalingHistory) -> None:
    history.let_pass(timedelta(minutes=5))
    (execution,) = history.executions.by_name.values()
    assert list(dict.fromkeys(execution.path)) == [
        "SubmitUpscaling",
        "WaitForCallback",
        "CheckUpscaling",
        "Settled?",
        "StoreUpscaling",
        "RecordUpscaling",
        "Succeeded?",
        "UpscalingSucceeded",
    ]
    upscaling = the_upscaling(history)
    assert (execution.status, upscaling.status, upscaling.cost_usd) == ("SUCCEEDED", "succeeded", 1.0)
    assert history.bucket.objects[upscaling.key or ""] == IMAGE
    assert (the_job(history).job_id, the_job(history).money) == (
        f"upscaling-{upscaling.upscaling_id}",
        "committed",
    )
    assert history.events.open == set()


def test_a_callback_ends_its_wait(history: UpscalingHistory) -> None:
    history.let_pass(timedelta(seconds=1))
    history.clock.pass_by(seconds=70)
    job = the_job(history)
    (taken,) = history.providers["fal-instant"].taken
    history.call_back(job, job.callback_token, taken.provider_job_id)
    history.let_pass(timedelta(seconds=1))
    assert the_upscaling(history).status == "succeeded"


def test_the_sweep_starts_a_machine_that_is_not_there(history: UpscalingHistory) -> None:
    history.executions.kill(the_upscaling(history).upscaling_id)
    history.clock.pass_by(minutes=3)
    history.sweep()
    assert the_job(history).runs == 2
    history.let_pass(timedelta(minutes=5))
    assert the_upscaling(history).status == "succeeded"


def test_the_sweep_settles_what_does_not_end(history: UpscalingHistory) -> None:
    history.providers["fal-instant"].down = True
    history.clock.pass_by(days=1, minutes=30)
    history.sweep()
    error = the_upscaling(history).error
    assert error is not None
    assert (error.code, the_job(history).money) == ("not_ordered", "released")


def test_one_is_erased_with_its_identity(history: UpscalingHistory) -> None:
    history.let_pass(timedelta(minutes=5))
    (identity,) = history.identities.stored.values()
    history.erase(identity)
    (receipt,) = history.erasures.stored.values()
    assert (receipt.complete, history.upscalings.stored, history.bucket.objects) == (True, {}, {})
    assert history.providers["fal-instant"].erased == {"fal-instant-1"}
