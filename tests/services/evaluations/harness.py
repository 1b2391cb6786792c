"""The services of evaluations on fakes: two providers, one that trains and one that does not."""

from types import SimpleNamespace
from typing import Any, cast

from character_identity.domain.evaluation import Cell, Evaluation, EvaluationRequest
from character_identity.domain.failure import Failure
from character_identity.domain.generation import GeneratedImage, Generation
from character_identity.domain.identity import Identity, ProviderName
from character_identity.domain.job import EVALUATION, ProviderJob, job_id_of
from character_identity.domain.scenario import Scenario
from character_identity.services.evaluations.cells import CellState, EvaluationCells
from character_identity.services.evaluations.compilation import EvaluationCompilation
from character_identity.services.evaluations.erasure import EvaluationErasure
from character_identity.services.evaluations.requests import EvaluationService
from character_identity.services.evaluations.workflow import EvaluationState, EvaluationWorkflow
from character_identity.services.generations import GenerationService
from character_identity.services.identities import IdentityService
from character_identity.services.jobs.callbacks import CallbackService
from character_identity.services.orders import OrderService
from character_identity.services.references import ReferenceService
from character_identity.wiring import Services
from functions.compile_evaluation.handler import compile_evaluation
from tests.support.builders import an_image
from tests.support.erasure_fakes import intakes
from tests.support.evaluation_fakes import FakeEvaluations
from tests.support.event_fakes import FakeEvents
from tests.support.fakes import (
    Clock,
    FakeAnalyzer,
    FakeBucket,
    FakeGenerations,
    FakeIdentities,
    FakeLedger,
    FakeMedia,
    FakeProvider,
    FakeProviders,
    FakeSlots,
    FakeWorkflows,
    event_service,
)
from tests.support.scoring_fakes import FakeScores

LINKS = [f"https://a.test/{number}.jpg" for number in (1, 2, 3)]
BEACH = Scenario(number=1, name="beach", title="Beach", template="{name} on a beach", expected_similarity=0.8)
FOREST = BEACH.model_copy(update={"number": 2, "name": "forest", "template": "{name} in a forest"})
ID = "e1"


class Harness:
    """What tests look at, and the ways to let an evaluation go on."""

    def __init__(self, *identities: Identity) -> None:
        self.clock, self.ledger, self.events = Clock(), FakeLedger(), FakeEvents()
        self.identities = FakeIdentities(*identities, ledger=self.ledger, events=self.events)
        self.generations = FakeGenerations(ledger=self.ledger, events=self.events, identities=self.identities)
        self.evaluations = FakeEvaluations(ledger=self.ledger, events=self.events)
        self.bucket, self.workflows = FakeBucket(), FakeWorkflows()
        self.lora, self.instant = FakeProvider("fal-lora"), FakeProvider("fal-instant", trains=False)
        self.providers = FakeProviders(self.instant, self.lora)
        self.keys_there: dict[ProviderName, bool | None] = {"fal-instant": True, "fal-lora": True}
        media = FakeMedia(**{link: an_image(colour=(80 * n, 70, 40)) for n, link in enumerate(LINKS)})
        orders = OrderService(self.ledger, self.clock, lambda: "secret")
        callbacks = CallbackService(self.ledger, self.workflows, self.providers)
        self.intakes = intakes(self.bucket, self.ledger, self.identities, self.evaluations, self.clock)
        references = ReferenceService(
            bucket=self.bucket,
            media=media,
            analyzer=FakeAnalyzer(1),
            intakes=self.intakes,
            new_id=lambda: "u",
        )
        identity_service = IdentityService(
            self.identities,
            references,
            self.providers,
            orders,
            self.workflows,
            event_service(self.events),
            callbacks,
            self.clock,
            lambda: "new",
        )
        self.service = EvaluationService(
            evaluations=self.evaluations,
            shared_scores=self.evaluations,
            identities=self.identities,
            identity_service=identity_service,
            references=references,
            intakes=self.intakes,
            providers=self.providers,
            keys_there=lambda: self.keys_there,
            orders=orders,
            bucket=self.bucket,
            workflows=self.workflows,
            callbacks=callbacks,
            now=self.clock,
        )
        self.cell_service = EvaluationCells(
            evaluations=self.evaluations,
            generations=self.generations,
            generation_service=GenerationService(
                self.generations,
                self.identities,
                self.providers,
                orders,
                self.workflows,
                self.clock,
                lambda: "new",
                lambda: 4711,
            ),
            ledger=self.ledger,
            bucket=self.bucket,
            callbacks=callbacks,
            events=event_service(self.events),
            now=self.clock,
        )
        self.workflow = EvaluationWorkflow(
            evaluations=self.evaluations,
            shared_scores=self.evaluations,
            cells=self.cell_service,
            identity_service=identity_service,
            providers=self.providers,
            ledger=self.ledger,
            slots=FakeSlots(fal=2),
            bucket=self.bucket,
            bucket_name="media",
            workflows=self.workflows,
            events=event_service(self.events),
            now=self.clock,
        )
        self.erasure = EvaluationErasure(
            evaluations=self.evaluations,
            identities=self.identities,
            ledger=self.ledger,
            bucket=self.bucket,
            workflows=self.workflows,
            now=self.clock,
        )

    def compile(self, state: EvaluationState) -> EvaluationState:
        """Write the results, as the function does."""
        compilation = EvaluationCompilation(
            evaluations=self.evaluations,
            identities=self.identities,
            generations=self.generations,
            scores=FakeScores(),
            shared_scores=self.evaluations,
            bucket=self.bucket,
            now=self.clock,
        )
        services = SimpleNamespace(evaluation_compilation=compilation)
        return compile_evaluation(cast(Services, services), state)

    def result(self, name: str) -> str:
        """A file of the results."""
        return self.bucket.objects[f"evaluations/{ID}/{name}"].decode()

    def request(self, **changes: Any) -> EvaluationRequest:
        """Two providers, two scenarios, one variation."""
        usual: dict[str, Any] = {
            "name": "Sarah",
            "class_name": "woman",
            "references": LINKS,
            "identities": {},
            "providers": ["fal-instant", "fal-lora"],
            "scenarios": [BEACH, FOREST],
            "variations": 1,
            "seed": 0,
            "max_cost_usd": None,
        }
        return EvaluationRequest(**{**usual, **changes})

    def create(self, **changes: Any) -> Evaluation:
        return self.service.create("ann", self.request(**changes), ID)

    @property
    def evaluation(self) -> Evaluation:
        return self.evaluations.get(ID)

    @property
    def job(self) -> ProviderJob:
        """What holds the evaluation's money."""
        job = self.ledger.get(job_id_of(EVALUATION, ID))
        assert job is not None
        return job

    @property
    def money(self) -> tuple[int, int]:
        """Of ann's month, in millionths of a dollar: reserved and committed."""
        budget = self.ledger.of("ann", self.job.budget_month)
        return budget.reserved_microusd, budget.committed_microusd

    def planned(self) -> EvaluationState:
        """The state of the machine once all identities are ready and the cells are to be drawn."""
        state = self.workflow.make_identities(self.workflow.plan(self.begun))
        for identity_id in self.evaluation.identities.values():
            self.train(identity_id)
        return self.workflow.check_identities(state)

    @property
    def begun(self) -> EvaluationState:
        return EvaluationState(job_id=self.job.job_id)

    def train(self, identity_id: str) -> None:
        """Let a training succeed."""
        identity = self.identities.get(identity_id)
        ready = {"status": "ready", "settled_at": self.clock(), "cost_usd": 2.0}
        if identity.status == "training":
            self.identities.stored[identity_id] = identity.model_copy(update=ready)

    @property
    def cells(self) -> list[CellState]:
        """A state for each line of what was planned."""
        lines = self.bucket.objects[f"evaluations/{ID}/cells.jsonl"].decode().splitlines()
        return [CellState(evaluation_id=ID, cell=Cell.model_validate_json(line)) for line in lines]

    def draw(self, state: CellState, *, failure: Failure | None = None) -> Generation:
        """Let a cell's generation end."""
        generation = self.generations.get(self.evaluation.generation_id(state.cell))
        key = f"generations/{generation.identity_id}/{generation.generation_id}/01.jpg"
        image = GeneratedImage(index=1, outcome="succeeded", key=key)
        ended = {
            "status": "failed" if failure else "succeeded",
            "settled_at": self.clock(),
            "images": [] if failure else [image],
            "cost_usd": 0.1,
            "error": failure,
        }
        self.generations.stored[generation.generation_id] = generation.model_copy(update=ended)
        return self.generations.get(generation.generation_id)

    def settle_jobs(self) -> None:
        """Settle the money of all jobs but the evaluation's, as if each had cost what was estimated."""
        from character_identity.domain.budget import settlement_of

        for job in [*self.ledger.rows.values()]:
            if job.kind != EVALUATION and job.open:
                submitted = job.model_copy(update={"state": "submitted"})
                self.ledger.rows[job.job_id] = submitted
                self.ledger.settle(submitted, settlement_of(submitted))
