"""The executions in this process make of the same files and scripts what the emulator makes of them."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from tests.state_machines import scripted_tasks
from tests.state_machines.conftest import calls_in, first_state
from tests.state_machines.history import Run
from tests.state_machines.scenarios import SCENARIOS, Scenario
from tests.support.in_process.executions import Execution, Executions

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_goes_as_on_the_emulator(runs: dict[str, Run], scenario: Scenario, tmp_path: Path) -> None:
    here, there = _played(scenario, tmp_path / "own"), runs[scenario.name]
    assert here.path == there.path
    assert (here.status, here.error) == (there.status, there.error)
    assert calls_in(tmp_path / "own") == there.calls
    if scenario.cause is not None:
        assert here.cause == there.cause


def _played(scenario: Scenario, folder: Path) -> Execution:
    """The execution of a scenario in this process, after its end."""
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    executions = Executions({}, lambda: moment)
    for name in scenario.script:
        executions.tasks[name] = partial(scripted_tasks.play, name, send_back=executions.wake)
    execution = executions.begin("run", scenario.machine, first_state(scenario, folder))
    while execution.status == "RUNNING":
        moment = executions.next_due() or moment
        executions.step(execution)
        if scenario.woken and (folder / "token").exists():
            executions.wake((folder / "token").read_text())
    return execution
