"""The services on the fakes of tests/support, with fake providers: fast enough for many histories."""

import hashlib
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from character_identity.domain.budget import Budget
from character_identity.domain.errors import InvalidRequest, NotFound, ProviderRejected, ServiceError
from character_identity.domain.identity import Identity
from character_identity.domain.job import Account, JobKind, ProviderJob
from character_identity.domain.object_keys import subject_of_key
from character_identity.ports.providers import ReferenceLimits
from character_identity.services.erasure import ErasureService
from character_identity.services.generations import GenerationService
from character_identity.services.idempotency import KEPT, IdempotencyService
from character_identity.services.identities import IdentityService
from character_identity.services.intakes import IntakeService
from character_identity.services.jobs.callback_addresses import CallbackAddresses
from character_identity.services.jobs.callbacks import CallbackService
from character_identity.services.jobs.generation import GenerationState, GenerationWorkflow
from character_identity.services.jobs.slots import SlotService
from character_identity.services.jobs.state import MachineState
from character_identity.services.jobs.sweep import GRACE, SweepService
from character_identity.services.jobs.training import TrainingState, TrainingWorkflow
from character_identity.services.jobs.workflow import JobWorkflow
from character_identity.services.late_scores import LateScoreService
from character_identity.services.orders import OrderService
from character_identity.services.references import TakenIn
from tests.histories.fake_provider import (
    IMAGE_LINK,
    WEIGHTS_LINK,
    FakeProvider,
    FakeProviders,
    WatchedProvider,
)
from tests.support.builders import NO_LIMIT, an_image
from tests.support.erasure_fakes import FakeErasures, FakeOpenWork
from tests.support.evaluation_fakes import FakeEvaluations, no_evaluations
from tests.support.event_fakes import FakeEvents
from tests.support.fakes import (
    Clock,
    FakeBucket,
    FakeGenerations,
    FakeIdempotencyRecords,
    FakeIdentities,
    FakeLedger,
    FakeSlots,
    FakeTrainedWeights,
    event_service,
    unsigned,
)
from tests.support.in_process.executions import Crash, Execution, Executions
from tests.support.in_process.fault_injection import FaultyTransport, Watched
from tests.support.scoring_fakes import FakeScores

OWNERS = ("ann", "bob")
LIMIT_MICROUSD = 7_000_000
IMAGE = an_image(16, 16)
REFERENCES = [b"one picture", b"another picture"]
WEIGHTS = b"weights"


class Bytes:
    """The files at the provider's links, unless they are dead, or replaced by others."""

    def __init__(self) -> None:
        self.dead = False
        self.foreign = False

    def fetch(self, url: str, limit_bytes: int, timeout_s: float = 20) -> bytes:
        if self.dead:
            raise ProviderRejected("media host", "answered 404")
        if self.foreign:
            return b"something else"
        return {IMAGE_LINK: IMAGE, WEIGHTS_LINK: WEIGHTS}[url]

    def fetch_start(self, url: str, size_bytes: int) -> bytes:
        return self.fetch(url, size_bytes)[:size_bytes]

    def download(self, url: str, path: Path, limit_bytes: int) -> str:
        content = self.fetch(url, limit_bytes)
        path.write_bytes(content)
        return hashlib.sha256(content).hexdigest()


class Unexamined:
    """Takes any references in as they are; what is wrong with pictures is tested elsewhere."""

    def __init__(self, bucket: Any, intakes: IntakeService) -> None:
        self._bucket = bucket
        self._intakes = intakes

    def take_in(self, owner: str, identity_id: str, sources: list[bytes], limits: ReferenceLimits) -> TakenIn:
        keys = [f"references/{identity_id}/{number:04d}.jpg" for number in range(1, len(sources) + 1)]
        self._intakes.begin(owner, identity_id)
        for key, source in zip(keys, sources, strict=True):
            self._bucket.write(key, source, "image/jpeg")
        return TakenIn(keys, [hashlib.sha256(source).hexdigest() for source in sources], [], None)


class Quotes:
    """Budgets as orders see them before they are stored; another order may have been faster meanwhile."""

    def __init__(self, ledger: FakeLedger) -> None:
        self._ledger = ledger
        self.stale = False

    def of_operator(self, month: str) -> Budget:
        return self._ledger.of_operator(month)

    def of(self, owner: str, month: str) -> Budget:
        budget = self._ledger.of(owner, month)
        return (
            Budget(month=month, limit_microusd=budget.limit_microusd, operator_limit_microusd=NO_LIMIT)
            if self.stale
            else budget
        )


class History:
    """One run of the service from nothing. A subclass may put mutants in the place of what guards it."""

    ledger_class = FakeLedger
    identities_class = FakeIdentities
    generations_class = FakeGenerations
    callback_service_class = CallbackService
    training_class = TrainingWorkflow
    generation_class = GenerationWorkflow
    sweep_class = SweepService
    idempotency_class = IdempotencyService
    erasures_class = FakeErasures
    intakes_class = IntakeService
    executions_class = Executions

    def __init__(self) -> None:
        self.clock = Clock()
        self.faulty_transport = FaultyTransport()
        self.dies_after: tuple[str, ...] = ()
        self._outcomes: dict[str, tuple[Any, ...]] = {}
        self.ids = itertools.count(1)
        self.ledger = self.ledger_class()
        self.ledger.default_limit_microusd = LIMIT_MICROUSD
        self.events = FakeEvents()
        self.identities = self.identities_class(ledger=self.ledger, events=self.events)
        self.generations = self.generations_class(
            ledger=self.ledger, events=self.events, identities=self.identities
        )
        self.trained_weights = FakeTrainedWeights()
        self.erasures = self.erasures_class(self.identities, self.generations, None, self.trained_weights)
        self.bucket, self.media = FakeBucket(), Bytes()
        self.providers = FakeProviders(
            {
                "fal-lora": FakeProvider(self.clock, "fal-lora"),
                "astria": FakeProvider(self.clock, "astria", supports_lookup=True),
                "fal-instant": FakeProvider(self.clock, "fal-instant", trains=False),
            }
        )
        self.executions = self.executions_class(self.tasks(), self.clock)
        self._build()

    def _watched(self, port: Any, name: str) -> Any:
        return Watched(port, name, self._through)

    def _through(self, what: str, call: Callable[[], Any]) -> Any:
        answer = self.faulty_transport.through(what, call)
        if what in self.dies_after:
            self.dies_after = ()
            raise Crash(f"after {what}")
        return answer

    def _build(self) -> None:
        """The services, each of whose calls to a port may be the last of its sandbox."""
        identities = self._watched(self.identities, "identities")
        generations = self._watched(self.generations, "generations")
        ledger, bucket = self._watched(self.ledger, "ledger"), self._watched(self.bucket, "bucket")
        media = self._watched(self.media, "media")
        self.workflows = workflows = self._watched(self.executions, "workflows")
        providers: Any = {name: WatchedProvider(each, self._through) for name, each in self.providers.items()}
        providers = _Names(providers)
        events = event_service(self.events, self.clock)
        self.quotes = Quotes(self.ledger)
        self.orders = OrderService(self.quotes, self.clock, self._new_id)
        self.callbacks = self.callback_service_class(ledger, workflows, providers)
        self.slots = FakeSlots(fal=1)
        open_work = self._watched(FakeOpenWork(self.ledger, self.erasures, self.events), "open_work")
        intakes = self.intakes_class(
            open_work=open_work,
            identities=identities,
            evaluations=FakeEvaluations(),
            bucket=bucket,
            now=self.clock,
        )
        self.identity_service = IdentityService(
            identities,
            Unexamined(bucket, intakes),  # type: ignore[arg-type]
            providers,
            self.orders,
            workflows,
            events,
            self.callbacks,
            self.clock,
            self._new_id,
        )
        self.generation_service = GenerationService(
            generations, identities, providers, self.orders, workflows, self.clock, self._new_id, lambda: 7
        )
        self.idempotency = self.idempotency_class(
            calls=FakeIdempotencyRecords(), now=self.clock, new_id=self._new_id
        )
        self.job_ports: dict[str, Any] = {
            "ledger": ledger,
            "bucket": bucket,
            "media": media,
            "providers": providers,
            "slots": SlotService(
                slots=self._watched(self.slots, "slots"), wake=self.callbacks.tell, now=self.clock
            ),
            "events": events,
            "callback_addresses": CallbackAddresses("https://api.test"),
            "now": self.clock,
        }
        self.kinds: dict[JobKind, JobWorkflow[Any, Any, Any]] = {
            "training": self.training_class(
                identities=identities,
                check_weights=self.check_weights,
                trained_weights=self.trained_weights,
                **self.job_ports,
            ),
            "generation": self.generation_class(
                generations=generations,
                identities=identities,
                provenance=unsigned(self.clock),
                **self.job_ports,
            ),
        }
        self.erasure = ErasureService(
            identities,
            generations,
            self._watched(self.erasures, "erasures"),
            ledger,
            bucket,
            providers,
            self.callbacks,
            events,
            no_evaluations(ledger, bucket, workflows),
            self.clock,
        )
        self.sweep_service = self.sweep_class(
            open_work,
            ledger,
            self.kinds,
            workflows,
            providers,
            events,
            self.erasure,
            no_evaluations(ledger, bucket, workflows),
            intakes,
            LateScoreService(
                generations, FakeScores(), events, self.clock
            ),  # nobody waits: nothing is scored
            media,
            self.clock,
        )

    def check_weights(self, path: Path) -> None:
        if path.read_bytes() != WEIGHTS:
            raise InvalidRequest("These are no weights.")

    def _new_id(self) -> str:
        return f"id{next(self.ids)}"

    def tasks(self) -> dict[str, Callable[[Any], Any]]:
        """The functions that the state machines call, by name."""
        return {
            "PrepareTraining": self.task("training", "prepare", TrainingState),
            "SubmitTraining": self.task("training", "submit", TrainingState),
            "CheckTraining": self.task("training", "check", TrainingState),
            "StoreWeights": self.task("training", "store_weights", TrainingState),
            "RecordTraining": self.task("training", "record", TrainingState),
            "PrepareGeneration": self.task("generation", "prepare", GenerationState),
            "SubmitGeneration": self.task("generation", "submit", GenerationState),
            "CheckGeneration": self.task("generation", "check", GenerationState),
            "StoreImages": self.task("generation", "store", GenerationState),
            "RecordGeneration": self.task("generation", "record", GenerationState),
            "WaitForCallback": self._wait_for_callback,
        }

    def task(self, kind: JobKind, name: str, state_class: type[MachineState]) -> Callable[[Any], Any]:
        """A function that does one task of a kind of job, JSON in and out."""

        def task(event: Any) -> Any:
            state = state_class.model_validate(event)
            return getattr(self.kinds[kind], name)(state).model_dump(mode="json")

        return task

    def _wait_for_callback(self, event: Any) -> None:
        self.callbacks.wait(event["state"]["job_id"], event["wake_token"])

    # what callers do

    def order_identity(self, owner: str, provider: str, key: str) -> None:
        """A request, and what API Gateway makes of whatever comes back."""
        try:
            self.idempotency.once(
                owner,
                key,
                f"{provider}",
                lambda identity_id: self.identity_service.get(owner, identity_id),
                lambda identity_id: self.identity_service.create(
                    owner, f"Name {key}", provider, REFERENCES, "woman", identity_id=identity_id
                ),
            )
        except (Crash, ServiceError):
            return

    def order_images(self, identity: Identity, key: str) -> None:
        request = {"prompt": f"Order {key}", "num_images": 2}
        try:
            self.idempotency.once(
                identity.owner,
                key,
                identity.identity_id,
                lambda generation_id: self.generation_service.get(identity.owner, generation_id),
                lambda generation_id: self.generation_service.create(
                    identity.owner, identity.identity_id, request, generation_id
                ),
            )
        except (Crash, ServiceError):
            return

    def cancel(self, identity: Identity) -> None:
        try:
            self.identity_service.cancel(identity.owner, identity.identity_id)
        except (Crash, NotFound):
            return

    def erase(self, identity: Identity) -> None:
        try:
            self.erasure.erase(identity.owner, identity.identity_id)
        except (Crash, NotFound):
            return

    def call_back(self, job: ProviderJob, token: str, provider_job_id: str | None) -> None:
        account: Account = "astria" if job.provider == "astria" else "fal"
        try:
            self.callbacks.receive(account, job.job_id, token, provider_job_id)
        except (Crash, NotFound):
            return

    # what happens by itself

    def step(self, execution: Execution) -> None:
        self.executions.step(execution)
        self.check_outcomes()
        self.check_no_more_paid_than_ordered()

    def lose_an_answer(self, execution: Execution) -> None:
        """The task that is due is run, and Step Functions does not hear of it: it will run it again."""
        self.executions.attempt(execution)
        self.clock.pass_by(seconds=1)

    def sweep(self) -> None:
        try:
            self.sweep_service.sweep(self.clock() + timedelta(hours=1))
        except Crash:
            return

    def run_to_the_end(self) -> None:
        """All goes well from here on: until every job is past its deadline, with its grace and two sweeps."""
        self.faulty_transport.crash_at, self.dies_after = None, ()
        self.media.dead, self.media.foreign = False, False
        for provider in self.providers.values():
            provider.down, provider.fails_next = False, False
            provider.moods.clear()
        last = max((job.deadline_at for job in self.ledger.rows.values()), default=self.clock())
        end = max(last + GRACE, self.clock()) + timedelta(minutes=2)
        while self.clock() < end and any(job.open for job in self.ledger.rows.values()):
            self.let_pass(timedelta(minutes=1))
            self.sweep()
        for due_at in sorted([*self.erasures.due.values(), *(at for _, at in self.ledger.intakes.values())]):
            self.clock.time = max(self.clock(), due_at)
            self.sweep()

    def let_pass(self, duration: timedelta) -> None:
        """Time passes, and the machines do what is due."""
        end = self.clock() + duration
        while True:
            for execution in self.executions.due:
                self.step(execution)
            next_due = self.executions.next_due()
            if next_due is None or next_due > end:
                break
            self.clock.time = max(next_due, self.clock())
        self.clock.time = end

    # what must be so

    def check_money(self) -> None:
        """Reserved and committed are never above the budget, and the ledger adds up to them."""
        for (owner, month), budget in self.ledger.budgets.items():
            assert 0 <= budget.held_microusd <= LIMIT_MICROUSD, f"{owner} has spent {budget}"
            jobs = [each for each in self.ledger.rows.values() if each.owner == owner]
            reserved = sum(job.reserved_microusd for job in jobs if job.open and job.budget_month == month)
            assert budget.reserved_microusd == reserved

    def check_paid_once(self) -> None:
        """At most one billable submit for each order, and none that nobody ordered."""
        orders = {job.subject_id for job in self.ledger.rows.values()}
        for provider in self.providers.values():
            marks = [each.mark for each in provider.taken]
            assert len(marks) == len(set(marks)), f"{provider.name} was paid twice for one of {marks}"
        assert self.paid <= len(orders)

    def check_no_more_paid_than_ordered(self) -> None:
        """The part of it that is cheap enough after each step of a machine."""
        assert self.paid <= len(self.ledger.rows), "something was paid that nobody ordered, or twice"

    @property
    def paid(self) -> int:
        """The number of orders that providers took."""
        return sum([len(provider.taken) for provider in self.providers.values()])

    def check_one_order_for_a_key(self) -> None:
        """Check that what was asked for with one key within a day was accepted once."""
        asked: dict[tuple[str, str], list[datetime]] = {}
        for identity in self.identities.stored.values():
            asked.setdefault((identity.owner, identity.name), []).append(identity.created_at)
        for each in self.generations.stored.values():
            asked.setdefault((each.owner, each.request.prompt), []).append(each.created_at)
        for key, times in asked.items():
            gaps = [later - earlier for earlier, later in itertools.pairwise(sorted(times))]
            assert all(gap >= KEPT for gap in gaps), f"{key} was accepted {len(times)} times"

    def check_bytes(self) -> None:
        """References are there; success means that the bytes lie in our bucket, and are what they should."""
        for identity in self.identities.stored.values():
            assert self.bucket.objects.keys() >= {*identity.references}
            if identity.status == "ready" and self.providers[identity.provider].trains:
                assert identity.weights is not None
                assert self.bucket.objects.get(identity.weights.key) == WEIGHTS
        for generation in self.generations.stored.values():
            if generation.status == "succeeded":
                kept = [image for image in generation.images if image.outcome == "succeeded"]
                assert kept
                for image in kept:
                    content = self.bucket.objects.get(image.key or "")
                    assert content is not None
                    assert hashlib.sha256(content).hexdigest() == image.sha256

    def check_all_ended(self) -> None:
        """Everything is settled, no money is set aside, and nothing of what was erased is left."""
        for job in self.ledger.rows.values():
            assert not job.open, f"{job.job_id} is still open past its deadline"
        for identity in self.identities.stored.values():
            assert identity.status != "training"
        for generation in self.generations.stored.values():
            assert generation.settled_at is not None
        for identity_id in self.erasures.stored:
            left = [key for key in self.bucket.objects if f"/{identity_id}/" in key]
            assert not left, f"of the erased {identity_id} there is left: {left}"
        nobodys = [key for key in self.bucket.objects if subject_of_key(key) not in self.identities.stored]
        assert not nobodys, f"nobody owns, and so nobody erases {nobodys}"

    def check_outcomes(self) -> None:
        """Check that what is settled never changes again; it may be erased."""
        now = self.outcomes()
        if now == self._outcomes:
            return
        for subject, outcome in self._outcomes.items():
            assert now.get(subject, outcome) == outcome, f"{subject} changed after it was settled"
        self._outcomes = now

    def outcomes(self) -> dict[str, tuple[Any, ...]]:
        """Return what is settled, by its id."""
        now: dict[str, tuple[Any, ...]] = {}
        for identity in self.identities.stored.values():
            if identity.settled_at is not None:
                now[identity.identity_id] = (identity.status, identity.settled_at, identity.error)
        for each in self.generations.stored.values():
            if each.settled_at is not None:
                now[each.generation_id] = (each.status, each.settled_at, each.images, each.error)
        return now


class _Names(dict[str, Any]):
    def names(self) -> list[str]:
        return list(self)
