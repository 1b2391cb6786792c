"""All scenarios, run once per session in one emulator, some at a time."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.state_machines.history import Run, visits_of
from tests.state_machines.scenarios import SCENARIOS, Scenario
from tests.support.emulator import EmulatedAws, running_emulator
from tests.support.in_process.executions import DEFINITIONS
from tests.support.waiting import wait_until

WAIT_SCALE = 0.003  # the machines' own limits are scaled too, while calls take as long as they take
LONGEST_S = 7200  # a machine's own limit of more than a day would still be minutes at that scale
AT_A_TIME = 12
SCRIPTED_TASKS = Path(__file__).with_name("scripted_tasks.py")


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


def first_state(scenario: Scenario, folder: Path) -> dict[str, Any]:
    """What a scenario's execution starts with; its tasks keep what they remember in the folder."""
    folder.mkdir()
    return {"script": scenario.script, "folder": str(folder), "state": "new", "poll_seconds": 10}


def calls_in(folder: Path) -> dict[str, int]:
    """How often each function was called."""
    return {file.name: file.stat().st_size for file in folder.iterdir() if file.name != "token"}


def _deploy(aws: EmulatedAws, machine: str) -> str:
    """Create a machine from its file as it is, with scripted tasks in place of each function.

    Only its own time limit is shorter.
    """
    text = (DEFINITIONS / f"{machine}.asl.json").read_text()
    code = SCRIPTED_TASKS.read_text()
    for name in set(re.findall(r"\$\{(\w+)\}", text)):
        text = text.replace(f"${{{name}}}", aws.function(name, code))
    definition = json.loads(text)
    definition["TimeoutSeconds"] = min(definition["TimeoutSeconds"], LONGEST_S)
    return aws.state_machine(definition)


def _run(aws: EmulatedAws, machine: str, scenario: Scenario, folder: Path) -> Run:
    own = folder / re.sub(r"\W", "-", scenario.name)
    execution = aws.start(machine, first_state(scenario, own))
    if scenario.woken:
        aws.client("stepfunctions").send_task_success(taskToken=_handed_out(own), output="{}")
    ended = aws.ended(execution)
    pages = aws.client("stepfunctions").get_paginator("get_execution_history")
    events = [event for page in pages.paginate(executionArn=execution) for event in page["events"]]
    outcome = (ended["status"], ended["error"], ended["cause"])
    return Run(*outcome, calls=calls_in(own), visits=visits_of(events), events=len(events))


def _handed_out(folder: Path) -> str:
    """The task token that a task left for somebody else."""
    wait_until((folder / "token").exists, "a token")
    return (folder / "token").read_text()
