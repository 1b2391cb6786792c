"""Histories that nobody wrote: 2,000 of them in each run, the same ones every time.

And the proof that they would show it: without any one of the guards, some history breaks an invariant.
"""

import pytest

from tests.histories.history import History
from tests.histories.model import Model
from tests.histories.mutants import MUTANTS
from tests.histories.rules import run_histories

HISTORIES, PARTS = 2000, 8
ENOUGH_FOR_A_MUTANT = 500


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(PARTS))
def test_the_invariants_hold_in_all_histories(part: int) -> None:
    run_histories(Model, HISTORIES // PARTS, part)


@pytest.mark.exhaustive
@pytest.mark.parametrize("guard", MUTANTS)
def test_a_guard_that_is_left_out_is_missed(guard: str) -> None:
    with pytest.raises(AssertionError):
        run_histories(mutant(guard), ENOUGH_FOR_A_MUTANT, 0, shorten=False)


def test_a_history_that_breaks_an_invariant_is_told_as_python_without_what_it_breaks_without() -> None:
    model = mutant("a callback's token is not compared")
    with pytest.raises(AssertionError) as broken:
        run_histories(model, ENOUGH_FOR_A_MUTANT, 0)
    (note,) = broken.value.__notes__
    title, *steps, error = note.splitlines()
    assert (title[:8], error[:14]) == ("History ", "AssertionError")
    assert 2 <= len(steps) <= 4  # an order, its callback, and what it may take for the two
    history = model()
    with pytest.raises(AssertionError, match="a forged callback was believed"):
        for step in steps:
            eval(f"history.{step}", {"history": history})


def test_a_number_stands_for_the_same_histories_every_time() -> None:
    first, again, another = calls_in_histories(0), calls_in_histories(0), calls_in_histories(1)
    assert first == again != another


def mutant(guard: str) -> type[Model]:
    return type("Mutant", (Model,), {"history_class": MUTANTS[guard]})


def calls_in_histories(number: int) -> list[list[str]]:
    """Run some histories; the calls that each of them made."""
    histories: list[History] = []

    class Kept(History):
        def __init__(self) -> None:
            super().__init__()
            histories.append(self)

    run_histories(type("Kept", (Model,), {"history_class": Kept}), 10, number)
    return [history.faulty_transport.calls for history in histories]
