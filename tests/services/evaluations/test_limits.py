"""That what waits for days fits into one history, and what it carries into a state.

Quotas: https://docs.aws.amazon.com/step-functions/latest/dg/limits.html, read 2026-11-28.
"""

import json

import pytest

from character_identity.domain.evaluation import ENDS_WITHIN, Cell
from character_identity.domain.scored_generation import SCORED_WITHIN
from character_identity.services.evaluations.cells import CELL_BACKOFF, WAITED_WITHIN, CellState
from character_identity.services.evaluations.requests import ENDING_TAKES
from character_identity.services.evaluations.workflow import IDENTITY_BACKOFF, SCORE_BACKOFF, EvaluationState
from character_identity.services.jobs.state import Backoff
from character_identity.services.jobs.sweep import GRACE
from tests.support.in_process.executions import DEFINITIONS

LONGEST_HISTORY = 25_000
LARGEST_STATE_BYTES = 256 * 1024
POLL = 2 + 5 + 2
"""Events of a wait, of the task that polls, and of the choice after it."""
TOKEN = 6
"""Events of a wait for a token, which has its time out; it takes the place of a wait."""
BY_HAND = 2_000
"""Room for all else: other states, and what has to be tried again."""


def polls(backoff: Backoff, within_s: float) -> int:
    """How often something is polled that does not come."""
    passed_s, count = 0.0, 0
    while passed_s < within_s:
        passed_s += backoff.delay_s(count, False)
        count += 1
    return count


def test_a_cell_that_does_not_end_fits_into_a_history() -> None:
    assert polls(CELL_BACKOFF, WAITED_WITHIN.total_seconds()) * POLL + BY_HAND < LONGEST_HISTORY


def test_an_evaluation_that_does_not_end_fits_into_a_history() -> None:
    identities = polls(IDENTITY_BACKOFF, WAITED_WITHIN.total_seconds()) * POLL
    scores = polls(SCORE_BACKOFF, SCORED_WITHIN.total_seconds()) * (POLL + TOKEN)
    assert identities + scores + BY_HAND < LONGEST_HISTORY


def test_the_machine_outlives_the_deadline_in_the_ledger() -> None:
    """After its own time limit nothing runs that could record the failure."""
    definition = json.loads((DEFINITIONS / "run_evaluation.asl.json").read_text())
    assert definition["TimeoutSeconds"] > (ENDS_WITHIN + ENDING_TAKES + GRACE).total_seconds()


@pytest.mark.parametrize("cells", [1, 10_000])
def test_states_carry_keys_and_no_data(cells: int) -> None:
    """Neither grows with the evaluation; the Map's result is an empty object for each cell."""
    place = {"bucket": "b" * 63, "key": "evaluations/e1/cells.jsonl"}
    whole = EvaluationState(job_id="evaluation-e1", cells=place)
    cell = Cell(provider="fal-lora", scenario="s" * 40, variation=1, images=1)
    assert len(whole.model_dump_json()) < 2_000
    assert len(CellState(evaluation_id="e" * 32, cell=cell).model_dump_json()) < 2_000
    assert len(json.dumps([{}] * cells)) < LARGEST_STATE_BYTES
