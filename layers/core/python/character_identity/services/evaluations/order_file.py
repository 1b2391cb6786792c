"""What an evaluation draws, as a file in its folder: a row has no room for a hundred prompts."""

from character_identity.domain.evaluation import Evaluation, EvaluationOrder
from character_identity.domain.object_keys import EVALUATIONS, prefix_of
from character_identity.ports.stores import Bucket

MOST_BYTES = 1024 * 1024


def key_of(evaluation_id: str) -> str:
    """Return where it lies in the bucket."""
    return f"{prefix_of(EVALUATIONS, evaluation_id)}order.json"


def write_order(bucket: Bucket, evaluation_id: str, order: EvaluationOrder) -> None:
    """Keep an order."""
    bucket.write(key_of(evaluation_id), order.model_dump_json().encode(), "application/json")


def read_order(bucket: Bucket, evaluation: Evaluation) -> EvaluationOrder:
    """Return what an evaluation draws."""
    return EvaluationOrder.model_validate_json(bucket.read(key_of(evaluation.evaluation_id), MOST_BYTES))
