"""What the erasure of an identity takes out of evaluations."""

from character_identity.domain.evaluation import RESULTS, prefix_of
from character_identity.domain.job import EVALUATION, job_id_of
from character_identity.ports.gateways import Workflows
from character_identity.ports.stores import Bucket, Evaluations, Ledger

LATER_RUNS = 1_000
"""About this number are the runs that make results anew; each erasure has its own."""


class EvaluationErasure:
    """Takes erased identities out of evaluations; with the last of an evaluation's all of it goes."""

    def __init__(
        self, *, evaluations: Evaluations, ledger: Ledger, bucket: Bucket, workflows: Workflows
    ) -> None:
        self._evaluations = evaluations
        self._ledger = ledger
        self._bucket = bucket
        self._workflows = workflows

    def forget(self, identity_id: str) -> None:
        """Delete what evaluations have of an identity, and have their results made anew without it.

        That it is part of one is forgotten last: whatever fails, the next purge begins there.
        """
        for evaluation_id in self._evaluations.used_by(identity_id):
            left = self._evaluations.without_identity(evaluation_id, identity_id)
            prefix = prefix_of(evaluation_id)
            if left is None:
                self._bucket.delete(
                    *self._bucket.list_keys(prefix),
                    *self._bucket.list_keys(f"references/{evaluation_id}/"),
                )
            else:
                self._bucket.delete(*(f"{prefix}{name}" for name in RESULTS))
                job = self._ledger.get(job_id_of(EVALUATION, evaluation_id))
                if left.status == "completed" and job is not None:
                    runs = LATER_RUNS - len(left.providers)
                    self._workflows.start(job.model_copy(update={"runs": runs}))
            self._evaluations.forget_use(identity_id, evaluation_id)
