"""Erasing an evaluation; and what the erasure of an identity, or of one generation, takes out of one.

As with identities a receipt takes the row's place in one write, deleting the rest is a purge, and the sweep
repeats it: that takes what was being written at the erasure, and what an interrupted purge had left.
"""

from contextlib import suppress

from character_identity.domain.erasure import (
    EvaluationReceipt,
    RemovedOfEvaluation,
    RetainedData,
    accounts_of,
    always_staying,
)
from character_identity.domain.errors import Conflict, NotFound
from character_identity.domain.evaluation import RESULTS, Evaluation
from character_identity.domain.get_or_none import get_or_none
from character_identity.domain.job import EVALUATION, ProviderJob, job_id_of
from character_identity.domain.object_keys import EVALUATIONS, LINKED, REFERENCES, prefix_of
from character_identity.domain.ownership import owned
from character_identity.ports.gateways import Now, Workflows
from character_identity.ports.stores import Bucket, Evaluations, Identities, Ledger
from character_identity.services.best_effort import left_to_the_sweep
from character_identity.services.evaluations.recompilation import recompile

MADE_AND_USED = RetainedData(
    where="identities",
    what="the identities and generations that it made or used, with their pictures",
    why="They are their owner's whatever compared them, and are erased by their own routes.",
)


class EvaluationErasure:
    """Erases evaluations, and takes erased identities out of them; with the last of these all of one goes."""

    def __init__(
        self,
        *,
        evaluations: Evaluations,
        identities: Identities,
        ledger: Ledger,
        bucket: Bucket,
        workflows: Workflows,
        now: Now,
    ) -> None:
        self._evaluations = evaluations
        self._identities = identities
        self._ledger = ledger
        self._bucket = bucket
        self._workflows = workflows
        self._now = now

    def erase(self, owner: str, evaluation_id: str) -> EvaluationReceipt:
        """Erase an evaluation of this owner that has ended; of an erased one, the receipt as it is by now.

        Raises:
            NotFound: there is none, or it is another's.
            Conflict: it still runs, or is being ended.
        """
        receipt = self._evaluations.receipt(evaluation_id) or self._replaced(owner, evaluation_id)
        receipt = owned(owner, receipt, "evaluation", evaluation_id)
        if not receipt.complete:
            with left_to_the_sweep("a purge"):
                receipt = self._purge(receipt)
        return receipt

    def purge(self, evaluation_id: str) -> None:
        """Delete what there is of an erased evaluation, and see when to come again."""
        receipt = self._evaluations.receipt(evaluation_id)
        if receipt is not None:
            self._purge(receipt)

    def forget(self, identity_id: str) -> None:
        """Delete what evaluations have of an identity, and have their results made anew without it.

        That it is part of one is forgotten last: whatever fails, the next purge begins there.
        """
        for evaluation_id in self._evaluations.used_by(identity_id):
            left = self._evaluations.without_identity(evaluation_id, identity_id)
            if left is None or not self._has_others(left):
                self._erase_whole(evaluation_id)
            else:
                self._make_anew(left, identity_id)
            self._evaluations.forget_use(identity_id, evaluation_id)

    def forget_generation(self, generation_id: str, *, again: bool = False) -> None:
        """Take a generation's pictures out of the evaluation that ordered it, if one did.

        ``again``: that was done, and its results are those without it; so only rows written since go.
        """
        job = self._ledger.get(job_id_of("generation", generation_id))
        if job is not None and job.evaluation_id is not None:
            left = self._evaluations.without_generation(job.evaluation_id, generation_id)
            if left is not None and not again:
                self._make_anew(left, generation_id)

    def _has_others(self, left: Evaluation) -> bool:
        """Return True if there is another identity of it, or may be yet; those it never made are none."""
        found = (get_or_none(self._identities.get, each) for each in left.identities.values())
        return left.is_unsettled or any(each is not None for each in found)

    def _replaced(self, owner: str, evaluation_id: str) -> EvaluationReceipt:
        """Put a receipt in the place of an evaluation that has ended, and so never runs again."""
        evaluation = owned(owner, self._evaluations.get(evaluation_id), "evaluation", evaluation_id)
        job = self._job(evaluation_id)
        if evaluation.is_unsettled or (job is not None and job.open):
            message = (
                f"The evaluation is {evaluation.status}: it can be erased once it has ended. Cancel it first."
            )
            raise Conflict(message, code="evaluation_running")
        return self._replace(evaluation)

    def _erase_whole(self, evaluation_id: str) -> None:
        """Erase an evaluation whose last identity was erased, whatever is under way."""
        with suppress(NotFound):  # it was erased before
            self._replace(self._evaluations.get(evaluation_id))
        self.purge(evaluation_id)

    def _replace(self, evaluation: Evaluation) -> EvaluationReceipt:
        """Put a receipt in its place; returns the one that is there, for another may have been faster."""
        now = self._now()
        receipt = EvaluationReceipt(
            evaluation_id=evaluation.evaluation_id,
            owner=evaluation.owner,
            erased_at=now,
            identities=[*evaluation.identities.values()],
            kept=[*always_staying(now), accounts_of("its orders"), MADE_AND_USED],
        )
        self._evaluations.replace_with_tombstone(receipt)
        return self._evaluations.receipt(evaluation.evaluation_id) or receipt

    def _purge(self, receipt: EvaluationReceipt) -> EvaluationReceipt:
        evaluation_id = receipt.evaluation_id
        removed = self._evaluations.remove_rows(evaluation_id) + self._remove_objects(evaluation_id)
        for identity_id in receipt.identities:
            self._evaluations.forget_use(identity_id, evaluation_id)
        purged = receipt.replace(removed=receipt.removed + removed, complete=True)
        self._evaluations.save_receipt(purged, purged.next_purge_at(self._now()))
        return purged

    def _remove_objects(self, evaluation_id: str) -> RemovedOfEvaluation:
        files = self._bucket.list_keys(prefix_of(EVALUATIONS, evaluation_id))
        references = self._bucket.list_keys(prefix_of(REFERENCES, evaluation_id))
        self._bucket.delete(*files, *references)
        return RemovedOfEvaluation(references=len(references), files=len(files))

    def _make_anew(self, evaluation: Evaluation, erased_id: str) -> None:
        """Delete the results, and have those of one that has ended made again, whenever this is done.

        Whether it has is read after they are gone: who ends one looks for its results after that.
        """
        prefix = prefix_of(EVALUATIONS, evaluation.evaluation_id)
        links = self._bucket.list_keys(f"{prefix}{LINKED}")
        self._bucket.delete(*(f"{prefix}{name}" for name in RESULTS), *links)
        job = self._job(evaluation.evaluation_id)
        stored = get_or_none(self._evaluations.get, evaluation.evaluation_id)
        if stored is not None and not stored.is_unsettled and job is not None:
            recompile(self._workflows, job, f"{erased_id} {self._now().isoformat()}")

    def _job(self, evaluation_id: str) -> ProviderJob | None:
        return self._ledger.get(job_id_of(EVALUATION, evaluation_id))
