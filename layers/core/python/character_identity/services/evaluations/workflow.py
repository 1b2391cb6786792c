"""The tasks of ``run_evaluation``: order identities and pictures, wait for them and their scores, record.

Identities and pictures are ordinary orders, made by the same services as any other. Their ids are derived
from the evaluation's, so a task that runs again finds what it has ordered, and nothing is paid twice.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Literal

from character_identity.domain.budget import Fund
from character_identity.domain.errors import Conflict, Erased, NotFound, ServiceError
from character_identity.domain.evaluation import (
    LATE,
    PICTURES,
    Evaluation,
    EvaluationPhase,
    EvaluationStatus,
)
from character_identity.domain.event import Event
from character_identity.domain.failure import Failure
from character_identity.domain.get_or_none import get_or_none
from character_identity.domain.identity import Identity, ProviderName
from character_identity.domain.job import ProviderJob, account_of
from character_identity.domain.object_keys import EVALUATIONS, prefix_of
from character_identity.domain.scored_generation import SCORED_WITHIN
from character_identity.ports.gateways import Now, Workflows
from character_identity.ports.providers import Providers
from character_identity.ports.stores import Bucket, Evaluations, Ledger, SharedScores, SlotStore
from character_identity.services.evaluations.cells import TOO_LONG, WAITED_WITHIN, EvaluationCells, fund_of
from character_identity.services.evaluations.order_file import read_order
from character_identity.services.evaluations.recompilation import recompile
from character_identity.services.evaluations.scored import is_scored
from character_identity.services.identities import IdentityService
from character_identity.services.jobs.outcome import ERASED, IDENTITY_ERASED, Outcome
from character_identity.services.jobs.settlement import settle_money
from character_identity.services.jobs.state import MOST_RUNS, UNFINISHED, Backoff, MachineState
from character_identity.services.references import NamedImage, Source
from character_identity.services.sources import MAX_BYTES
from character_identity.services.webhooks.events import EventService

IDENTITY_BACKOFF = Backoff(first_s=5, longest_s=120)
SCORE_BACKOFF = Backoff(first_s=5, longest_s=60)
"""How often the machine polls. A history holds 25,000 events
(https://docs.aws.amazon.com/step-functions/latest/dg/limits.html, read 2026-11-28), and a poll takes nine."""
CELLS = "cells.jsonl"
"""A line for each cell, in the evaluation's folder."""
BESIDE_UNLIMITED = 2
"""Cells at work at once for a provider without slots, which takes as many jobs as it is sent."""
LAST_SCORES_WITHIN = timedelta(minutes=2)
"""If the evaluation is given up: pictures are scored within seconds, and whoever cancels is waiting."""
ENDED = "ended"
"""The state of a machine that has nothing more to do: cancelled, erased, or given up meanwhile."""


class EvaluationState(MachineState):
    """Where an evaluation's machine stands.

    ``cells``: where the cells are listed.
    ``until``: when the current wait ends.
    ``failure``: why the evaluation does not go on.
    ``results``: the outcome for which results were written, or could not be. Writing them is tried once for
    each outcome.
    """

    state: Literal[
        "accepted",
        "planned",
        "making",
        "made",
        "scoring",
        "scored",
        "compiled",
        "stopped",
        "completed",
        "ended",
        "cancelled",
        "failed",
    ] = "accepted"
    evaluation_id: str = ""
    cells: dict[str, str] | None = None
    concurrency: int = 1
    until: datetime | None = None
    failure: Failure | None = None
    results: EvaluationStatus | None = None


class EvaluationWorkflow:
    """Takes evaluations through their life. Its methods are tasks: state in, next state out."""

    def __init__(
        self,
        *,
        evaluations: Evaluations,
        shared_scores: SharedScores,
        cells: EvaluationCells,
        identity_service: IdentityService,
        providers: Providers,
        ledger: Ledger,
        slots: SlotStore,
        bucket: Bucket,
        bucket_name: str,
        workflows: Workflows,
        events: EventService,
        now: Now,
    ) -> None:
        self._evaluations = evaluations
        self._shared_scores = shared_scores
        self._cells = cells
        self._identity_service = identity_service
        self._providers = providers
        self._ledger = ledger
        self._slots = slots
        self._bucket = bucket
        self._bucket_name = bucket_name
        self._workflows = workflows
        self._events = events
        self._now = now

    # the tasks of the machine

    def plan(self, state: EvaluationState) -> EvaluationState:
        """List the cells in the bucket; if the evaluation has ended, go on to make its results anew."""
        evaluation_id = state.subject_id
        state = state.replace(evaluation_id=evaluation_id)
        evaluation = get_or_none(self._evaluations.get, evaluation_id)
        if evaluation is not None and not evaluation.is_unsettled:
            return state.replace(state="scored")
        if evaluation is None or evaluation.given_up(self._now()) is not None:
            return state.replace(state=ENDED)
        cells = read_order(self._bucket, evaluation).cells(evaluation.providers)
        key = f"{prefix_of(EVALUATIONS, evaluation.evaluation_id)}{CELLS}"
        lines = "".join(f"{json.dumps(cell.model_dump(mode='json'))}\n" for cell in cells)
        self._bucket.write(key, lines.encode(), "application/jsonl")
        return state.replace(
            state="planned",
            cells={"bucket": self._bucket_name, "key": key},
            concurrency=self._concurrency(evaluation),
            until=self._now() + WAITED_WITHIN,
        )

    def make_identities(self, state: EvaluationState) -> EvaluationState:
        """Order the identities to be made, each once; a refusal is a result too."""
        evaluation = self._open(state)
        if evaluation is None:
            return state.replace(state=ENDED)
        self._advance(evaluation, "identities")
        fund = fund_of(self._ledger, evaluation)
        failures = dict(evaluation.failures)
        for name in evaluation.made:
            if name not in failures and (failure := self._make(evaluation, name, fund)) is not None:
                failures[name] = failure
        self._keep_failures(evaluation, failures)
        return state.replace(state="making", polls=0)

    def check_identities(self, state: EvaluationState) -> EvaluationState:
        """Check whether every identity is ready, or will never be."""
        evaluation = self._open(state)
        if evaluation is None:
            return state.replace(state=ENDED)
        failures, waits = dict(evaluation.failures), False
        for name, identity_id in evaluation.identities.items():
            if name in failures:
                continue
            identity = self._identity(evaluation, identity_id)
            if isinstance(identity, Failure):
                failures[name] = identity
            elif identity.status == "failed":
                failures[name] = identity.error or UNFINISHED
            elif identity.status == "training" and self._is_late(state):
                failures[name] = TOO_LONG
            else:
                waits = waits or identity.status == "training"
        self._keep_failures(evaluation, failures)
        if waits:
            return state.wait(self._now(), IDENTITY_BACKOFF)
        self._advance(evaluation, "pictures")
        return state.replace(state="made")

    def check_scores(self, state: EvaluationState) -> EvaluationState:
        """Check whether every picture has a score or a reason why not; wait two hours at most.

        If the evaluation was given up, wait only briefly: what was drawn is paid for, and scored soon.

        The phase is written before the scores are counted, so whoever writes the last score later sees it
        and wakes the machine.
        """
        self._ledger.consume_callback(state.job_id)
        evaluation = get_or_none(self._evaluations.get, state.evaluation_id)
        if evaluation is None or not evaluation.is_unsettled:
            return state.replace(state=ENDED)
        self._advance(evaluation, "scores")
        now = self._now()
        until = now + (SCORED_WITHIN if evaluation.given_up(now) is None else LAST_SCORES_WITHIN)
        if state.state != "scoring":
            state = state.replace(state="scoring", polls=0, until=until)
        elif state.until is not None:
            state = state.replace(until=min(until, state.until))
        scored = is_scored(evaluation, self._evaluations, self._shared_scores)
        if scored or self._is_late(state):
            self._advance(evaluation, "report")
            return state.replace(state="scored")
        return state.wait(self._now(), SCORE_BACKOFF)

    def record(self, state: EvaluationState) -> EvaluationState:
        """Write the outcome and settle the money; an error caught by the state machine makes it a failure.

        Before an evaluation is given up, all its jobs are stopped and its results written from what is there.
        """
        job = self._ledger.get(state.job_id)
        if job is None:
            raise LookupError(f"The job {state.job_id} was never ordered.")
        caught = Failure.of_state(state.error) if state.error else None
        failure = state.failure or caught
        if failure is None and state.state != "compiled":
            failure = UNFINISHED
        if caught is not None and caught.may_pass and job.runs < MOST_RUNS and self._open(state) is not None:
            return state.failed(caught)  # the sweep starts another machine
        evaluation = get_or_none(self._evaluations.get, job.subject_id)
        if evaluation is not None and evaluation.is_unsettled:
            ends_as = evaluation.ended(failure, self._now()).status
            if state.results != ends_as and ends_as != "completed":
                self._stop_jobs(evaluation)
                if evaluation.recommendation is not None:  # from results of another outcome
                    self._advance(evaluation, "report", recommendation=None)
                return state.replace(state="stopped", failure=failure, error=None, results=ends_as)
        outcome = self._settle(job, failure)
        if outcome is None:
            return self.record(state)
        if caught is not None and outcome != ERASED:
            return state.failed(outcome.error or caught)  # whatever its outcome, its results are missing
        if state.state == "compiled" and outcome != ERASED and not self._has_results(job.subject_id):
            return state.replace(state="stopped", failure=failure)
        return state.ended(outcome)

    def _has_results(self, evaluation_id: str) -> bool:
        """Return False if the results were deleted again because something was erased just then.

        After the outcome is stored, an erasure has them made anew itself.
        """
        key = f"{prefix_of(EVALUATIONS, evaluation_id)}{PICTURES}"
        return key in self._bucket.list_keys(key)

    # how it ends

    def outcome_of(self, job: ProviderJob) -> Outcome | None:
        """Return the outcome of an evaluation; None while it has none."""
        evaluation = get_or_none(self._evaluations.get, job.subject_id)
        if evaluation is None:
            return ERASED
        return None if evaluation.is_unsettled else Outcome(evaluation.status, evaluation.error)

    def settle(self, job: ProviderJob, failure: Failure | None) -> Outcome:
        """Settle an evaluation whose machine died, and have another machine write missing results.

        Its job is never ordered from a provider: if the sweep says so, the deadline has passed.
        """
        is_late = failure is not None and failure.code == "not_ordered"
        why = LATE if is_late else failure
        return self._settle(job, why, write_results=True) or self.settle(job, failure)

    def _settle(
        self, job: ProviderJob, failure: Failure | None, *, write_results: bool = False
    ) -> Outcome | None:
        """Store the outcome with its event, stop what still runs, and give back the money that is left.

        Does nothing and returns None if the evaluation was cancelled just now, for then it ends differently.

        Each step takes effect once, however often this runs, and whether the machine's last task or the sweep
        runs it.
        """
        evaluation = get_or_none(self._evaluations.get, job.subject_id)
        if evaluation is None:
            settle_money(self._ledger, job)
            return ERASED
        if evaluation.is_unsettled:
            settled = evaluation.ended(failure, self._now())
            evaluation = self._evaluations.settle(settled, Event.of_evaluation(settled))
            if evaluation.is_unsettled:
                return None
        self._stop_jobs(evaluation)  # if it is completed, those that nobody looked after any more
        if write_results and not evaluation.has_results:
            recompile(self._workflows, job, job.subject_id)
        settle_money(self._ledger, job)
        self._events.publish_soon(Event.of_evaluation(evaluation).event_id)
        return Outcome(evaluation.status, evaluation.error)

    def _stop_jobs(self, evaluation: Evaluation) -> None:
        """Stop what still runs: nobody wants it any more, and it costs money."""
        for name in evaluation.made:
            with suppress(NotFound):  # never made, or erased
                self._identity_service.cancel(evaluation.owner, evaluation.identities[name])
        self._cells.stop(evaluation)

    # what the tasks have in common

    def _open(self, state: EvaluationState) -> Evaluation | None:
        """Return the evaluation; None once it is cancelled, erased or given up."""
        evaluation = get_or_none(self._evaluations.get, state.evaluation_id)
        goes_on = evaluation is not None and evaluation.is_unsettled
        return evaluation if evaluation and goes_on and evaluation.given_up(self._now()) is None else None

    def _concurrency(self, evaluation: Evaluation) -> int:
        """Return how many cells are at work at once: two for each slot, so that one waits for it."""
        accounts = {account_of(name) for name in evaluation.providers}
        limited = [self._slots.get(each).limit for each in accounts if self._slots.is_limited(each)]
        return 2 * sum(limited) + BESIDE_UNLIMITED * (len(accounts) - len(limited))

    def _make(self, evaluation: Evaluation, name: ProviderName, fund: Fund) -> Failure | None:
        """Order an identity unless that was done; return why it was refused, if it was."""
        identity_id, owner = evaluation.identities[name], evaluation.owner
        if not isinstance(self._identity(evaluation, identity_id), Failure):
            return None
        keys = evaluation.references[: self._providers[name].references.maximum]
        sources: Sequence[Source] = [
            NamedImage(key.rpartition("/")[2], self._bucket.read(key, MAX_BYTES)) for key in keys
        ]
        try:
            self._identity_service.create(
                owner,
                evaluation.name,
                name,
                sources,
                evaluation.class_name,
                identity_id=identity_id,
                fund=fund,
            )
        except Conflict:  # another run of this task was faster
            return None
        except ServiceError as exc:
            if exc.status >= 500:
                raise
            return Failure(code=exc.code, message=exc.message)
        return None

    def _identity(self, evaluation: Evaluation, identity_id: str) -> Identity | Failure:
        try:
            return self._identity_service.get(evaluation.owner, identity_id)
        except Erased:
            return IDENTITY_ERASED
        except NotFound:
            return Failure(code="unknown_identity", message="The identity was never made.")

    def _keep_failures(self, evaluation: Evaluation, failures: dict[ProviderName, Failure]) -> None:
        if failures != evaluation.failures:
            stored = {name: each.model_dump(mode="json") for name, each in failures.items()}
            self._advance(evaluation, "identities", failures=stored)

    def _advance(self, evaluation: Evaluation, phase: EvaluationPhase, **changes: Any) -> None:
        self._evaluations.advance(evaluation.evaluation_id, phase, self._now(), **changes)

    def _is_late(self, state: EvaluationState) -> bool:
        return state.until is not None and self._now() >= state.until
