"""Counts and complaints of the benchmark of webhooks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from benchmarks.history import Cost, cost_of
from benchmarks.webhooks import CASES, GENERATIONS, TRAININGS, Job, heading, problems, table

WELL = Job(TRAININGS[0], "SUCCEEDED", paid=1, polls=2, reads=2, transitions=12, seconds=1.0)


def entered(state: str) -> dict[str, Any]:
    return {"type": "TaskStateEntered", "stateEnteredEventDetails": {"name": state}}


def test_every_state_and_every_retry_is_a_transition() -> None:
    events = [
        {"type": "ExecutionStarted"},
        entered("SubmitTraining"),
        {"type": "TaskScheduled"},
        {"type": "TaskFailed"},
        {"type": "TaskScheduled"},
        {"type": "TaskSucceeded"},
        {"type": "TaskStateExited"},
        entered("CheckTraining"),
        {"type": "TaskScheduled"},
        {"type": "TaskSucceeded"},
        {"type": "SucceedStateEntered", "stateEnteredEventDetails": {"name": "IdentityReady"}},
        {"type": "ExecutionSucceeded"},
    ]
    assert cost_of(events) == Cost(polls=1, transitions=4)


def results(**changes: Any) -> Mapping[str, Sequence[Job]]:
    """All as it should be, but for the first job with webhooks on."""
    well = {case.name: [replace(WELL, order=order) for order in (*TRAININGS, *GENERATIONS)] for case in CASES}
    return {**well, "on": [replace(well["on"][0], **changes), *well["on"][1:]]}


def test_nobody_complains_when_all_is_well() -> None:
    assert list(problems(results())) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"status": "FAILED"}, "FAILED."),
        ({"status": "RUNNING"}, "RUNNING."),
        ({"paid": 0}, "paid 0 times."),
        ({"paid": 2}, "paid 2 times."),
        ({"transitions": 13}, "13 transitions, more than 12."),
        ({"order": GENERATIONS[0]}, "was never ordered."),
    ],
)
def test_a_job_that_is_not_well_is_named(changes: dict[str, Any], sentence: str) -> None:
    assert list(problems(results(**changes))) == [f"Webhooks on, fal-lora training: {sentence}"]


def test_a_job_without_webhooks_may_take_more_transitions() -> None:
    worse = {**results(), "off": [replace(job, transitions=25) for job in results()["off"]]}
    assert list(problems(worse)) == []


def test_a_case_that_was_not_run_is_named() -> None:
    rest = {name: jobs for name, jobs in results().items() if name != "late"}
    assert len(list(problems(rest))) == len(TRAININGS) + len(GENERATIONS)


def test_the_table_fits_a_narrow_terminal_and_has_all_jobs() -> None:
    console = Console(width=80, file=StringIO(), record=True)
    console.print(table(results()))
    lines = console.export_text().splitlines()
    assert len([line for line in lines if "training" in line or "generation" in line]) == 5 * len(CASES)
    assert "…" not in "".join(lines), "a column was cut"
    assert "multiplied by 0.02" in heading()
