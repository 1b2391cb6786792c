"""Tells whether an evaluation is scored: asked by whoever waits for the last score and by whoever writes it.

Before asking, the former has stored that it waits and the latter its score, so one of them sees the other.
"""

from character_identity.domain.evaluation import Evaluation
from character_identity.ports.stores import Evaluations, SharedScores


def is_scored(evaluation: Evaluation, evaluations: Evaluations, scores: SharedScores) -> bool:
    """Return True if each picture that is there has a score against all references, or a reason why not."""
    wanted = evaluation.pictures(evaluations.cell_outcomes(evaluation.evaluation_id))
    return sum(scores.count_shared_scores(evaluation.evaluation_id)) >= wanted
