"""All scenarios, run once per session in one emulator, some at a time."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.workflows import DEFINITIONS
from tests.local.emulator_fixture import EmulatedAws, running_emulator
from tests.state_machines.history import Run, visits_of
from tests.state_machines.scenarios import SCENARIOS, Scenario

WAIT_SCALE = 0.005
AT_A_TIME = 4
PUPPET = Path(__file__).with_name("puppet.py")


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    """Every scenario by name, with the history of its execution."""
    folder = tmp_path_factory.mktemp("state_machines")
    with running_emulator(WAIT_SCALE, folder / "logs") as aws:
        machines = {machine: _deploy(aws, machine) for machine in {each.machine for each in SCENARIOS}}

        def run(scenario: Scenario) -> Run:
            return _run(aws, machines[scenario.machine], scenario, folder)

        with ThreadPoolExecutor(AT_A_TIME) as pool:
            yield dict(zip((each.name for each in SCENARIOS), pool.map(run, SCENARIOS), strict=True))


def _deploy(aws: EmulatedAws, machine: str) -> str:
    """Create a machine from its file as it is, with a puppet in place of each function."""
    text = (DEFINITIONS / f"{machine}.asl.json").read_text()
    code = PUPPET.read_text()
    for name in set(re.findall(r"\$\{(\w+)\}", text)):
        text = text.replace(f"${{{name}}}", aws.function(name, code))
    return aws.state_machine(json.loads(text))


def _run(aws: EmulatedAws, machine: str, scenario: Scenario, folder: Path) -> Run:
    counters = folder / re.sub(r"\W", "-", scenario.name)
    counters.mkdir()
    state = {"script": scenario.script, "folder": str(counters), "state": "new", "poll_seconds": 10}
    stepfunctions = aws.client("stepfunctions")
    execution = stepfunctions.start_execution(stateMachineArn=machine, input=json.dumps(state))[
        "executionArn"
    ]
    ended = aws.ended(execution)
    events = stepfunctions.get_execution_history(executionArn=execution, maxResults=1000)["events"]
    return Run(ended["status"], ended["error"], visits_of(events))
