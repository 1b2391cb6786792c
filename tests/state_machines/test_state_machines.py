"""The state machines as they are in their files, every branch of them."""

import json
from pathlib import Path

import pytest

from tests.state_machines.history import KINDS, Run, reached, wanted
from tests.state_machines.scenarios import MACHINES, SCENARIOS, Scenario
from tests.support.in_process.executions import DEFINITIONS

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_scenario(runs: dict[str, Run], scenario: Scenario) -> None:
    run = runs[scenario.name]
    assert (run.status, run.error) == (scenario.status, scenario.error)
    assert run.path == list(scenario.path)
    if scenario.cause is not None:
        assert run.cause == scenario.cause
    if scenario.calls is not None:
        task, times = scenario.calls
        assert run.calls[task] == times


@pytest.mark.parametrize(
    "path",
    [DEFINITIONS / f"{machine.name}.asl.json" for machine in MACHINES],  # and test_run_evaluation.py
    ids=lambda path: path.name,
)
def test_the_scenarios_go_through_all_of_a_definition(
    runs: dict[str, Run], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine, definition = path.name.removesuffix(".asl.json"), json.loads(path.read_text())
    visits = [visit for each in SCENARIOS if each.machine == machine for visit in runs[each.name].visits]
    there_is, seen = wanted(definition), reached(definition, visits)
    counts = (f"{kind} {len(seen[kind] & there_is[kind])}/{len(there_is[kind])}" for kind in KINDS)
    with capsys.disabled():
        print(f"\n{machine}: {', '.join(counts)}")
    assert {kind: there_is[kind] - seen[kind] for kind in KINDS} == {kind: set() for kind in KINDS}
