"""Evaluations whose tasks die at any write, before or after it, and whose machine is started again."""

import random
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from character_identity.domain.job import EVALUATION
from tests.services.evaluations.harness import ID, Harness
from tests.services.evaluations.test_workflow import SCORE

HISTORIES = 12
DIES = 0.15
"""Of the writes."""
WRITES = {
    "evaluations": ("advance", "put_cell", "settle"),
    "identities": ("add", "settle"),
    "generations": ("add", "settle"),
    "ledger": ("settle", "consume_callback"),
    "bucket": ("write",),
    "workflows": ("start",),
}
State = TypeVar("State")


class Crash(BaseException):
    """The sandbox died, which nobody's except clause may see."""


class Dying:
    """Lets writes of a harness's stores die, by chance, until it is over."""

    def __init__(self, harness: Harness, seed: int) -> None:
        self._chance = random.Random(seed)
        self.is_over = False
        self.crashes = 0
        for store, names in WRITES.items():
            for name in names:
                held = getattr(harness, store)
                setattr(held, name, self._dying(getattr(held, name)))

    def _dying(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def dying(*arguments: Any, **named: Any) -> Any:
            dies = not self.is_over and self._chance.random() < DIES
            if dies and self._chance.random() < 0.5:
                raise Crash
            done = write(*arguments, **named)
            if dies:
                raise Crash
            return done

        return dying

    def until_done(self, task: Callable[[State], State], state: State) -> State:
        """Run a task again as long as it dies, as Step Functions does."""
        while True:
            try:
                return task(state)
            except Crash:
                self.crashes += 1


def run(harness: Harness, dying: Dying, *, until: str = "") -> None:
    """Take an evaluation through its machine, or as far as a state of it."""
    workflow, cell_service, done = harness.workflow, harness.cell_service, dying.until_done
    state = done(workflow.make_identities, done(workflow.plan, harness.begun))
    if until == "identities":
        return
    for identity_id in harness.evaluation.identities.values():
        harness.train(identity_id)
    state = done(workflow.check_identities, state)
    for number, cell in enumerate(harness.cells):
        ordered = done(cell_service.order, cell)
        if until == "cells" and number == 1:
            return
        generation = harness.generations.get(harness.evaluation.generation_id(cell.cell))
        if generation.settled_at is None:
            harness.draw(ordered)
        done(cell_service.check, ordered)
    state = done(workflow.check_scores, state)
    for outcome in harness.evaluations.cell_outcomes(ID):
        harness.evaluations.put_shared_score(ID, outcome.generation_id or "", 1, SCORE)
    state = done(workflow.check_scores, state)
    if until == "scores":
        return
    done(workflow.record, state.model_copy(update={"state": "compiled"}))


@pytest.mark.parametrize("until", ["identities", "cells", "scores"])
def test_whatever_dies_each_cell_is_paid_once_and_the_money_adds_up(until: str) -> None:
    crashes = 0
    for seed in range(HISTORIES):
        harness = Harness()
        harness.create()
        dying = Dying(harness, seed)
        run(harness, dying, until=until)  # the machine is killed there, and started again
        run(harness, dying)
        dying.is_over = True
        harness.settle_jobs()
        crashes += dying.crashes

        assert harness.evaluation.status == "completed", seed
        jobs = [job for job in harness.ledger.rows.values() if job.kind != EVALUATION]
        assert len(jobs) == 1 + 4, seed
        assert harness.money == (0, 2_000_000 + 4 * 100_000), seed
        assert len(harness.evaluations.cell_outcomes(ID)) == 4, seed
        told = [event.type for event in harness.events.stored.values()]
        assert told.count("EvaluationCompleted") == 1, seed
    assert crashes > HISTORIES
