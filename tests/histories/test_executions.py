"""Executions in process: times and the port, which tests/state_machines/test_in_process.py does not see."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from character_identity.aws.workflows import StateMachines
from character_identity.domain.job import JobKind, ProviderJob
from tests.support.in_process.executions import (
    DEFINITIONS,
    MOST_APPOINTMENTS,
    Crash,
    Execution,
    Executions,
)
from tests.support.reachable import reachable

START = datetime(2026, 11, 23, tzinfo=UTC)
TASKS_OF_MAPS = (
    "PlanEvaluation",
    "MakeIdentities",
    "CheckIdentities",
    "OrderCell",
    "CheckCell",
    "CheckScores",
    "RecordEvaluation",
)
CELLS = {"bucket": "b", "key": "k"}
WAITING = {"generation_id": "g1", "state": "running", "poll_seconds": 100}


class Machines:
    """One execution of ``generate_images`` whose functions do what ``does`` says; a call's time is kept."""

    def __init__(self) -> None:
        self.now = START
        self.called: list[tuple[str, float]] = []
        self.tokens: list[str] = []
        self.does: dict[str, Any] = {}
        names = (
            "PrepareGeneration",
            "SubmitGeneration",
            "WaitForCallback",
            "CheckGeneration",
            "StoreImages",
            "RecordGeneration",
        )
        self.executions = Executions({name: self._function(name) for name in names}, lambda: self.now)
        self.execution = self.executions.begin("g1", "generate_images", dict(WAITING))

    def _function(self, name: str) -> Any:
        def function(event: Any) -> Any:
            self.called.append((name, (self.now - START).total_seconds()))
            if "wake_token" in event:
                self.tokens.append(event["wake_token"])
            does = self.does.get(name, {})
            return does(event) if callable(does) else {**event, **does}

        return function

    def go_on(self, until: str) -> Execution:
        """Make steps, in no time but for the waits, until a state is entered or the execution has ended."""
        while self.execution.status == "RUNNING" and self.execution.at != until:
            self.now = max(self.now, self.executions.next_due() or self.now)
            self.executions.step(self.execution)
        return self.execution

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def machines() -> Machines:
    return Machines()


def test_a_retry_comes_after_the_pause_that_the_file_says(machines: Machines) -> None:
    machines.does["SubmitGeneration"] = _raising("ProviderUnavailable")
    machines.does["RecordGeneration"] = {"state": "failed", "error": {"code": "c", "message": "m"}}
    machines.go_on("RecordGeneration")
    times = [time for name, time in machines.called if name == "SubmitGeneration"]
    delays = [later - earlier for earlier, later in pairwise(times)]
    assert delays == [5, 10, 20, 40, *[60] * 26]


def test_a_wait_for_callback_ends_when_its_time_is_up(machines: Machines) -> None:
    machines.go_on("WaitForCallback")
    machines.executions.step(machines.execution)
    assert machines.executions.next_due() == START + timedelta(seconds=100)
    assert machines.executions.due == []
    machines.pass_by(100)
    machines.executions.step(machines.executions.due[0])
    assert machines.execution.path[-2:] == ["WaitForCallback", "CheckGeneration"]


def test_a_token_wakes_once_and_in_time_only(machines: Machines) -> None:
    machines.does["CheckGeneration"] = WAITING
    machines.go_on("WaitForCallback")
    machines.executions.step(machines.execution)
    machines.executions.wake(machines.tokens[0])
    assert machines.execution.at == "CheckGeneration"
    machines.go_on("WaitForCallback")
    machines.executions.step(machines.execution)
    machines.executions.wake(machines.tokens[0])
    assert machines.execution.at == "WaitForCallback"
    machines.go_on("CheckGeneration")
    assert machines.now == START + timedelta(seconds=100)
    machines.executions.wake(machines.tokens[1])
    assert machines.execution.at == "CheckGeneration"


def test_a_wait_that_is_over_leaves_nothing_behind(machines: Machines) -> None:
    machines.does["CheckGeneration"] = WAITING
    alive = []
    for number in range(100):
        machines.go_on("WaitForCallback")
        machines.executions.step(machines.execution)
        machines.executions.wake(machines.tokens.pop())
        machines.called.clear()
        if number >= 2 * MOST_APPOINTMENTS:
            alive.append(reachable(machines.executions)["tuple"])
    assert max(alive) - min(alive) <= 2 * MOST_APPOINTMENTS


def test_a_call_that_dies_after_its_token_was_sent_changes_nothing(machines: Machines) -> None:
    def wake_and_die(event: Any) -> None:
        machines.executions.wake(event["wake_token"])
        raise Crash("right after it")

    machines.does["WaitForCallback"] = wake_and_die
    machines.go_on("WaitForCallback")
    machines.executions.step(machines.execution)
    assert machines.execution.path[-2:] == ["WaitForCallback", "CheckGeneration"]


def test_a_wait_without_callback_lasts_as_long(machines: Machines) -> None:
    machines.does["WaitForCallback"] = _raising("ConnectionError")
    machines.go_on("WaitForTimeout")
    assert machines.now == START
    machines.go_on("CheckGeneration")
    assert machines.now == START + timedelta(seconds=100)


def test_a_stopped_execution_takes_no_step_and_is_not_woken(machines: Machines) -> None:
    machines.go_on("WaitForCallback")
    machines.executions.step(machines.execution)
    machines.executions.stop(_job("generation"), "enough")
    machines.executions.wake(machines.tokens[0])
    machines.pass_by(1000)
    assert (machines.executions.due, machines.executions.next_due()) == ([], None)
    assert (machines.execution.status, machines.execution.cause) == ("ABORTED", "enough")
    assert not machines.executions.is_running(_job("generation"))


@pytest.mark.parametrize("kind", ["training", "generation"])
def test_a_run_starts_with_what_the_service_sends(kind: JobKind) -> None:
    sent: list[dict[str, Any]] = []

    class Client:
        def start_execution(self, **request: Any) -> None:
            sent.append(request)

    executions, job = Executions({}, lambda: START), _job(kind)
    for run in (job, job, job.model_copy(update={"runs": 2})):
        executions.start(run)
        StateMachines(Client(), {"training": "t", "generation": "g"}).start(run)
    begun = [(each.name, each.state) for each in executions.by_name.values()]
    assert begun == [(each["name"], json.loads(each["input"])) for each in (sent[0], sent[2])]


def test_a_field_that_is_not_known_is_refused(tmp_path: Path) -> None:
    definition = json.loads((DEFINITIONS / "generate_images.asl.json").read_text())
    definition["States"]["PrepareGeneration"]["HeartbeatSeconds"] = 5
    (tmp_path / "generate_images.asl.json").write_text(json.dumps(definition))
    executions = Executions({}, lambda: START, tmp_path)
    with pytest.raises(AssertionError, match="PrepareGeneration has a field"):
        executions.step(executions.begin("g1", "generate_images", {}))


class MapOfCells:
    """One execution of ``run_evaluation`` that is at its map, and what its cells' functions do."""

    def __init__(self, cells: int = 4, concurrency: int = 2) -> None:
        self.now = START
        self.ordered: list[int] = []
        self.does: dict[int, Any] = {}
        self.lines = b"".join(b"%d\n" % number for number in range(cells))
        tasks = {name: partial(self._function, name) for name in TASKS_OF_MAPS}
        self.executions = Executions(tasks, lambda: self.now, read=self._read)
        state = {"evaluation_id": "e1", "job_id": "j1", "correlation_id": "r1", "concurrency": concurrency}
        self.execution = self.executions.begin("e1", "run_evaluation", state | {"cells": CELLS})

    def _read(self, bucket: str, key: str) -> bytes:
        return {("b", "k"): self.lines}[bucket, key]

    def _function(self, name: str, event: Any) -> Any:
        states = {"PlanEvaluation": "planned", "CheckIdentities": "made", "CheckCell": "settled"}
        states |= {"MakeIdentities": "making"}
        if name == "OrderCell":
            self.ordered.append(event["cell"])
            does = self.does.get(event["cell"], {"state": "ordered", "poll_seconds": 10})
            return does(event) if callable(does) else {**event, **does}
        ended = {"state": "failed", "error": {"code": "c", "message": "m"}}
        return {**event, **({"state": states[name]} if name in states else ended)}

    def go_on(self, until: str = "", seconds: int = 10_000) -> Execution:
        """Make steps until a state is entered, the execution has ended, or so much time has passed."""
        end = self.now + timedelta(seconds=seconds)
        while self.execution.status == "RUNNING" and self.execution.at != until:
            self.now = max(self.now, self.executions.next_due() or self.now)
            if self.now >= end:
                break
            self.executions.step(self.executions.due[0])
        return self.execution

    @property
    def children(self) -> list[str]:
        return [each.status for each in self.executions.by_name.values() if each.parent is self.execution]


def test_a_map_has_as_many_children_at_once_as_it_says() -> None:
    cells = MapOfCells()
    cells.go_on(seconds=1)
    assert (cells.ordered, cells.children) == ([0, 1], ["RUNNING"] * 2)
    cells.go_on("CheckScores")
    assert (cells.ordered, cells.children) == ([0, 1, 2, 3], ["SUCCEEDED"] * 4)
    unlimited = MapOfCells(concurrency=0)
    unlimited.go_on(seconds=1)
    assert unlimited.children == ["RUNNING"] * 4


def test_children_that_fail_are_tolerated_as_far_as_the_file_says(tmp_path: Path) -> None:
    """Anything above the percentage ends the map, and the children that still run."""
    failing = MapOfCells()
    failing.does = dict.fromkeys(range(4), _raising("InvalidRequest"))
    assert failing.go_on("CheckScores").at == "CheckScores"
    definition = json.loads((DEFINITIONS / "run_evaluation.asl.json").read_text())
    definition["States"]["GenerateCells"]["ToleratedFailurePercentage"] = 25
    (tmp_path / "run_evaluation.asl.json").write_text(json.dumps(definition))
    for failures, at in ((1, "CheckScores"), (2, "RecordEvaluation")):
        limited = MapOfCells(concurrency=3)
        limited.execution.definition = definition
        limited.does = dict.fromkeys(range(failures), _raising("InvalidRequest"))
        limited.go_on(at)
        assert limited.execution.at == at
        assert set(limited.children[failures:]) == ({"SUCCEEDED"} if failures == 1 else {"ABORTED"})
        assert ("error" in limited.execution.state) == (failures == 2)


def test_a_stopped_map_stops_its_children_and_redriven_goes_on_with_them() -> None:
    cells = MapOfCells()
    cells.does[1] = _raising("InvalidRequest")
    cells.go_on(seconds=1)
    assert cells.children == ["RUNNING", "FAILED", "RUNNING"]
    cells.executions.abort("e1", "enough")
    assert (cells.children, cells.executions.next_due()) == (["ABORTED", "FAILED", "ABORTED"], None)
    cells.does.clear()
    cells.executions.redrive("e1")
    cells.go_on("CheckScores")
    assert (cells.ordered, cells.children) == ([0, 1, 2, 1, 3], ["SUCCEEDED"] * 4)
    assert cells.execution.path.count("GenerateCells") == 1


def test_a_lost_map_is_lost_with_its_children() -> None:
    cells = MapOfCells()
    cells.go_on(seconds=1)
    cells.executions.kill("e1")
    assert cells.executions.by_name == {}


def _raising(name: str) -> Any:
    def function(event: Any) -> Any:
        raise type(name, (Exception,), {})("no")

    return function


def _job(kind: JobKind) -> ProviderJob:
    return ProviderJob(
        job_id=f"{kind}-g1",
        kind=kind,
        owner="ann",
        identity_id="i1",
        subject_id="g1",
        provider="fal-lora",
        accepted_at=START,
        deadline_at=START + timedelta(hours=1),
        callback_token="secret",
        budget_month="2026-11",
        reserved_microusd=1,
    )
