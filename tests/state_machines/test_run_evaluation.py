"""run_evaluation as it is in its file, on the emulator: its tasks from a script, its cells from a bucket."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.state_machines.conftest import SCRIPTED_TASKS, WAIT_SCALE
from tests.state_machines.history import visits_of
from tests.support.emulator import EmulatedAws, running_emulator
from tests.support.in_process.executions import DEFINITIONS

pytestmark = pytest.mark.processes

CELLS = [{"provider": "fal-lora", "scenario": name} for name in ("beach", "forest", "office")]
BUCKET, KEY = "cells", "evaluations/e1/cells.jsonl"
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
    with running_emulator(WAIT_SCALE, folder / "logs") as aws:
        machine = _deployed(aws)
        s3 = aws.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_object(Bucket=BUCKET, Key=KEY, Body="".join(f"{json.dumps(cell)}\n" for cell in CELLS))
        numbers = iter(range(1_000))

        def run(**script: Any) -> Played:
            own = folder / str(next(numbers))
            own.mkdir()
            # A cell's state is made of what the machine's says of it, so its tasks find the script there.
            state = {
                "script": {**USUAL, **script},
                "folder": str(own),
                "job_id": "evaluation-e1",
                "correlation_id": "r1",
                "state": "accepted",
            }
            execution = aws.start(machine, state)
            ended = aws.ended(execution)
            pages = aws.client("stepfunctions").get_paginator("get_execution_history")
            events = [event for page in pages.paginate(executionArn=execution) for event in page["events"]]
            path = [visit.state for visit in visits_of(events)]
            calls = Counter({file.name: file.stat().st_size for file in own.iterdir()})
            return Played(ended["status"], ended["error"], path, calls)

        yield run


def test_all_of_it(play: Play) -> None:
    played = play()
    assert (played.status, played.path) == ("SUCCEEDED", WELL)
    assert (played.calls["OrderCell"], played.calls["CheckCell"]) == (3, 3)


def test_a_cell_is_looked_at_until_it_is_settled(play: Play) -> None:
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


def _deployed(aws: EmulatedAws) -> str:
    """The machine from its file, scripted tasks in place of each function.

    Only its own time limit is shorter, and its children are handed the script.
    """
    text = (DEFINITIONS / "run_evaluation.asl.json").read_text()
    code = SCRIPTED_TASKS.read_text()
    for name in set(re.findall(r"\$\{(\w+)\}", text)):
        text = text.replace(f"${{{name}}}", aws.function(name, code))
    definition = json.loads(text)
    definition["TimeoutSeconds"] = 7200
    definition["States"]["GenerateCells"]["ItemSelector"] |= {"script.$": "$.script", "folder.$": "$.folder"}
    return aws.state_machine(definition)
