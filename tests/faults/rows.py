"""Row of the table: a fault, and how it is brought about."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.scenario import Scenario
from tests.faults.workflows import Workflow
from tests.support.in_process.executions import Execution
from tests.support.in_process.fault_injection import Side

Split = Callable[[str], bool]
"""Parts the branches: True in the one in which the fault of that name is to happen."""
Arrange = Callable[[Scenario, Split], None]
Happen = Callable[[], object]

GOOD = frozenset({"ready", "succeeded"})
UNKNOWN = frozenset({"provider_outcome_unknown"})


def nobody(workflow: Workflow) -> str | None:
    """No workflow is spared."""
    return None


@dataclass(frozen=True)
class Row:
    """``arrange`` prepares the fault before the order is made.

    It may part the branches: then what counts is the outcome of all of them. ``ends`` are the outcomes that
    are right. ``spares`` says why a workflow cannot meet the fault.
    """

    fault: str
    arrange: Arrange
    ends: frozenset[str] = GOOD
    spares: Callable[[Workflow], str | None] = field(default=nobody)


def at_each_call(
    scenario: Scenario,
    split: Split,
    side: Side,
    happen: Happen,
    chosen: Callable[[str], bool] = lambda what: True,
) -> None:
    """Have something happen before or after each chosen call, each time in a run of its own."""
    faulty_transport = scenario.harness.faulty_transport

    def moment(what: str, at: Side) -> None:
        if at == side and chosen(what) and split(f"{len(faulty_transport.calls)}. {what}"):
            faulty_transport.moment = None
            happen()

    faulty_transport.moment = moment


def at_call(scenario: Scenario, what: str, side: Side, happen: Happen) -> None:
    """Have something happen before or after a call, the first time that it is made."""
    faulty_transport = scenario.harness.faulty_transport

    def moment(made: str, at: Side) -> None:
        if (made, at) == (what, side):
            faulty_transport.moment = None
            happen()

    faulty_transport.moment = moment
    scenario.must_hold(f"{what} was made", lambda: faulty_transport.moment is not moment)


def at_each_step(scenario: Scenario, split: Split, happen: Callable[[Execution], None]) -> None:
    """Have something happen before each step of the state machine, each time in a run of its own."""
    harness = scenario.harness
    steps = itertools.count(1)

    def before(execution: Execution) -> None:
        if split(f"{next(steps)}. {execution.at}"):
            harness.before_step = None
            happen(execution)

    harness.before_step = before


def raising(error: BaseException) -> Happen:
    """Return what raises an error."""

    def happen() -> None:
        raise error

    return happen
