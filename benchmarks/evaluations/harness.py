"""Evaluations on the real state machines and services, with fakes behind and a clock that jumps."""

import heapq
import itertools
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, cast

from benchmarks.evaluations.load import Load
from benchmarks.evaluations.providers import Providers
from benchmarks.evaluations.stores import OwnScores, put_on_disk
from character_evaluation.assembly import assemble
from character_evaluation.results import files_of
from character_evaluation.summary import SUMMARY, recommendation_of, summary_of
from character_identity.domain.budget import MICROUSD_PER_USD
from character_identity.domain.evaluation import EvaluationRequest
from character_identity.domain.event import Event
from character_identity.domain.job import account_of
from character_identity.observability import ORIGIN, log_keys
from character_identity.services.embedded_references import EmbeddedReferences
from character_identity.services.encoders import Encoders
from character_identity.services.evaluations.cells import CellState, EvaluationCells
from character_identity.services.evaluations.compilation import EvaluationCompilation
from character_identity.services.evaluations.requests import EvaluationService
from character_identity.services.evaluations.scoring import SharedScoring
from character_identity.services.evaluations.workflow import EvaluationState, EvaluationWorkflow
from character_identity.services.generations import GenerationService
from character_identity.services.identities import IdentityService
from character_identity.services.jobs.callback_addresses import CallbackAddresses
from character_identity.services.jobs.callbacks import CallbackService
from character_identity.services.jobs.generation import GenerationState, GenerationWorkflow
from character_identity.services.jobs.slots import SlotService
from character_identity.services.jobs.training import TrainingState, TrainingWorkflow
from character_identity.services.orders import OrderService
from character_identity.services.references import TakenIn
from character_identity.services.scoring import ScoringService
from tests.histories.history import Bytes
from tests.support.evaluation_fakes import FakeEvaluations
from tests.support.event_fakes import FakeEvents
from tests.support.fakes import (
    Clock,
    FakeBucket,
    FakeGenerations,
    FakeIdentities,
    FakeLedger,
    FakeTrainedWeights,
    event_service,
    unsigned,
)
from tests.support.in_process.executions import Execution
from tests.support.scoring_fakes import DigestEncoder

OWNER = "ann"
REFERENCES = [f"reference {number}" for number in range(5)]
CLIP_NUMBERS = 512
"""Of an embedding."""
SCORED_AFTER = timedelta(seconds=2)
"""A warm scorer takes less; docs/scoring.md."""


class Harness:
    """``load`` counts what it does to AWS; ``spent_usd`` is what providers billed."""

    def __init__(
        self,
        providers_of: Callable[[Callable[[], datetime]], Providers],
        slots: int,
        database: sqlite3.Connection,
    ) -> None:
        self.clock = Clock()
        self.load = Load(self.clock)
        self.agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self.providers = providers_of(self.clock)
        for provider in self.providers.values():
            provider.call_back = self._call_back
        self._make_stores(database)
        self.slots = self.load.counted_slots(dict.fromkeys(map(account_of, self.providers), slots))
        self.executions = self.load.counted_executions(
            self._tasks(), self.clock, read=lambda bucket, key: self.bucket.objects[key]
        )
        self._make_services()

    def _make_stores(self, database: sqlite3.Connection) -> None:
        self.ledger = self.load.counted_ledger(FakeLedger)
        self.ledger.default_limit_microusd = 10**6 * MICROUSD_PER_USD
        self.events = FakeEvents()
        self.identities = FakeIdentities(ledger=self.ledger, events=self.events)
        self.generations = FakeGenerations(ledger=self.ledger, events=self.events, identities=self.identities)
        self.evaluations = FakeEvaluations(ledger=self.ledger, events=self.events)
        self.trained_weights = FakeTrainedWeights()
        self.bucket = FakeBucket()
        self.scores = OwnScores(database)
        put_on_disk(
            database,
            self.ledger,
            self.events,
            self.identities,
            self.generations,
            self.evaluations,
            self.trained_weights,
            self.bucket,
        )

    def _make_services(self) -> None:
        new_id = (f"id{number}" for number in itertools.count()).__next__
        providers: Any = self.providers
        references: Any = _TakenAsTheyAre(self.bucket)
        events = event_service(self.events, self.clock, _Bus())
        orders = OrderService(self.ledger, self.clock, new_id)
        self.callbacks = CallbackService(self.ledger, self.executions, providers)
        identity_service = IdentityService(
            self.identities,
            references,
            providers,
            orders,
            self.executions,
            events,
            self.callbacks,
            self.clock,
            new_id,
        )
        generation_service = GenerationService(
            self.generations,
            self.identities,
            providers,
            orders,
            self.executions,
            self.clock,
            new_id,
            lambda: 7,
        )
        ports: dict[str, Any] = {
            "ledger": self.ledger,
            "bucket": self.bucket,
            "media": Bytes(),
            "providers": providers,
            "slots": SlotService(slots=self.slots, wake=self.callbacks.tell, now=self.clock),
            "events": events,
            "callback_addresses": CallbackAddresses("https://api.test"),
            "now": self.clock,
        }
        self.training = TrainingWorkflow(
            identities=self.identities,
            check_weights=lambda path: None,
            trained_weights=self.trained_weights,
            **ports,
        )
        self.generation = GenerationWorkflow(
            generations=self.generations,
            identities=self.identities,
            provenance=unsigned(self.clock),
            **ports,
        )
        shared: dict[str, Any] = {"evaluations": self.evaluations, "shared_scores": self.evaluations}
        self.service = EvaluationService(
            **shared,
            identities=self.identities,
            identity_service=identity_service,
            references=references,
            providers=providers,
            orders=orders,
            bucket=self.bucket,
            workflows=self.executions,
            callbacks=self.callbacks,
            now=self.clock,
        )
        self.cells = EvaluationCells(
            evaluations=self.evaluations,
            generations=self.generations,
            generation_service=generation_service,
            ledger=self.ledger,
            bucket=self.bucket,
            callbacks=self.callbacks,
            events=events,
            now=self.clock,
        )
        self.evaluation = EvaluationWorkflow(
            **shared,
            cells=self.cells,
            identity_service=identity_service,
            providers=providers,
            ledger=self.ledger,
            slots=self.slots,
            bucket=self.bucket,
            bucket_name="media",
            workflows=self.executions,
            events=events,
            now=self.clock,
        )
        self.compilation = EvaluationCompilation(
            **shared,
            identities=self.identities,
            generations=self.generations,
            scores=self.scores,
            bucket=self.bucket,
            now=self.clock,
        )
        encoders = Encoders(DigestEncoder(CLIP_NUMBERS))
        self.scoring: Callable[[], ScoringService] = lambda: ScoringService(
            identities=self.identities,
            bucket=self.bucket,
            scores=self.scores,
            encoders=encoders,
            events=events,
            now=self.clock,
            shared=SharedScoring(
                evaluations=self.evaluations,
                scores=self.evaluations,
                references=EmbeddedReferences(self.bucket, self.scores, encoders),
                encoders=encoders,
                tell=self.callbacks.tell,
            ),
        )

    def _tasks(self) -> dict[str, Callable[[Any], Any]]:
        """The functions of the state machines; those of a workflow are named after its methods."""
        training = ("prepare", "submit", "check", "store_weights", "record")
        generation = ("prepare", "submit", "check", "store", "record")
        return {
            **{
                name: self._task(lambda: self.training, method, TrainingState)
                for name, method in zip(
                    ("PrepareTraining", "SubmitTraining", "CheckTraining", "StoreWeights", "RecordTraining"),
                    training,
                    strict=True,
                )
            },
            **{
                name: self._task(lambda: self.generation, method, GenerationState)
                for name, method in zip(
                    (
                        "PrepareGeneration",
                        "SubmitGeneration",
                        "CheckGeneration",
                        "StoreImages",
                        "RecordGeneration",
                    ),
                    generation,
                    strict=True,
                )
            },
            "PlanEvaluation": self._task(lambda: self.evaluation, "plan", EvaluationState),
            "MakeIdentities": self._task(lambda: self.evaluation, "make_identities", EvaluationState),
            "CheckIdentities": self._task(lambda: self.evaluation, "check_identities", EvaluationState),
            "OrderCell": self._task(lambda: self.cells, "order", CellState),
            "CheckCell": self._task(lambda: self.cells, "check", CellState),
            "CheckScores": self._task(lambda: self.evaluation, "check_scores", EvaluationState),
            "RecordEvaluation": self._task(lambda: self.evaluation, "record", EvaluationState),
            "CompileEvaluation": self._compile,
            "WaitForCallback": self._wait,
        }

    def _task(self, workflow: Callable[[], Any], method: str, model: Any) -> Callable[[Any], Any]:
        def task(event: Any) -> Any:
            self.load.invoked()
            with log_keys(**{name: event.get(name) for name in ORIGIN}):
                done = getattr(workflow(), method)(model.model_validate(event))
            if method == "store":
                self._score_soon(event)
            return done.model_dump(mode="json")

        return task

    def _compile(self, event: Any) -> Any:
        """As functions/compile_evaluation does it."""
        self.load.invoked()
        state = EvaluationState.model_validate(event)
        material = self.compilation.material(state.subject_id, state.failure)
        assert material is not None
        run, pictures = assemble(material)
        files = {**files_of(run), SUMMARY: summary_of(run)}
        self.compilation.keep(material.evaluation, files, pictures, recommendation_of(run))
        self.load.compiled(files)
        told = {"state": "compiled", "results": material.evaluation.status}
        return state.model_copy(update=told).model_dump(mode="json")

    def _wait(self, event: Any) -> None:
        self.load.invoked()
        self.callbacks.wait(event["state"]["job_id"], event["wake_token"])

    def _score_soon(self, event: Any) -> None:
        generation_id = event["job_id"].removeprefix("generation-")
        keys = [image.key for image in self.generations.get(generation_id).images if image.key]
        self._at(self.clock() + SCORED_AFTER, lambda: self._score(keys))

    def _score(self, keys: Sequence[str]) -> None:
        """As functions/score_image does it, with services of their own for each batch."""
        scoring = self.scoring()
        for image in scoring.embed(keys):
            self.load.invoked()
            scoring.score(image)

    def _call_back(self, job_id: str, at: datetime) -> None:
        def tell() -> None:
            self.load.invoked()
            self.callbacks.tell(job_id)

        self._at(at, tell)

    def _at(self, at: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self.agenda, (at, next(self._numbers), act))

    # what happens

    def order(self, after: timedelta, evaluation_id: str, request: EvaluationRequest) -> None:
        """Have somebody order an evaluation in a while."""
        self._at(self.clock() + after, lambda: cast(None, self.service.create(OWNER, request, evaluation_id)))

    def run(self, see: Callable[[Execution], None]) -> None:
        """Do all there is to do, in its order; ``see`` is called when a state machine has ended."""
        while True:
            upcoming, step_at = self.executions.upcoming(), self.executions.next_due()
            if self.agenda and (step_at is None or self.agenda[0][0] <= step_at):
                at, _, act = heapq.heappop(self.agenda)
                self.clock.time = max(at, self.clock.time)
                act()
                continue
            if upcoming is None or step_at is None:
                return
            self.clock.time = max(step_at, self.clock.time)
            transitions = upcoming.transitions
            self.executions.step(upcoming)
            self.load.stepped(upcoming, upcoming.transitions - transitions, self.executions)
            if upcoming.status != "RUNNING":
                assert upcoming.status == "SUCCEEDED", f"{upcoming.name}: {upcoming.error} {upcoming.cause}"
                del self.executions.by_name[upcoming.name]
                if upcoming.parent is None:
                    see(upcoming)


class _Bus:
    """Takes every event, and keeps none."""

    def publish(self, event: Event) -> None:
        return

    def request_delivery(self, event_id: str) -> None:
        return


class _TakenAsTheyAre:
    """Takes any references in; what is wrong with pictures is no matter here."""

    def __init__(self, bucket: FakeBucket) -> None:
        self._bucket = bucket

    def take_in(self, owner: str, identity_id: str, sources: Sequence[Any], limits: Any) -> TakenIn:
        contents = [str(getattr(each, "content", each)).encode() for each in sources]
        keys = [f"references/{identity_id}/{number:04d}.jpg" for number in range(1, len(contents) + 1)]
        for key, content in zip(keys, contents, strict=True):
            self._bucket.write(key, content, "image/jpeg")
        return TakenIn(keys, [sha256(content).hexdigest() for content in contents], [], None)

    def discard(self, keys: list[str]) -> None:
        self._bucket.delete(*keys)
