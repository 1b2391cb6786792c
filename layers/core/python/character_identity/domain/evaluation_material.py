"""All that the results of an evaluation are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from character_identity.domain.evaluation import CellOutcome, Evaluation, EvaluationOrder
from character_identity.domain.generation import Generation
from character_identity.domain.identity import Identity
from character_identity.domain.score import NotScored, Score
from character_identity.domain.similarity import Embedding


@dataclass(frozen=True, kw_only=True)
class Material:
    """What was ordered and what came of it; ``evaluation`` as it has ended.

    ``identities`` are by provider, ``outcomes`` by cell id, ``generations`` by id. ``own`` has the scores
    against the references that a picture's provider took, ``shared`` those against all of the character's;
    both by generation and number of the picture, and so are the ``embeddings`` of pictures that have
    shared scores. ``simulated`` are providers that a simulator plays.
    """

    evaluation: Evaluation
    order: EvaluationOrder
    identities: Mapping[str, Identity]
    outcomes: Mapping[str, CellOutcome]
    generations: Mapping[str, Generation]
    own: Mapping[tuple[str, int], Score]
    shared: Mapping[tuple[str, int], Score | NotScored]
    embeddings: Mapping[tuple[str, int], Embedding] = field(default_factory=dict)
    simulated: frozenset[str] = field(default_factory=frozenset)

    @property
    def providers(self) -> Sequence[str]:
        """Those that are compared."""
        return self.evaluation.providers
