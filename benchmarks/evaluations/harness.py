"""Evaluations on the real state machines and services, with fakes behind and a clock that jumps."""

import heapq
import itertools
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

from benchmarks.evaluations.load import Load
from benchmarks.evaluations.providers import Providers
from benchmarks.evaluations.stores import OwnScores, put_on_disk
from character_evaluation.assembly import assemble
from character_evaluation.results import files_of
from character_evaluation.summary import recommendation_of, summary_of
from character_identity.domain.budget import MICROUSD_PER_USD
from character_identity.domain.evaluation import SUMMARY, EvaluationRequest
from character_identity.domain.event import Event
from character_identity.domain.job import account_of
from character_identity.observability import ORIGIN, log_keys
from character_identity.services.embedded_references import EmbeddedReferences
from character_identity.services.encoders import Encoders
from character_identity.services.evaluations.cells import CellState
from character_identity.services.evaluations.scoring import SharedScoring
from character_identity.services.evaluations.workflow import EvaluationState
from character_identity.services.jobs.generation import GenerationState
from character_identity.services.jobs.training import TrainingState, TrainingWorkflow
from character_identity.services.references import TakenIn
from character_identity.services.scoring import ScoringService
from character_identity.wiring import Services
from tests.histories.history import Bytes
from tests.support.erasure_fakes import intakes
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
TASKS: tuple[tuple[str, Any, dict[str, str]], ...] = (
    (
        "training_workflow",
        TrainingState,
        {
            "PrepareTraining": "prepare",
            "SubmitTraining": "submit",
            "CheckTraining": "check",
            "StoreWeights": "store_weights",
            "RecordTraining": "record",
        },
    ),
    (
        "generation_workflow",
        GenerationState,
        {
            "PrepareGeneration": "prepare",
            "SubmitGeneration": "submit",
            "CheckGeneration": "check",
            "StoreImages": "store",
            "RecordGeneration": "record",
        },
    ),
    (
        "evaluation_workflow",
        EvaluationState,
        {
            "PlanEvaluation": "plan",
            "MakeIdentities": "make_identities",
            "CheckIdentities": "check_identities",
            "CheckScores": "check_scores",
            "RecordEvaluation": "record",
        },
    ),
    ("evaluation_cells", CellState, {"OrderCell": "order", "CheckCell": "check"}),
)
"""Parts of the services, the states that their tasks take, and the tasks by their names in machines."""


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
        self.agenda: list[tuple[datetime, int, Callable[[], object]]] = []
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
        env = {"WEBHOOK_URL": "https://api.test", "BUCKET_NAME": "media", "TABLE_NAME": "state"}
        self.services = services = Services(env, now=self.clock, new_id=new_id, new_seed=lambda: 7)
        parts: dict[str, Any] = {
            "ledger": self.ledger,
            "budget_table": self.ledger,
            "identity_table": self.identities,
            "generation_table": self.generations,
            "evaluation_table": self.evaluations,
            "shared_scores": self.evaluations,
            "scores": self.scores,
            "trained_weights": self.trained_weights,
            "slot_table": self.slots,
            "bucket": self.bucket,
            "state_machines": self.executions,
            "providers": self.providers,
            "references": _TakenAsTheyAre(self.bucket),
            "intakes": intakes(self.bucket, self.ledger, self.identities, self.evaluations, self.clock),
            "result_http": Bytes(),
            "events": event_service(self.events, self.clock, _Bus()),
            "provenance": unsigned(self.clock),
        }
        for name, part in parts.items():
            setattr(services, name, part)
        services.training_workflow = TrainingWorkflow(
            identities=self.identities,
            ledger=self.ledger,
            bucket=self.bucket,
            media=services.result_http,
            providers=services.providers,
            slots=services.slots,
            check_weights=lambda path: None,
            trained_weights=self.trained_weights,
            events=services.events,
            callback_addresses=services.callback_addresses,
            now=self.clock,
        )
        encoders = Encoders(DigestEncoder(CLIP_NUMBERS))
        self.scoring: Callable[[], ScoringService] = lambda: ScoringService(
            identities=self.identities,
            bucket=self.bucket,
            scores=self.scores,
            encoders=encoders,
            events=services.events,
            now=self.clock,
            shared=SharedScoring(
                evaluations=self.evaluations,
                scores=self.evaluations,
                references=EmbeddedReferences(self.bucket, self.scores, encoders),
                encoders=encoders,
                tell=services.callbacks.tell,
            ),
        )

    def _tasks(self) -> dict[str, Callable[[Any], Any]]:
        """The functions of the state machines; the tasks of a part of the services are its methods."""
        tasks = {
            name: self._task(part, method, model)
            for part, model, methods in TASKS
            for name, method in methods.items()
        }
        return {**tasks, "CompileEvaluation": self._compile, "WaitForCallback": self._wait}

    def _task(self, part: str, method: str, model: Any) -> Callable[[Any], Any]:
        def task(event: Any) -> Any:
            self.load.invoked()
            with log_keys(**{name: event.get(name) for name in ORIGIN}):
                done = getattr(getattr(self.services, part), method)(model.model_validate(event))
            if method == "store":
                self._score_soon(event)
            return done.model_dump(mode="json")

        return task

    def _compile(self, event: Any) -> Any:
        """As functions/compile_evaluation does it."""
        self.load.invoked()
        state, compilation = EvaluationState.model_validate(event), self.services.evaluation_compilation
        material = compilation.material(state.subject_id, state.failure)
        assert material is not None
        run, pictures = assemble(material)
        files = {**files_of(run), SUMMARY: summary_of(run)}
        compilation.keep(material, files, pictures, recommendation_of(run))
        self.load.compiled(files)
        told = {"state": "compiled", "results": material.evaluation.status}
        return state.model_copy(update=told).model_dump(mode="json")

    def _wait(self, event: Any) -> None:
        self.load.invoked()
        self.services.callbacks.wait(event["state"]["job_id"], event["wake_token"])

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
            self.services.callbacks.tell(job_id)

        self._at(at, tell)

    def _at(self, at: datetime, act: Callable[[], object]) -> None:
        heapq.heappush(self.agenda, (at, next(self._numbers), act))

    # what happens

    def order(self, after: timedelta, evaluation_id: str, request: EvaluationRequest) -> None:
        """Have somebody order an evaluation in a while."""
        order = partial(self.services.evaluations.create, OWNER, request, evaluation_id)
        self._at(self.clock() + after, order)

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
