"""The tasks of ``run_evaluation``: what an evaluation orders, waits for and records.

Its identities and pictures are orders like any other, made by the same services. Each has an id that follows
from the evaluation's, so a task that runs again finds what it has ordered, and pays nothing twice.
"""

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from character_identity.domain.budget import Fund, settlement_of
from character_identity.domain.errors import Conflict, Erased, NotFound, ServiceError
from character_identity.domain.evaluation import (
    Cell,
    CellOutcome,
    Evaluation,
    EvaluationOrder,
    EvaluationPhase,
)
from character_identity.domain.event import Event
from character_identity.domain.failure import Failure
from character_identity.domain.generation import Generation
from character_identity.domain.identity import Identity, ProviderName
from character_identity.domain.job import EVALUATION, LONGEST_WAIT, ProviderJob, account_of, job_id_of
from character_identity.domain.scored_generation import SCORED_WITHIN
from character_identity.ports.gateways import Now
from character_identity.ports.providers import Providers
from character_identity.ports.stores import Bucket, Evaluations, Generations, Ledger, SharedScores, SlotStore
from character_identity.services.evaluations.requests import CELLS, ORDER
from character_identity.services.evaluations.scored import is_scored
from character_identity.services.generations import GenerationService
from character_identity.services.identities import IdentityService
from character_identity.services.jobs.callbacks import CallbackService
from character_identity.services.jobs.outcome import ERASED, Outcome
from character_identity.services.jobs.state import Backoff, MachineState
from character_identity.services.references import NamedImage, Source
from character_identity.services.sources import MAX_BYTES
from character_identity.services.webhooks.events import EventService

IDENTITY_BACKOFF = Backoff(first_s=5, longest_s=120, usual_s=0)
CELL_BACKOFF = Backoff(first_s=4, longest_s=60, usual_s=0)
SCORE_BACKOFF = Backoff(first_s=5, longest_s=60, usual_s=0)
"""How often the machine looks. Histories hold 25,000 events
(https://docs.aws.amazon.com/step-functions/latest/dg/limits.html, read 2026-11-28), and a look takes nine."""
WAITED_WITHIN = LONGEST_WAIT + timedelta(hours=3)
"""A job waits a day for its slot, then 90 minutes for its provider; the rest is for what is between."""
MOST_ORDER_BYTES = 1024 * 1024
BESIDE_UNLIMITED = 2
"""Cells at work at once at a provider that takes as many jobs as it is sent."""
CANCELLED = Failure(code="cancelled", message="The evaluation was cancelled.")
UNFINISHED = Failure(code="unfinished", message="It was to be recorded before it was done.")
LATE = Failure(code="deadline_exceeded", message="The evaluation did not end before its deadline.")
TOO_LONG = Failure(code="deadline_exceeded", message="It did not end in time, and was waited for no longer.")
ENDED = "ended"
"""The state of a machine that has nothing more to do: cancelled, erased, or given up meanwhile."""

logger = logging.getLogger(__name__)


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


class CellState(BaseModel):
    """Where one cell stands."""

    model_config = ConfigDict(extra="allow")

    evaluation_id: str
    cell: Cell
    state: Literal["new", "ordered", "settled"] = "new"
    poll_seconds: int = 5
    polls: int = 0
    until: datetime | None = None


class EvaluationWorkflow:
    """Takes evaluations through their life. Its methods are tasks: state in, next state out."""

    def __init__(
        self,
        *,
        evaluations: Evaluations,
        shared_scores: SharedScores,
        generations: Generations,
        identity_service: IdentityService,
        generation_service: GenerationService,
        providers: Providers,
        ledger: Ledger,
        slots: SlotStore,
        bucket: Bucket,
        bucket_name: str,
        callbacks: CallbackService,
        events: EventService,
        now: Now,
    ) -> None:
        self._evaluations = evaluations
        self._shared_scores = shared_scores
        self._generations = generations
        self._identity_service = identity_service
        self._generation_service = generation_service
        self._providers = providers
        self._ledger = ledger
        self._slots = slots
        self._bucket = bucket
        self._bucket_name = bucket_name
        self._callbacks = callbacks
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
        cells = self._order(evaluation).cells(evaluation.providers)
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
        fund = self._fund(evaluation)
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

    def order_cell(self, state: CellState) -> CellState:
        """Order the pictures of a cell, once however often this runs; a refusal is a result."""
        evaluation = self._find(state.evaluation_id)
        if evaluation is None or not evaluation.is_unsettled:
            return state.model_copy(update={"state": "settled"})
        failure = self._hindrance(evaluation, state.cell) or self._order_pictures(evaluation, state.cell)
        if failure is not None:
            return self._settled(state, CellOutcome(cell=state.cell, error=failure))
        ordered = {"state": "ordered", "until": self._now() + WAITED_WITHIN}
        return self._wait(state.model_copy(update=ordered))

    def check_cell(self, state: CellState) -> CellState:
        """See whether the pictures of a cell are there, or will never be."""
        evaluation = self._find(state.evaluation_id)
        if evaluation is None or not evaluation.is_unsettled:
            return state.model_copy(update={"state": "settled"})
        generation_id = evaluation.generation_id(state.cell)
        try:
            generation = self._generations.get(generation_id)
        except NotFound:
            error = Failure(code="erased", message="The identity was erased.")
            return self._settled(state, CellOutcome(cell=state.cell, error=error))
        if generation.settled_at is None and evaluation.status == "cancelling":
            generation = self._cancelled(generation)
        if generation.settled_at is not None:
            return self._settled(state, _outcome_of(state.cell, generation))
        if self._is_late(state.until):
            return self._settled(
                state, CellOutcome(cell=state.cell, generation_id=generation_id, error=TOO_LONG)
            )
        return self._wait(state)

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
        for cell in self._order(evaluation).cells(evaluation.providers):
            try:
                generation = self._generations.get(evaluation.generation_id(cell))
            except NotFound:
                continue
            if generation.settled_at is None:
                self._cancelled(generation)

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

    def _order(self, evaluation: Evaluation) -> EvaluationOrder:
        content = self._bucket.read(f"{evaluation.prefix}{ORDER}", MOST_ORDER_BYTES)
        return EvaluationOrder.model_validate_json(content)

    def _fund(self, evaluation: Evaluation) -> Fund:
        job = self._ledger.get(job_id_of(EVALUATION, evaluation.evaluation_id))
        if job is None:
            raise LookupError(f"The evaluation {evaluation.evaluation_id} was never ordered.")
        return Fund(evaluation.evaluation_id, job.budget_month)

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

    def _hindrance(self, evaluation: Evaluation, cell: Cell) -> Failure | None:
        """Why nothing is to be ordered for a cell."""
        if evaluation.status == "cancelling":
            return CANCELLED
        if cell.provider not in evaluation.providers:
            return Failure(code="erased", message="The identity was erased.")
        why = evaluation.failures.get(cell.provider)
        return why and Failure(code="no_identity", message=f"No identity: {why.message}")

    def _order_pictures(self, evaluation: Evaluation, cell: Cell) -> Failure | None:
        request = self._order(evaluation).request(cell).model_dump(exclude_none=True)
        generation_id = evaluation.generation_id(cell)
        try:
            self._generations.get(generation_id)
            return None
        except NotFound:
            pass
        try:
            self._generation_service.create(
                evaluation.owner,
                evaluation.identities[cell.provider],
                request,
                generation_id,
                fund=self._fund(evaluation),
            )
        except Conflict as exc:
            # There is one of that id: another run of this task was faster. Else the identity is not ready.
            return None if exc.code == "conflict" else Failure(code=exc.code, message=exc.message)
        except ServiceError as exc:
            if exc.status >= 500:
                raise
            return Failure(code=exc.code, message=exc.message)
        return None

    def _cancelled(self, generation: Generation) -> Generation:
        """Give a generation up; its machine is woken, and stops it at the provider where that can be done."""
        changes = {"status": "failed", "settled_at": self._now(), "error": CANCELLED}
        settled = generation.model_copy(update=changes)
        event = Event.of_generation(settled)
        stored = self._generations.settle(settled, event)
        self._callbacks.tell(job_id_of("generation", generation.generation_id))
        self._events.publish_soon(event.event_id)
        return stored

    def _settled(self, state: CellState, outcome: CellOutcome) -> CellState:
        self._evaluations.put_cell(state.evaluation_id, outcome)
        return state.model_copy(update={"state": "settled"})

    def _wait(self, state: CellState) -> CellState:
        seconds = CELL_BACKOFF.delay_s(state.polls, False)
        return state.model_copy(update={"poll_seconds": seconds, "polls": state.polls + 1})

    def _advance(self, evaluation: Evaluation, phase: EvaluationPhase, **changes: Any) -> None:
        self._evaluations.advance(evaluation.evaluation_id, phase, self._now(), **changes)

    def _is_late(self, until: datetime | None) -> bool:
        return until is not None and self._now() >= until


def _outcome_of(cell: Cell, generation: Generation) -> CellOutcome:
    return CellOutcome(
        cell=cell,
        generation_id=generation.generation_id,
        pictures=sum(image.outcome == "succeeded" for image in generation.images),
        cost_usd=generation.cost_usd,
        error=generation.error,
    )
