"""The cells of an evaluation: its orders of pictures. Each cell has its own tasks in ``run_evaluation``."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import ConfigDict

from character_identity.domain.budget import Fund
from character_identity.domain.errors import Conflict, ServiceError
from character_identity.domain.evaluation import NOT_ORDERED, STOPPED, Cell, CellOutcome, Evaluation
from character_identity.domain.event import Event
from character_identity.domain.failure import Failure
from character_identity.domain.generation import Generation
from character_identity.domain.get_or_none import get_or_none
from character_identity.domain.job import EVALUATION, LONGEST_WAIT, job_id_of
from character_identity.domain.record import Record
from character_identity.ports.gateways import Now
from character_identity.ports.stores import Bucket, Evaluations, Generations, Ledger
from character_identity.services.evaluations.order_file import read_order
from character_identity.services.generations import GenerationService
from character_identity.services.jobs.callbacks import CallbackService
from character_identity.services.jobs.outcome import IDENTITY_ERASED
from character_identity.services.jobs.state import Backoff
from character_identity.services.webhooks.events import EventService

CELL_BACKOFF = Backoff(first_s=4, longest_s=60)
"""How often a cell is checked. A history holds 25,000 events
(https://docs.aws.amazon.com/step-functions/latest/dg/limits.html, read 2026-11-28), and a poll takes nine."""
WAITED_WITHIN = LONGEST_WAIT + timedelta(hours=3)
"""A job waits a day for its slot and then 90 minutes for its provider; the rest is for the steps between."""
TOO_LONG = Failure(code="deadline_exceeded", message="It did not end in time, and was waited for no longer.")


class CellState(Record):
    """Where one cell stands."""

    model_config = ConfigDict(extra="allow")

    evaluation_id: str
    cell: Cell
    state: Literal["new", "ordered", "settled"] = "new"
    poll_seconds: int = 5
    polls: int = 0
    until: datetime | None = None


class EvaluationCells:
    """Orders the pictures of cells and follows them up. Its first two methods are tasks."""

    def __init__(
        self,
        *,
        evaluations: Evaluations,
        generations: Generations,
        generation_service: GenerationService,
        ledger: Ledger,
        bucket: Bucket,
        callbacks: CallbackService,
        events: EventService,
        now: Now,
    ) -> None:
        self._evaluations = evaluations
        self._generations = generations
        self._generation_service = generation_service
        self._ledger = ledger
        self._bucket = bucket
        self._callbacks = callbacks
        self._events = events
        self._now = now

    def order(self, state: CellState) -> CellState:
        """Order the pictures of a cell; only once, however often this runs. A refusal is a result too."""
        evaluation = self._unsettled(state)
        if evaluation is None:
            return state.replace(state="settled")
        failure = self._hindrance(evaluation, state.cell) or self._order_pictures(evaluation, state.cell)
        if failure is not None:
            return self._settled(state, CellOutcome(cell=state.cell, error=failure))
        return _wait(state.replace(state="ordered", until=self._now() + WAITED_WITHIN))

    def check(self, state: CellState) -> CellState:
        """Check whether the pictures of a cell are there, or will never be."""
        evaluation = self._unsettled(state)
        if evaluation is None:
            return state.replace(state="settled")
        generation_id = evaluation.generation_id(state.cell)
        generation = get_or_none(self._generations.get, generation_id)
        if generation is None:
            return self._settled(state, CellOutcome(cell=state.cell, error=IDENTITY_ERASED))
        if evaluation.given_up(self._now()) is not None:
            generation = self._stopped(generation)
        if generation.settled_at is not None:
            return self._settled(state, _outcome_of(state.cell, generation))
        if state.until is not None and self._now() >= state.until:
            return self._settled(
                state, CellOutcome(cell=state.cell, generation_id=generation_id, error=TOO_LONG)
            )
        return _wait(state)

    def stop(self, evaluation: Evaluation) -> None:
        """Stop what is still being drawn for an evaluation: nobody wants it any more, and it costs money.

        Cells with an outcome are left alone: either their generation has ended, or it outlasted any drawing,
        so that it is parked and paid for.
        """
        ended = {each.generation_id for each in self._evaluations.cell_outcomes(evaluation.evaluation_id)}
        cells = read_order(self._bucket, evaluation).cells(evaluation.providers)
        for generation_id in map(evaluation.generation_id, cells):
            if generation_id in ended:
                continue
            generation = get_or_none(self._generations.get, generation_id)
            if generation is not None:
                self._stopped(generation)

    def _unsettled(self, state: CellState) -> Evaluation | None:
        """Return the evaluation while it has no outcome; None after that, or once it is erased."""
        evaluation = get_or_none(self._evaluations.get, state.evaluation_id)
        return evaluation if evaluation and evaluation.is_unsettled else None

    def _hindrance(self, evaluation: Evaluation, cell: Cell) -> Failure | None:
        """Return what stands in the way of ordering a cell, if anything does."""
        if evaluation.given_up(self._now()) is not None:
            return NOT_ORDERED
        if cell.provider not in evaluation.providers:
            return IDENTITY_ERASED
        why = evaluation.failures.get(cell.provider)
        return why and Failure(code="no_identity", message=f"No identity: {why.message}")

    def _order_pictures(self, evaluation: Evaluation, cell: Cell) -> Failure | None:
        request = read_order(self._bucket, evaluation).request(cell).model_dump(exclude_none=True)
        generation_id = evaluation.generation_id(cell)
        if get_or_none(self._generations.get, generation_id) is not None:
            return None
        try:
            self._generation_service.create(
                evaluation.owner,
                evaluation.identities[cell.provider],
                request,
                generation_id,
                fund=fund_of(self._ledger, evaluation),
            )
        except Conflict as exc:
            # The id is taken if another run of this task was faster. Otherwise the identity is not ready.
            return None if exc.code == "conflict" else Failure(code=exc.code, message=exc.message)
        except ServiceError as exc:
            if exc.status >= 500:
                raise
            return Failure(code=exc.code, message=exc.message)
        return None

    def _stopped(self, generation: Generation) -> Generation:
        """Give a generation up unless it has ended, and wake its machine to stop it at the provider."""
        if generation.settled_at is not None:
            return generation
        settled = generation.replace(status="failed", settled_at=self._now(), error=STOPPED)
        event = Event.of_generation(settled)
        stored = self._generations.settle(settled, event)
        self._callbacks.tell(job_id_of("generation", generation.generation_id))
        self._events.publish_soon(event.event_id)
        return stored

    def _settled(self, state: CellState, outcome: CellOutcome) -> CellState:
        self._evaluations.put_cell(state.evaluation_id, outcome)
        return state.replace(state="settled")


def fund_of(ledger: Ledger, evaluation: Evaluation) -> Fund:
    """Return the fund that pays for the orders of an evaluation."""
    job = ledger.get(job_id_of(EVALUATION, evaluation.evaluation_id))
    if job is None:
        raise LookupError(f"The evaluation {evaluation.evaluation_id} was never ordered.")
    return Fund(evaluation.evaluation_id, job.budget_month)


def _wait(state: CellState) -> CellState:
    seconds = CELL_BACKOFF.delay_s(state.polls)
    return state.replace(poll_seconds=seconds, polls=state.polls + 1)


def _outcome_of(cell: Cell, generation: Generation) -> CellOutcome:
    return CellOutcome(
        cell=cell,
        generation_id=generation.generation_id,
        pictures=sum(image.outcome == "succeeded" for image in generation.images),
        cost_usd=generation.cost_usd,
        error=generation.error,
    )
