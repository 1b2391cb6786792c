"""Evaluations: orders of many jobs at once; and the sweep, which knows jobs of every kind."""

from functools import cached_property
from typing import TYPE_CHECKING

from character_identity.domain.job import EVALUATION
from character_identity.wiring.deferred import deferred
from character_identity.wiring.ordering import Ordering

if TYPE_CHECKING:
    from character_identity.services.evaluations.cells import EvaluationCells
    from character_identity.services.evaluations.compilation import EvaluationCompilation
    from character_identity.services.evaluations.requests import EvaluationService
    from character_identity.services.evaluations.results import EvaluationResults
    from character_identity.services.evaluations.workflow import EvaluationWorkflow
    from character_identity.services.jobs.sweep import SweepService


class Evaluating(Ordering):
    """What orders identities and pictures as callers do, for one that wants all of them compared."""

    @cached_property
    def evaluations(self) -> "EvaluationService":
        from character_identity.services.evaluations.requests import EvaluationService

        return EvaluationService(
            evaluations=self.evaluation_table,
            shared_scores=self.shared_scores,
            identities=self.identity_table,
            identity_service=self.identities,
            references=deferred(lambda: self.references),
            intakes=self.intakes,
            providers=self.providers,
            keys_there=self.keys_there,
            orders=deferred(lambda: self.orders),
            bucket=self.bucket,
            workflows=self.state_machines,
            callbacks=self.callbacks,
            now=self.now,
        )

    @cached_property
    def evaluation_results(self) -> "EvaluationResults":
        from character_identity.services.evaluations.results import EvaluationResults

        return EvaluationResults(self.bucket)

    @cached_property
    def evaluation_compilation(self) -> "EvaluationCompilation":
        from character_identity.services.evaluations.compilation import EvaluationCompilation

        return EvaluationCompilation(
            evaluations=self.evaluation_table,
            identities=self.identity_table,
            generations=self.generation_table,
            scores=self.scores,
            shared_scores=self.shared_scores,
            bucket=self.bucket,
            now=self.now,
        )

    @cached_property
    def evaluation_cells(self) -> "EvaluationCells":
        from character_identity.services.evaluations.cells import EvaluationCells

        return EvaluationCells(
            evaluations=self.evaluation_table,
            generations=self.generation_table,
            generation_service=self.generations,
            ledger=self.ledger,
            bucket=self.bucket,
            callbacks=self.callbacks,
            events=self.events,
            now=self.now,
        )

    @cached_property
    def evaluation_workflow(self) -> "EvaluationWorkflow":
        from character_identity.services.evaluations.workflow import EvaluationWorkflow

        return EvaluationWorkflow(
            evaluations=self.evaluation_table,
            shared_scores=self.shared_scores,
            cells=self.evaluation_cells,
            identity_service=self.identities,
            providers=self.providers,
            ledger=self.ledger,
            slots=deferred(lambda: self.slot_table),
            bucket=self.bucket,
            bucket_name=self.storage_settings.bucket_name,
            workflows=deferred(lambda: self.state_machines),
            events=self.events,
            now=self.now,
        )

    @cached_property
    def sweep(self) -> "SweepService":
        from character_identity.services.jobs.sweep import SweepService
        from character_identity.services.late_scores import LateScoreService

        return SweepService(
            open_work=self.open_work,
            ledger=self.ledger,
            kinds={
                "training": self.training_workflow,
                "generation": self.generation_workflow,
                EVALUATION: self.evaluation_workflow,
            },
            workflows=self.state_machines,
            providers=self.short_timeout_providers,
            events=self.events,
            erasure=self.erasure,
            evaluation_erasure=self.evaluation_erasure,
            intakes=self.intakes,
            late_scores=LateScoreService(self.generation_table, self.scores, self.events, self.now),
            media=deferred(lambda: self.result_http),
            now=self.now,
        )
