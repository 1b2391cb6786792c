"""The last task of an evaluation but one: reads all that its results are made of, and keeps them."""

import json
from collections.abc import Mapping
from functools import partial

from character_identity.domain.evaluation import PICTURES, RESULTS, Cell, Evaluation, Recommendation
from character_identity.domain.evaluation_material import Material
from character_identity.domain.failure import Failure
from character_identity.domain.generation import Generation
from character_identity.domain.get_or_none import get_or_none
from character_identity.domain.object_keys import EVALUATIONS, prefix_of
from character_identity.domain.score import Score
from character_identity.ports.gateways import Now
from character_identity.ports.stores import (
    Bucket,
    Evaluations,
    Generations,
    Identities,
    Scores,
    SharedScores,
)
from character_identity.services.concurrency import map_concurrently
from character_identity.services.evaluations.order_file import read_order


class EvaluationCompilation:
    """Reads and keeps; what the results say is a pure function of what was read."""

    def __init__(
        self,
        *,
        evaluations: Evaluations,
        identities: Identities,
        generations: Generations,
        scores: Scores,
        shared_scores: SharedScores,
        bucket: Bucket,
        now: Now,
    ) -> None:
        self._evaluations = evaluations
        self._identities = identities
        self._generations = generations
        self._scores = scores
        self._shared_scores = shared_scores
        self._bucket = bucket
        self._now = now

    def material(self, evaluation_id: str, failure: Failure | None = None) -> Material | None:
        """All that there is of an evaluation, as it ends now, for ``failure`` if it does not go on.

        None if it was erased. Of one that has ended the results are made anew, of what is there now.
        """
        evaluation = get_or_none(self._evaluations.get, evaluation_id)
        if evaluation is None:
            return None
        evaluation = evaluation.ended(failure, self._now())
        order = read_order(self._bucket, evaluation)
        generations = self._generations_of(evaluation, order.cells(evaluation.providers))
        outcomes = self._evaluations.cell_outcomes(evaluation_id)
        identities = {
            name: get_or_none(self._identities.get, each) for name, each in evaluation.identities.items()
        }
        played = {name for name, each in identities.items() if each and (each.simulated or each.mock)}
        return Material(
            evaluation=evaluation,
            order=order,
            identities={name: identity for name, identity in identities.items() if identity is not None},
            outcomes={each.cell.cell_id: each for each in outcomes},
            generations=generations,
            own=self._own_scores(generations),
            shared=self._shared_scores.shared_scores(evaluation_id),
            embeddings=self._shared_scores.shared_embeddings(evaluation_id),
            simulated=frozenset(played),
        )

    def keep(
        self,
        material: Material,
        files: Mapping[str, str],
        pictures: Mapping[str, str],
        found: Recommendation,
    ) -> bool:
        """Store the results; ``pictures`` has the key of each picture by its path beside the pages.

        False if something that they tell of was erased meanwhile, so that they are to be made again. Erasures
        say so in the evaluation's rows before they delete results: one that does it later deletes these.
        """
        evaluation = material.evaluation
        prefix = prefix_of(EVALUATIONS, evaluation.evaluation_id)
        for name, content in {**files, PICTURES: json.dumps(pictures, indent=2)}.items():
            if name in RESULTS:
                self._bucket.write(f"{prefix}{name}", content.encode(), RESULTS[name])
        if self._has_lost_something(material):
            return False
        self._evaluations.conclude(evaluation.evaluation_id, found, self._now())
        return True

    def _has_lost_something(self, material: Material) -> bool:
        evaluation_id = material.evaluation.evaluation_id
        stored = get_or_none(self._evaluations.get, evaluation_id)
        if stored is None or stored.identities != material.evaluation.identities:
            return True
        erased = {
            each.cell.cell_id for each in self._evaluations.cell_outcomes(evaluation_id) if each.was_erased
        }
        if any(not each.was_erased and cell in erased for cell, each in material.outcomes.items()):
            return True
        looked_at = {each.generation_id for each in material.outcomes.values()}
        others = material.generations.keys() - looked_at  # no outcome of theirs can say that they are gone
        return any(get_or_none(self._generations.get, each) is None for each in others)

    def _generations_of(self, evaluation: Evaluation, cells: list[Cell]) -> dict[str, Generation]:
        found = map_concurrently(
            partial(get_or_none, self._generations.get), map(evaluation.generation_id, cells)
        )
        return {each.generation_id: each for each in found if each is not None}

    def _own_scores(self, generations: Mapping[str, Generation]) -> dict[tuple[str, int], Score]:
        found = map_concurrently(self._scores.scores_of, generations)
        return {
            (generation_id, index): score
            for generation_id, by_index in zip(generations, found, strict=True)
            for index, scores in by_index.items()
            for score in scores[:1]
            if isinstance(score, Score)
        }
