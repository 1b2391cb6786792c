"""Histories that nobody wrote: 2,000 of them in each run, the same ones every time.

And the proof that they would show it: without any one of the guards, some history breaks an invariant.
"""

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.histories.model import Model
from tests.histories.mutants import MUTANTS

HISTORIES, PARTS = 2000, 4
STEPS = 40


@pytest.mark.parametrize("part", range(PARTS))
def test_the_invariants_hold_in_all_histories(part: int) -> None:
    run_histories(type(f"Model{part}", (Model,), {}), HISTORIES // PARTS, part)


@pytest.mark.parametrize("guard", MUTANTS)
def test_a_guard_that_is_left_out_is_missed(guard: str) -> None:
    machine = type("Mutant", (Model,), {"history_class": MUTANTS[guard]})
    with pytest.raises(AssertionError):
        run_histories(machine, HISTORIES // PARTS, 0)


def run_histories(machine: type[Model], count: int, number: int) -> None:
    """Run so many histories, always the same for a number; the first that breaks an invariant ends it."""
    chosen = settings(
        max_examples=count,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        print_blob=False,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(number)(machine), settings=chosen)
