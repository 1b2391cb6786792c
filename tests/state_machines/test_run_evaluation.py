"""run_evaluation as it is in its file, its tasks from a script, its cells from a bucket.

On the emulator, and in this process too, where the same must come of it.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.state_machines import scripted_tasks
from tests.state_machines.conftest import SCRIPTED_TASKS, WAIT_SCALE, calls_in
from tests.state_machines.history import visits_of
from tests.support.emulator import EmulatedAws, running_emulator
from tests.support.in_process.executions import DEFINITIONS, Executions

pytestmark = pytest.mark.processes

CELLS = [{"provider": "fal-lora", "scenario": name} for name in ("beach", "forest", "office")]
BUCKET, KEY = "cells", "evaluations/e1/cells.jsonl"
LINES = "".join(f"{json.dumps(cell)}\n" for cell in CELLS)
PLANNED = {
    "state": "planned",
    "cells": {"bucket": BUCKET, "key": KEY},
    "concurrency": 2,
    "evaluation_id": "e1",
    "poll_seconds": 5,
}
USUAL: dict[str, list[dict[str, Any]]] = {
    "PlanEvaluation": [PLANNED],
    "MakeIdentities": [{"state": "making"}],
    "CheckIdentities": [{}, {"state": "made"}],
    "OrderCell": [{"state": "ordered", "poll_seconds": 5}],
    "CheckCell": [{"state": "settled"}],
    "CheckScores": [{"state": "scoring"}, {"state": "scored"}],
    "WaitForCallback": [{"wakes": True}],
    "CompileEvaluation": [{"state": "compiled"}],
    "RecordEvaluation": [{"state": "completed"}],
}
BEFORE = ["Plan", "Planned?", "MakeIdentities"]
IDENTITIES = ["CheckIdentities", "Identities?"]
SCORES = ["CheckScores", "Scored?"]
RECORD = ["RecordEvaluation", "Completed?"]
MADE = [*BEFORE, *IDENTITIES, "WaitForIdentities", *IDENTITIES]
SCORED = [*SCORES, "AwaitScores", *SCORES]
WELL = [*MADE, "GenerateCells", *SCORED, "CompileResults", *RECORD, "EvaluationCompleted"]
FAILED = [{"state": "failed", "error": {"code": "internal_error", "message": "as the script says"}}]


@dataclass
class Played:
    """What became of a script."""

    status: str
    error: str | None
    path: list[str]
    calls: Counter[str] = field(default_factory=Counter)


Play = Callable[..., Played]


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    folder = tmp_path_factory.mktemp("run_evaluation")
    (folder / "run_evaluation.asl.json").write_text(json.dumps(_definition()))
    with running_emulator(WAIT_SCALE, folder / "logs") as aws:
        machine = _deployed(aws)
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_object(Bucket=BUCKET, Key=KEY, Body=LINES)
        numbers = iter(range(1_000))

        def run(**script: Any) -> Played:
            states = [_begun(folder / str(next(numbers)), script) for _ in range(2)]
            execution = aws.start(machine, states[0])
            ended = aws.ended(execution)
            pages = aws.client("stepfunctions").get_paginator("get_execution_history")
            events = [event for page in pages.paginate(executionArn=execution) for event in page["events"]]
            path = [visit.state for visit in visits_of(events)]
            there = Played(
                ended["status"], ended["error"], path, Counter(calls_in(Path(states[0]["folder"])))
            )
            assert _played_here(folder, states[1]) == there
            return there

        yield run


def test_all_of_it(play: Play) -> None:
    played = play()
    assert (played.status, played.path) == ("SUCCEEDED", WELL)
    assert (played.calls["OrderCell"], played.calls["CheckCell"]) == (3, 3)


def test_a_cell_is_polled_until_it_is_settled(play: Play) -> None:
    played = play(CheckCell=[{}, {}, {"state": "settled"}])
    assert (played.status, played.path) == ("SUCCEEDED", WELL)
    assert played.calls["CheckCell"] == 5  # the script counts for all three together


def test_what_cannot_be_ordered_leaves_the_other_cells_be(play: Play) -> None:
    played = play(OrderCell=[{"raises": "InvalidRequest"}, {"state": "settled"}])
    assert (played.status, played.path) == ("SUCCEEDED", WELL)
    assert (played.calls["OrderCell"], played.calls["CheckCell"]) == (3, 0)


def test_a_cell_whose_task_died_is_ordered_again(play: Play) -> None:
    played = play(OrderCell=[{"raises": "Sandbox.Timedout"}, {"state": "settled"}])
    assert (played.status, played.calls["OrderCell"]) == ("SUCCEEDED", 4)


def test_scores_that_nobody_tells_of_are_looked_for(play: Play) -> None:
    """Neither the last score's wake-up nor the function that keeps the token is needed."""
    silent = play(WaitForCallback=[{}])
    assert (silent.status, silent.path) == ("SUCCEEDED", WELL)
    broken = play(WaitForCallback=[{"raises": "KeyError"}])
    waited = [*MADE, "GenerateCells", *SCORES, "AwaitScores", "WaitForTimeout", *SCORES]
    assert broken.path == [*waited, "CompileResults", *RECORD, "EvaluationCompleted"]


@pytest.mark.parametrize(
    ("task", "path"),
    [
        ("PlanEvaluation", ["Plan", "Planned?"]),
        ("CheckIdentities", [*BEFORE, *IDENTITIES]),
        ("CheckScores", [*MADE, "GenerateCells", *SCORES]),
        ("CompileEvaluation", [*MADE, "GenerateCells", *SCORED, "CompileResults"]),
    ],
)
def test_one_that_is_cancelled_is_recorded_and_alarms_nobody(play: Play, task: str, path: list[str]) -> None:
    ended = {**PLANNED, "state": "ended"} if task == "PlanEvaluation" else {"state": "ended"}
    played = play(**{task: [ended]}, RecordEvaluation=[{"state": "cancelled"}])
    assert (played.status, played.path) == ("SUCCEEDED", [*path, *RECORD, "EvaluationCancelled"])


def test_of_one_that_is_given_up_results_are_made_before_it_is_recorded(play: Play) -> None:
    recorded = [{"state": "stopped", "error": None}, {"state": "cancelled"}]
    played = play(CheckIdentities=[{"state": "ended"}], RecordEvaluation=recorded)
    assert played.path == [
        *(*BEFORE, *IDENTITIES, *RECORD, "CompileResults"),
        *(*RECORD, "EvaluationCancelled"),
    ]


def test_results_are_made_anew_of_what_is_there(play: Play) -> None:
    played = play(PlanEvaluation=[{**PLANNED, "state": "scored"}])
    assert played.path == ["Plan", "Planned?", "CompileResults", *RECORD, "EvaluationCompleted"]


@pytest.mark.parametrize(
    ("task", "path"),
    [
        ("PlanEvaluation", ["Plan"]),
        ("MakeIdentities", BEFORE),
        ("CheckIdentities", [*BEFORE, "CheckIdentities"]),
        ("CheckScores", [*MADE, "GenerateCells", "CheckScores"]),
        ("CompileEvaluation", [*MADE, "GenerateCells", *SCORED, "CompileResults"]),
    ],
)
def test_a_task_that_keeps_failing_is_recorded(play: Play, task: str, path: list[str]) -> None:
    played = play(**{task: [{"raises": "InvalidRequest"}]}, RecordEvaluation=FAILED)
    assert (played.status, played.error) == ("FAILED", "internal_error")
    assert played.path == [*path, *RECORD, "EvaluationFailed"]
    assert played.calls[task] == 1


def test_cells_that_cannot_be_read_are_a_failure(play: Play) -> None:
    planned = {**PLANNED, "cells": {"bucket": BUCKET, "key": "nowhere"}}
    played = play(PlanEvaluation=[planned], RecordEvaluation=FAILED)
    assert played.path == [*MADE, "GenerateCells", *RECORD, "EvaluationFailed"]


def _begun(own: Path, script: dict[str, Any]) -> dict[str, Any]:
    """The state that a machine starts with."""
    own.mkdir()
    return {
        "script": {**USUAL, **script},
        "folder": str(own),
        "job_id": "evaluation-e1",
        "correlation_id": "r1",
        "state": "accepted",
    }


def _played_here(definitions: Path, state: dict[str, Any]) -> Played:
    """What becomes of a script in this process."""
    moment = datetime(2026, 11, 23, tzinfo=UTC)
    executions = Executions({}, lambda: moment, definitions, _read)
    for name in USUAL:
        executions.tasks[name] = partial(scripted_tasks.play, name, send_back=executions.wake)
    execution = executions.begin("e1", "run_evaluation", state)
    while execution.status == "RUNNING":
        moment = executions.next_due() or moment
        executions.step(executions.due[0])
    calls = Counter(calls_in(Path(state["folder"])))
    return Played(execution.status, execution.error, execution.path, calls)


def _read(bucket: str, key: str) -> bytes:
    return {(BUCKET, KEY): LINES}[bucket, key].encode()


def _definition() -> dict[str, Any]:
    """The machine as its file has it; only its own time limit is shorter.

    Its children's states are made of what is selected for them, so they are handed the script there.
    """
    definition: dict[str, Any] = json.loads((DEFINITIONS / "run_evaluation.asl.json").read_text())
    definition["TimeoutSeconds"] = 7200
    definition["States"]["GenerateCells"]["ItemSelector"] |= {"script.$": "$.script", "folder.$": "$.folder"}
    return definition


def _deployed(aws: EmulatedAws) -> str:
    """The machine with scripted tasks in place of each function."""
    text, code = json.dumps(_definition()), SCRIPTED_TASKS.read_text()
    for name in set(re.findall(r"\$\{(\w+)\}", text)):
        text = text.replace(f"${{{name}}}", aws.function(name, code))
    return aws.state_machine(json.loads(text))
