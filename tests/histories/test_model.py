"""Histories that nobody wrote: 2,000 of them in each run, the same ones every time.

And the proof that they would show it: without any one of the guards, some history breaks an invariant.
"""

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.histories.history import History
from tests.histories.model import Model
from tests.histories.mutants import MUTANTS
from tests.histories.seeded_choices import SEEDED

HISTORIES, PARTS = 2000, 8
ENOUGH_FOR_A_MUTANT = 500
STEPS = 40


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(PARTS))
def test_the_invariants_hold_in_all_histories(part: int) -> None:
    run_histories(Model, HISTORIES // PARTS, part)


@pytest.mark.exhaustive
@pytest.mark.parametrize("guard", MUTANTS)
def test_a_guard_that_is_left_out_is_missed(guard: str) -> None:
    machine = type("Mutant", (Model,), {"history_class": MUTANTS[guard]})
    with pytest.raises(AssertionError):
        run_histories(machine, ENOUGH_FOR_A_MUTANT, 0)


def test_a_number_stands_for_the_same_histories_every_time() -> None:
    first, again, another = calls_in_histories(0), calls_in_histories(0), calls_in_histories(1)
    assert first == again != another


def calls_in_histories(number: int) -> list[list[str]]:
    """Run some histories; the calls that each of them made."""
    histories: list[History] = []

    class Kept(History):
        def __init__(self) -> None:
            super().__init__()
            histories.append(self)

    run_histories(type("Kept", (Model,), {"history_class": Kept}), 10, number)
    return [history.faulty_transport.calls for history in histories]


def run_histories(machine: type[Model], count: int, number: int) -> None:
    """Run so many histories, always the same for a number; the first that breaks an invariant ends it."""
    chosen = settings(
        backend=SEEDED,
        max_examples=count,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        print_blob=False,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(number)(type(machine.__name__, (machine,), {})), settings=chosen)
