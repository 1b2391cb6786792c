"""What the erasure of an identity, or of one generation, takes out of evaluations."""

from character_identity.domain.evaluation import RESULTS, Evaluation, prefix_of
from character_identity.domain.job import EVALUATION, job_id_of
from character_identity.ports.gateways import Workflows
from character_identity.ports.stores import Bucket, Evaluations, Ledger
from character_identity.services.evaluations.anew import have_compiled


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
                self._make_anew(left, identity_id)
            self._evaluations.forget_use(identity_id, evaluation_id)

    def forget_generation(self, generation_id: str) -> None:
        """Take a generation's pictures out of the evaluation that ordered it, if one did."""
        job = self._ledger.get(job_id_of("generation", generation_id))
        if job is not None and job.evaluation_id is not None:
            left = self._evaluations.without_generation(job.evaluation_id, generation_id)
            if left is not None:
                self._make_anew(left, generation_id)

    def _make_anew(self, evaluation: Evaluation, erased_id: str) -> None:
        """Delete the results, and have those of one that has ended made again: once for each erasure."""
        links = self._bucket.list_keys(f"{evaluation.prefix}linked/")
        self._bucket.delete(*(f"{evaluation.prefix}{name}" for name in RESULTS), *links)
        job = self._ledger.get(job_id_of(EVALUATION, evaluation.evaluation_id))
        if not evaluation.is_unsettled and job is not None:
            have_compiled(self._workflows, job, erased_id)
