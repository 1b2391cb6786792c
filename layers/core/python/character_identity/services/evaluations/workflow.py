"""The tasks of ``run_evaluation``: what an evaluation orders, waits for and records.

Its identities and pictures are orders like any other, made by the same services. Each has an id that follows
from the evaluation's, so a task that runs again finds what it has ordered, and pays nothing twice.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from character_identity.domain.budget import Fund, settlement_of
from character_identity.domain.errors import Conflict, Erased, NotFound, ServiceError
from character_identity.domain.evaluation import Evaluation, EvaluationPhase
from character_identity.domain.event import Event
from character_identity.domain.failure import Failure
from character_identity.domain.identity import Identity, ProviderName
from character_identity.domain.job import ProviderJob, account_of
from character_identity.domain.scored_generation import SCORED_WITHIN
from character_identity.ports.gateways import Now
from character_identity.ports.providers import Providers
from character_identity.ports.stores import Bucket, Evaluations, Ledger, SharedScores, SlotStore
from character_identity.services.evaluations.cells import (
    CANCELLED,
    TOO_LONG,
    WAITED_WITHIN,
    EvaluationCells,
    fund_of,
)
from character_identity.services.evaluations.order_file import read_order
from character_identity.services.evaluations.scored import is_scored
from character_identity.services.identities import IdentityService
from character_identity.services.jobs.outcome import ERASED, Outcome
from character_identity.services.jobs.state import Backoff, MachineState
from character_identity.services.references import NamedImage, Source
from character_identity.services.sources import MAX_BYTES
from character_identity.services.webhooks.events import EventService

IDENTITY_BACKOFF = Backoff(first_s=5, longest_s=120, usual_s=0)
SCORE_BACKOFF = Backoff(first_s=5, longest_s=60, usual_s=0)
"""How often the machine looks. Histories hold 25,000 events
(https://docs.aws.amazon.com/step-functions/latest/dg/limits.html, read 2026-11-28), and a look takes nine."""
CELLS = "cells.jsonl"
"""A line for each cell, in the evaluation's folder."""
BESIDE_UNLIMITED = 2
"""Cells at work at once at a provider that takes as many jobs as it is sent."""
UNFINISHED = Failure(code="unfinished", message="It was to be recorded before it was done.")
LATE = Failure(code="deadline_exceeded", message="The evaluation did not end before its deadline.")
ENDED = "ended"
"""The state of a machine that has nothing more to do: cancelled, erased, or given up meanwhile."""


class EvaluationState(MachineState):
    """Where an evaluation's machine stands; ``cells`` says where they are listed, ``until`` ends a wait."""

    state: Literal[
        "accepted",
        "planned",
        "making",
        "made",
        "scoring",
        "scored",
        "compiled",
        "completed",
        "ended",
        "cancelled",
        "failed",
    ] = "accepted"
    evaluation_id: str = ""
    cells: dict[str, str] | None = None
    concurrency: int = 1
    until: datetime | None = None


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
        self._events = events
        self._now = now

    # the tasks of the machine

    def plan(self, state: EvaluationState) -> EvaluationState:
        """List the cells in the bucket; of an evaluation that is completed, the results are made anew."""
        evaluation_id = state.subject_id
        state = state.model_copy(update={"evaluation_id": evaluation_id})
        evaluation = self._find(evaluation_id)
        if evaluation is not None and evaluation.status == "completed":
            return state.model_copy(update={"state": "scored"})
        if evaluation is None or evaluation.status != "running":
            return state.model_copy(update={"state": ENDED})
        cells = read_order(self._bucket, evaluation).cells(evaluation.providers)
        key = f"{evaluation.prefix}{CELLS}"
        lines = "".join(f"{json.dumps(cell.model_dump(mode='json'))}\n" for cell in cells)
        self._bucket.write(key, lines.encode(), "application/jsonl")
        planned = {
            "state": "planned",
            "cells": {"bucket": self._bucket_name, "key": key},
            "concurrency": self._concurrency(evaluation),
            "until": self._now() + WAITED_WITHIN,
        }
        return state.model_copy(update=planned)

    def make_identities(self, state: EvaluationState) -> EvaluationState:
        """Order the identities that are to be made, each once; one that is refused is a result."""
        evaluation = self._open(state)
        if evaluation is None:
            return state.model_copy(update={"state": ENDED})
        self._advance(evaluation, "identities")
        fund = fund_of(self._ledger, evaluation)
        failures = dict(evaluation.failures)
        for name in evaluation.made:
            if name not in failures and (failure := self._make(evaluation, name, fund)) is not None:
                failures[name] = failure
        self._keep_failures(evaluation, "identities", failures)
        return state.model_copy(update={"state": "making", "polls": 0})

    def check_identities(self, state: EvaluationState) -> EvaluationState:
        """See whether every identity is ready, or will never be."""
        evaluation = self._open(state)
        if evaluation is None:
            return state.model_copy(update={"state": ENDED})
        failures, waits = dict(evaluation.failures), False
        for name, identity_id in evaluation.identities.items():
            if name in failures:
                continue
            identity = self._identity(evaluation, identity_id)
            if isinstance(identity, Failure):
                failures[name] = identity
            elif identity.status == "failed":
                failures[name] = identity.error or UNFINISHED
            elif identity.status == "training" and self._is_late(state.until):
                failures[name] = TOO_LONG
            else:
                waits = waits or identity.status == "training"
        self._keep_failures(evaluation, "identities", failures)
        if waits:
            return state.wait(self._now(), IDENTITY_BACKOFF, awaiting_callback=False)
        self._advance(evaluation, "pictures")
        return state.model_copy(update={"state": "made"})

    def check_scores(self, state: EvaluationState) -> EvaluationState:
        """See whether every picture has its score, or a reason why not; after two hours none is waited for.

        The phase is written before the scores are counted: whoever writes the last one after that sees it,
        and wakes the machine.
        """
        self._ledger.consume_callback(state.job_id)
        evaluation = self._open(state)
        if evaluation is None:
            return state.model_copy(update={"state": ENDED})
        self._advance(evaluation, "scores")
        if state.state != "scoring":
            first = {"state": "scoring", "polls": 0, "until": self._now() + SCORED_WITHIN}
            state = state.model_copy(update=first)
        scored = is_scored(evaluation, self._evaluations, self._shared_scores)
        if scored or self._is_late(state.until):
            self._advance(evaluation, "report")
            return state.model_copy(update={"state": "scored"})
        return state.wait(self._now(), SCORE_BACKOFF, awaiting_callback=False)

    def record(self, state: EvaluationState) -> EvaluationState:
        """Write the outcome and settle the money; an error that a Catch brought makes it a failure."""
        job = self._ledger.get(state.job_id)
        if job is None:
            raise LookupError(f"The job {state.job_id} was never ordered.")
        failure = Failure.of_state(state.error) if state.error else None
        if failure is None and state.state != "compiled":
            failure = UNFINISHED
        outcome = self.settle(job, failure)
        error = outcome.error.model_dump() if outcome.error else None
        ended = "cancelled" if outcome.was_wanted_no_more else outcome.status
        return state.model_copy(update={"state": ended, "error": error})

    # how it ends

    def outcome_of(self, job: ProviderJob) -> Outcome | None:
        """What became of an evaluation; None while it has no outcome."""
        evaluation = self._find(job.subject_id)
        if evaluation is None:
            return ERASED
        return None if evaluation.is_unsettled else Outcome(evaluation.status, evaluation.error)

    def settle(self, job: ProviderJob, failure: Failure | None) -> Outcome:
        """Store the outcome with its event, stop what still runs, and give back the money that is left.

        Each step is done once, however often all of it runs, and whoever is at it: the machine's last task,
        or the sweep where that task died.
        """
        evaluation = self._find(job.subject_id)
        outcome, event_id = ERASED, None
        if evaluation is not None:
            stored, event_id = self._store_outcome(evaluation, failure)
            outcome = Outcome(stored.status, stored.error)
            if stored.status != "completed":
                self._stop_jobs(stored)
        self._settle_money(job)
        if event_id is not None:
            self._events.publish_soon(event_id)
        return outcome

    def _store_outcome(self, evaluation: Evaluation, failure: Failure | None) -> tuple[Evaluation, str]:
        now = self._now()
        if evaluation.status == "cancelling":
            outcome: dict[str, Any] = {"status": "cancelled", "error": CANCELLED}
        elif failure is not None:
            # The sweep says of a job that it was not ordered; of an evaluation's that means its deadline.
            outcome = {"status": "failed", "error": LATE if failure.code == "not_ordered" else failure}
        else:
            outcome = {"status": "completed", "error": None}
        settled = evaluation.model_copy(update={**outcome, "settled_at": now, "updated_at": now})
        if not evaluation.is_unsettled:
            return evaluation, Event.of_evaluation(evaluation).event_id
        stored = self._evaluations.settle(settled, Event.of_evaluation(settled))
        return stored, Event.of_evaluation(stored).event_id

    def _stop_jobs(self, evaluation: Evaluation) -> None:
        """Cancel what still runs: nobody wants it any more, and it costs money."""
        for name in evaluation.made:
            identity_id = evaluation.identities[name]
            if isinstance(self._identity(evaluation, identity_id), Identity):
                self._identity_service.cancel(evaluation.owner, identity_id)
        self._cells.stop(evaluation)

    def _settle_money(self, job: ProviderJob | None) -> None:
        """Give back what no job has drawn; one that is under way may draw meanwhile, and then again."""
        while job is not None and job.open:
            if self._ledger.settle(job, settlement_of(job)):
                return
            job = self._ledger.get(job.job_id)

    # what the tasks have in common

    def _find(self, evaluation_id: str) -> Evaluation | None:
        try:
            return self._evaluations.get(evaluation_id)
        except NotFound:
            return None

    def _open(self, state: EvaluationState) -> Evaluation | None:
        """The evaluation while it is to go on; None once it is cancelled, erased or given up."""
        evaluation = self._find(state.evaluation_id)
        return evaluation if evaluation is not None and evaluation.status == "running" else None

    def _concurrency(self, evaluation: Evaluation) -> int:
        """Twice as many cells at work as there are slots, so that somebody waits for the next free one."""
        accounts = {account_of(name) for name in evaluation.providers}
        limited = [self._slots.get(each).limit for each in accounts if self._slots.is_limited(each)]
        return 2 * sum(limited) + BESIDE_UNLIMITED * (len(accounts) - len(limited))

    def _make(self, evaluation: Evaluation, name: ProviderName, fund: Fund) -> Failure | None:
        """Order an identity unless it was ordered before; why it was refused, if it was."""
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
            return Failure(code="erased", message="The identity was erased.")
        except NotFound:
            return Failure(code="unknown_identity", message="The identity was never made.")

    def _keep_failures(
        self, evaluation: Evaluation, phase: EvaluationPhase, failures: dict[ProviderName, Failure]
    ) -> None:
        if failures != evaluation.failures:
            stored = {name: each.model_dump(mode="json") for name, each in failures.items()}
            self._advance(evaluation, phase, failures=stored)

    def _advance(self, evaluation: Evaluation, phase: EvaluationPhase, **changes: Any) -> None:
        self._evaluations.advance(evaluation.evaluation_id, phase, self._now(), **changes)

    def _is_late(self, until: datetime | None) -> bool:
        return until is not None and self._now() >= until
