"""Evaluations and their scores, in memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from character_identity.aws.evaluation_table import OUTCOME
from character_identity.domain.erasure import EvaluationReceipt, RemovedOfEvaluation
from character_identity.domain.errors import Conflict, Erased, NotFound
from character_identity.domain.evaluation import (
    PHASES,
    CellOutcome,
    Evaluation,
    EvaluationPhase,
    Recommendation,
)
from character_identity.domain.event import Event
from character_identity.domain.job import ProviderJob
from character_identity.domain.object_keys import subject_of_key
from character_identity.domain.page import Page, Window
from character_identity.domain.score import EmbeddedReference, NotScored, Score
from character_identity.domain.similarity import Embedding
from character_identity.domain.view import EncoderVersion
from character_identity.ports.gateways import Workflows
from character_identity.ports.stores import Bucket
from character_identity.services.evaluations.erasure import EvaluationErasure
from tests.support.builders import NOON
from tests.support.event_fakes import FakeEvents
from tests.support.fakes import FakeIdentities, FakeLedger

References = list[EmbeddedReference]


class FakeEvaluations:
    """Evaluations, what became of their cells, and the scores of their pictures."""

    def __init__(
        self, *evaluations: Evaluation, ledger: FakeLedger | None = None, events: FakeEvents | None = None
    ) -> None:
        self.stored = {evaluation.evaluation_id: evaluation for evaluation in evaluations}
        self.uses: dict[tuple[str, str], None] = {}
        for evaluation in evaluations:
            self._note_uses(evaluation)
        self.outcomes: dict[str, dict[str, CellOutcome]] = {}
        self.scores: dict[str, dict[tuple[str, int], Score | NotScored]] = {}
        self.embeddings: dict[str, dict[tuple[str, int], Embedding]] = {}
        self.kept: dict[tuple[str, EncoderVersion, EncoderVersion | None], list[EmbeddedReference]] = {}
        self.receipts: dict[str, EvaluationReceipt] = {}
        self.due: dict[str, datetime] = {}
        self.erased: set[str] = set()
        """Identities and generations that are gone."""
        self.ledger = ledger or FakeLedger()
        self.events = events or FakeEvents()

    def add(
        self, evaluation: Evaluation, job: ProviderJob, limit_microusd: int, operator_limit_microusd: int
    ) -> None:
        if evaluation.evaluation_id in self.stored:
            raise Conflict("exists")
        self.ledger.accept(job, limit_microusd, operator_limit_microusd)
        self.stored[evaluation.evaluation_id] = evaluation
        self.ledger.intakes.pop(evaluation.evaluation_id, None)
        self._note_uses(evaluation)

    def get(self, evaluation_id: str) -> Evaluation:
        if evaluation_id not in self.stored:
            error = Erased if evaluation_id in self.receipts else NotFound
            raise error(f"There is no evaluation {evaluation_id!r}.", code="unknown_evaluation")
        return self.stored[evaluation_id]

    def list(self, owner: str, window: Window) -> Page[Evaluation]:
        return Page.of([each for each in self.stored.values() if each.owner == owner], window)

    def advance(self, evaluation_id: str, phase: EvaluationPhase, at: datetime, **changes: Any) -> bool:
        stored = self.stored.get(evaluation_id)
        if stored is None or not stored.is_unsettled or PHASES.index(stored.phase) > PHASES.index(phase):
            return False
        self._change(evaluation_id, phase=phase, updated_at=at, **changes)
        return True

    def cancel(self, evaluation_id: str, at: datetime) -> bool:
        if self.stored[evaluation_id].status != "running":
            return False
        self._change(evaluation_id, status="cancelling", updated_at=at)
        return True

    def conclude(self, evaluation_id: str, found: Recommendation, at: datetime) -> None:
        if evaluation_id in self.stored:
            self._change(evaluation_id, recommendation=found, updated_at=at)

    def settle(self, evaluation: Evaluation, event: Event) -> Evaluation:
        stored = self.get(evaluation.evaluation_id)
        if stored.is_unsettled and (stored.status == "running" or evaluation.status == "cancelled"):
            outcome = {name: getattr(evaluation, name) for name in OUTCOME}
            self._change(evaluation.evaluation_id, **outcome)
            self.events.add(event)
        return self.get(evaluation.evaluation_id)

    def put_cell(self, evaluation_id: str, outcome: CellOutcome) -> None:
        if evaluation_id in self.stored:
            self.outcomes.setdefault(evaluation_id, {})[outcome.cell.cell_id] = outcome

    def cell_outcomes(self, evaluation_id: str) -> Sequence[CellOutcome]:
        return [*self.outcomes.get(evaluation_id, {}).values()]

    def used_by(self, identity_id: str) -> Sequence[str]:
        return sorted(evaluation for identity, evaluation in self.uses if identity == identity_id)

    def without_identity(self, evaluation_id: str, identity_id: str) -> Evaluation | None:
        stored = self.stored.get(evaluation_id)
        left = stored.without_identity(identity_id) if stored else None
        if left is None:
            return None
        self.stored[evaluation_id] = left
        outcomes = self.outcomes.get(evaluation_id, {})
        gone = [each for each in outcomes.values() if each.cell.provider not in left.providers]
        generations = {each.generation_id for each in gone}
        self.outcomes[evaluation_id] = {key: each for key, each in outcomes.items() if each not in gone}
        scores = self.scores.get(evaluation_id, {})
        self.scores[evaluation_id] = {k: each for k, each in scores.items() if k[0] not in generations}
        if left.compares_with(identity_id):
            self.kept = {key: each for key, each in self.kept.items() if key[0] != evaluation_id}
        return left

    def without_generation(self, evaluation_id: str, generation_id: str) -> Evaluation | None:
        for outcome in self.cell_outcomes(evaluation_id):
            if outcome.generation_id == generation_id:
                self.put_cell(evaluation_id, outcome.erased())
        scores = self.scores.get(evaluation_id, {})
        self.scores[evaluation_id] = {k: each for k, each in scores.items() if k[0] != generation_id}
        return self.stored.get(evaluation_id)

    def forget_use(self, identity_id: str, evaluation_id: str) -> None:
        self.uses.pop((identity_id, evaluation_id), None)

    def replace_with_tombstone(self, receipt: EvaluationReceipt) -> bool:
        if self.stored.pop(receipt.evaluation_id, None) is None:
            return False
        self._keep(receipt, receipt.next_purge_at(receipt.erased_at))
        return True

    def receipt(self, evaluation_id: str) -> EvaluationReceipt | None:
        return self.receipts.get(evaluation_id)

    def save_receipt(self, receipt: EvaluationReceipt, purge_at: datetime | None) -> None:
        self._keep(receipt, purge_at)

    def _keep(self, receipt: EvaluationReceipt, purge_at: datetime | None) -> None:
        self.receipts[receipt.evaluation_id] = receipt
        self.due.pop(receipt.evaluation_id, None)
        if purge_at is not None:
            self.due[receipt.evaluation_id] = purge_at

    def remove_rows(self, evaluation_id: str) -> RemovedOfEvaluation:
        cells, scores = self.outcomes.pop(evaluation_id, {}), self.scores.pop(evaluation_id, {})
        self.embeddings.pop(evaluation_id, None)
        self.kept = {key: each for key, each in self.kept.items() if key[0] != evaluation_id}
        return RemovedOfEvaluation(cells=len(cells), scores=len(scores))

    def put_shared_score(
        self,
        evaluation_id: str,
        generation_id: str,
        image_index: int,
        score: Score | NotScored,
        references: Sequence[EmbeddedReference] = (),
        embedding: Embedding | None = None,
        identity_id: str | None = None,
    ) -> None:
        if evaluation_id not in self.stored or self.erased & {identity_id, generation_id}:
            return
        self.scores.setdefault(evaluation_id, {})[generation_id, image_index] = score
        if embedding is not None and isinstance(score, Score):
            self.embeddings.setdefault(evaluation_id, {})[generation_id, image_index] = embedding
        whose = {subject_of_key(each.key) for each in references}
        if references and isinstance(score, Score) and not self.erased & whose:
            self.kept[evaluation_id, score.version, score.face_version] = [*references]

    def has_shared_score(self, evaluation_id: str, generation_id: str, image_index: int) -> bool:
        return (generation_id, image_index) in self.scores.get(evaluation_id, {})

    def shared_scores(self, evaluation_id: str) -> dict[tuple[str, int], Score | NotScored]:
        return dict(self.scores.get(evaluation_id, {}))

    def shared_embeddings(self, evaluation_id: str) -> Mapping[tuple[str, int], Embedding]:
        scored = self.scores.get(evaluation_id, {})
        return {key: each for key, each in self.embeddings.get(evaluation_id, {}).items() if key in scored}

    def count_shared_scores(self, evaluation_id: str) -> tuple[int, int]:
        scores = self.scores.get(evaluation_id, {}).values()
        scored = sum(isinstance(score, Score) for score in scores)
        return scored, len(scores) - scored

    def shared_references(
        self, evaluation_id: str, version: EncoderVersion, face_version: EncoderVersion | None = None
    ) -> References:
        return self.kept.get((evaluation_id, version, face_version), [])

    def _note_uses(self, evaluation: Evaluation) -> None:
        for identity_id in evaluation.identities.values():
            self.uses[identity_id, evaluation.evaluation_id] = None

    def _change(self, evaluation_id: str, **changes: Any) -> None:
        stored = self.stored[evaluation_id].model_dump() | {
            name: value.model_dump() if hasattr(value, "model_dump") else value
            for name, value in changes.items()
        }
        self.stored[evaluation_id] = Evaluation.model_validate(stored)


def no_evaluations(ledger: FakeLedger, bucket: Bucket, workflows: Workflows) -> EvaluationErasure:
    """Erasure where no identity is part of an evaluation."""
    return EvaluationErasure(
        evaluations=FakeEvaluations(),
        identities=FakeIdentities(),
        ledger=ledger,
        bucket=bucket,
        workflows=workflows,
        now=lambda: NOON,
    )
