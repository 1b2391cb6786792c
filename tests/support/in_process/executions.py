"""Runs the state machines of ``infra/state_machines`` in this process, a step at a time, by a test's clock.

It knows the few state types and fields that our files use, and fails on any other. That these files do on an
interpreter of Step Functions what they do here is shown by tests/state_machines/test_in_process.py.
"""

import heapq
import itertools
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from character_identity.domain.job import JobKind, ProviderJob
from character_identity.observability import keys_of

DEFINITIONS = Path(__file__).parents[3] / "infra" / "state_machines"  # loading the CDK takes 2 s
State = dict[str, Any]
Task = Callable[[Any], Any]
KNOWN_TOP = {"Comment", "StartAt", "TimeoutSeconds", "States"}
KNOWN_FIELDS = {
    "Task": {"Type", "Resource", "Parameters", "OutputPath", "ResultPath", "Retry", "Catch", "Next"}
    | {"TimeoutSecondsPath"},
    "Choice": {"Type", "Choices", "Default"},
    "Wait": {"Type", "SecondsPath", "Next"},
    "Map": {"Type", "MaxConcurrencyPath", "ToleratedFailurePercentage", "ItemReader", "ItemSelector"}
    | {"ItemProcessor", "ResultPath", "Catch", "Next"},
    "Pass": {"Type", "Result", "End"},
    "Succeed": {"Type"},
    "Fail": {"Type", "ErrorPath", "CausePath"},
}
MACHINES: Mapping[JobKind, str] = {
    "training": "train_identity",
    "generation": "generate_images",
    "evaluation": "run_evaluation",
}
DISTRIBUTED = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
"""The children of a map are executions of their own, each with its own history."""
LARGEST_RESULT_BYTES = 256 * 1024
"""In UTF-8. Quotas of task executions,
https://docs.aws.amazon.com/step-functions/latest/dg/limits.html, read 2026-11-23."""
ENCODER = json.JSONEncoder(ensure_ascii=False)
NESTED = (dict, list)
MOST_APPOINTMENTS = 4
"""Of a run on average, before those are thrown away that others took the place of."""
ITEM = "$$.Map.Item.Value"
FOR_EVER = datetime.max.replace(tzinfo=UTC)
NOT_IN_ALL = ("States.Runtime", "States.DataLimitExceeded")
"""Neither States.ALL nor States.TaskFailed catches what is wrong with the machine itself."""


class Crash(BaseException):
    """The sandbox died: Step Functions sees ``Runtime.ExitError``, and nobody's except clause may see it."""


class StateFailed(Exception):
    """A state ends with an error, which no function raised."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


@dataclass
class MapRun:
    """The children of a map; ``waiting`` are the inputs of those that were not started yet."""

    waiting: list[Any]
    at_once: int
    children: list["Execution"] = field(default_factory=list)

    @property
    def running(self) -> list["Execution"]:
        return [child for child in self.children if child.status == "RUNNING"]

    @property
    def failed_percentage(self) -> float:
        failed = sum(child.status not in {"RUNNING", "SUCCEEDED"} for child in self.children)
        return 100 * failed / max(1, len(self.children) + len(self.waiting))


@dataclass
class Execution:
    """One run of a machine; ``due`` is when its next step may be made, at ``ends`` it is made to end.

    ``map_run`` has the children while it is in a map; a child has its ``parent``.
    """

    name: str
    definition: dict[str, Any]
    state: State
    at: str
    due: datetime
    ends: datetime
    status: str = "RUNNING"
    error: str | None = None
    cause: str | None = None
    token: str | None = None
    waiting: bool = False
    attempts: dict[str, int] = field(default_factory=dict)
    transitions: int = 0
    path: list[str] = field(default_factory=list)
    parent: "Execution | None" = None
    map_run: MapRun | None = None


Appointment = tuple[datetime, int, Execution]
"""When a run can make a step; of several at the same time the first that was made comes first."""


class Executions:
    """The port Workflows. ``tasks`` has a callable for each function that a file names, JSON in and out.

    ``read`` has what lies in a bucket at a key, for the maps that read their items from there.
    """

    machines = MACHINES

    def __init__(
        self,
        tasks: Mapping[str, Task],
        now: Callable[[], datetime],
        definitions: Path = DEFINITIONS,
        read: Callable[[str, str], bytes] | None = None,
    ) -> None:
        self.tasks = dict(tasks)
        self.definitions = definitions
        self._now = now
        self._read_object = read
        self._tokens = 0
        self.by_name: dict[str, Execution] = {}
        self._agenda: list[Appointment] = []
        self._appointments = itertools.count()

    def start(self, job: ProviderJob) -> None:
        """Start a run, unless it was started before."""
        name = _name(job)
        if name in self.by_name:
            return
        known = {name: value for name, value in keys_of(job).items() if value is not None}
        state = {**known, "deadline_at": job.deadline_at.isoformat()}
        self.begin(name, self.machines[job.kind], state)

    def begin(self, name: str, machine: str, state: State) -> Execution:
        """Start a run of a machine with any state."""
        definition = self.definition(machine)
        assert definition.keys() <= KNOWN_TOP, f"{machine} has a field that is not known here"
        return self._begin(name, definition, json.loads(json.dumps(state)))

    def _begin(
        self, name: str, definition: dict[str, Any], state: State, parent: Execution | None = None
    ) -> Execution:
        now, at = self._now(), definition["StartAt"]
        limit = definition.get("TimeoutSeconds")
        ends = FOR_EVER if limit is None else now + timedelta(seconds=limit)
        execution = Execution(name, definition, state, at, now, ends, transitions=1, path=[at], parent=parent)
        self.by_name[name] = execution
        self._schedule(execution, now)
        return execution

    def definition(self, machine: str) -> dict[str, Any]:
        """A machine as its file describes it."""
        return _described(self.definitions, machine)

    def is_running(self, job: ProviderJob) -> bool:
        execution = self.by_name.get(_name(job))
        return execution is not None and execution.status == "RUNNING"

    def stop(self, job: ProviderJob, why: str) -> None:
        self.abort(_name(job), why)

    def abort(self, name: str, why: str) -> None:
        """Stop a run, if it is running, with its children."""
        execution = self.by_name.get(name)
        if execution is not None and execution.status == "RUNNING":
            execution.error, execution.cause = "Stopped", why
            self._end(execution, "ABORTED")

    def redrive(self, name: str) -> None:
        """Go on where a run ended without success; of a map, with the children that did so.

        What was retried counts from zero again
        (https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html, read 2026-11-29).
        """
        execution = self.by_name[name]
        assert execution.status not in {"RUNNING", "SUCCEEDED"}, f"{name} cannot be redriven"
        execution.status, execution.error, execution.cause, execution.token = "RUNNING", None, None, None
        execution.waiting = False
        limit = execution.definition.get("TimeoutSeconds")
        execution.ends = FOR_EVER if limit is None else self._now() + timedelta(seconds=limit)
        execution.attempts.clear()
        self._schedule(execution, self._now())
        for child in execution.map_run.children if execution.map_run else ():
            if child.status != "SUCCEEDED":
                self.redrive(child.name)

    def wake(self, token: str) -> None:
        for execution in self.by_name.values():
            if execution.token == token and execution.status == "RUNNING":
                execution.token = None
                self._go(execution, execution.definition["States"][execution.at]["Next"])

    def kill(self, name: str) -> None:
        """Lose a run, and its children, as a restart of the local runtime does."""
        lost = self.by_name.pop(name)
        for child in lost.map_run.children if lost.map_run else ():
            self.by_name.pop(child.name, None)

    @property
    def due(self) -> list[Execution]:
        """The runs that can make a step now."""
        now, soonest = self._now(), self.next_due()
        if soonest is None or soonest > now:
            return []
        running = (each for each in self.by_name.values() if each.status == "RUNNING")
        return [each for each in running if min(each.due, each.ends) <= now]

    def next_due(self) -> datetime | None:
        """Return the time when the next step can be made."""
        upcoming = self.upcoming()
        return None if upcoming is None else min(upcoming.due, upcoming.ends)

    def upcoming(self) -> Execution | None:
        """Return the run that can make the next step."""
        while self._agenda and not self._is_kept(self._agenda[0]):
            heapq.heappop(self._agenda)
        return self._agenda[0][2] if self._agenda else None

    def _schedule(self, execution: Execution, due: datetime) -> None:
        execution.due = due
        entry = (min(due, execution.ends), next(self._appointments), execution)
        heapq.heappush(self._agenda, entry)
        if len(self._agenda) > MOST_APPOINTMENTS * (1 + len(self.by_name)):
            standing: dict[str, Appointment] = {}
            for each in filter(self._is_kept, sorted(self._agenda)):
                standing.setdefault(each[2].name, each)
            self._agenda = [*standing.values()]

    def _is_kept(self, entry: Appointment) -> bool:
        """Whether an appointment still stands: others were made since, and runs may be gone."""
        at, _, execution = entry
        is_there = self.by_name.get(execution.name) is execution and execution.status == "RUNNING"
        return is_there and at == min(execution.due, execution.ends)

    def step(self, execution: Execution) -> None:
        """Make one step: one attempt of a task, or one state of another kind."""
        if self._now() >= execution.ends:
            self._end(execution, "TIMED_OUT")
            return
        state = execution.definition["States"][execution.at]
        assert state.keys() <= KNOWN_FIELDS[state["Type"]], (
            f"{execution.at} has a field that is not known here"
        )
        try:
            getattr(self, f"_{state['Type'].lower()}")(execution, state)
        except StateFailed as failed:
            execution.error, execution.cause = failed.error, failed.cause
            self._end(execution, "FAILED")

    def attempt(self, execution: Execution) -> None:
        """Run the task of the state that an execution is in, whatever comes of it; nothing else happens."""
        state = execution.definition["States"][execution.at]
        if state["Type"] != "Task" or state["Resource"].endswith(".waitForTaskToken"):
            return
        name = state["Parameters"]["FunctionName"].strip("${}")
        with suppress(Crash, Exception):
            self.tasks[name](_copied(execution.state))

    def _task(self, execution: Execution, state: State) -> None:
        waits = state["Resource"].endswith(".waitForTaskToken")
        if execution.token is not None:  # the time is up
            execution.token = None
            self._failed(execution, state, "States.Timeout", "")
            return
        name = state["Parameters"]["FunctionName"].strip("${}")
        if waits:
            seconds = _read(execution.state, state["TimeoutSecondsPath"])
            if type(seconds) is not int or seconds <= 0:
                raise StateFailed("States.Runtime", f"{seconds!r} is no number of seconds")
            self._tokens += 1
            execution.token = f"token-{self._tokens}"
            self._schedule(execution, self._now() + timedelta(seconds=seconds))
        payload = _payload(state["Parameters"], execution)
        failure: BaseException | None = None
        try:
            result = ENCODER.encode(self.tasks[name](_copied(payload)))
        except (Crash, Exception) as error:
            failure = error
        if waits and execution.token is None:
            return  # it was woken meanwhile, and what became of the call does not count
        if failure is not None:
            raised = "Runtime.ExitError" if isinstance(failure, Crash) else type(failure).__name__
            cause = json.dumps({"errorMessage": str(failure), "errorType": raised})
            self._failed(execution, state, raised, cause)
        elif len(result.encode()) > LARGEST_RESULT_BYTES:
            self._failed(execution, state, "States.DataLimitExceeded", f"{name} answered too much")
        elif not waits:
            execution.state = json.loads(result)
            self._go(execution, state["Next"])

    def _failed(self, execution: Execution, state: State, error: str, cause: str) -> None:
        execution.token = None
        for index, retrier in enumerate(state.get("Retry", [])):
            if not _matches(retrier["ErrorEquals"], error):
                continue
            key = f"{execution.at}/{index}"
            made = execution.attempts.get(key, 0)
            if made >= retrier["MaxAttempts"]:
                break
            execution.attempts[key] = made + 1
            pause = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** made
            longest = retrier.get("MaxDelaySeconds", pause)
            self._schedule(execution, self._now() + timedelta(seconds=min(pause, longest)))
            return
        for catcher in state.get("Catch", []):
            if _matches(catcher["ErrorEquals"], error):
                if catcher["ResultPath"] is not None:
                    output = {"Error": error, "Cause": cause}
                    execution.state = {**execution.state, catcher["ResultPath"].removeprefix("$."): output}
                self._go(execution, catcher["Next"])
                return
        raise StateFailed(error, cause)

    def _choice(self, execution: Execution, state: State) -> None:
        for rule in state["Choices"]:
            if _read(execution.state, rule["Variable"]) == rule["StringEquals"]:
                self._go(execution, rule["Next"])
                return
        self._go(execution, state["Default"])

    def _wait(self, execution: Execution, state: State) -> None:
        if execution.waiting:
            execution.waiting = False
            self._go(execution, state["Next"])
            return
        execution.waiting = True
        self._schedule(
            execution, self._now() + timedelta(seconds=_read(execution.state, state["SecondsPath"]))
        )

    def _succeed(self, execution: Execution, state: State) -> None:
        self._end(execution, "SUCCEEDED")

    def _pass(self, execution: Execution, state: State) -> None:
        execution.state = state["Result"]
        self._end(execution, "SUCCEEDED")

    def _map(self, execution: Execution, state: State) -> None:
        """Start the children that may run beside each other; what became of all of them decides."""
        try:
            run = execution.map_run = execution.map_run or self._map_run(execution, state)
            if run.failed_percentage > state.get("ToleratedFailurePercentage", 0):
                raise StateFailed("States.ExceedToleratedFailureThreshold", "too many children failed")
            while run.waiting and (not run.at_once or len(run.running) < run.at_once):
                name = f"{execution.name}/{len(run.children) + 1}"
                processor = state["ItemProcessor"]
                child = self._begin(name, processor, run.waiting.pop(0), execution)
                run.children.append(child)
            if run.running:
                self._schedule(execution, FOR_EVER)  # until a child ends
                return
            results = [child.state for child in run.children if child.status == "SUCCEEDED"]
            if len(json.dumps(results, ensure_ascii=False).encode()) > LARGEST_RESULT_BYTES:
                raise StateFailed("States.DataLimitExceeded", f"{execution.at} has too many results")
        except StateFailed as failed:
            self._abort_children(execution)
            self._failed(execution, state, failed.error, failed.cause)
            return
        assert state["ResultPath"] is None, f"{execution.at} keeps results"
        self._go(execution, state["Next"])

    def _map_run(self, execution: Execution, state: State) -> MapRun:
        reader, processor = state["ItemReader"], state["ItemProcessor"]
        assert processor["ProcessorConfig"] == DISTRIBUTED
        assert reader["Resource"] == "arn:aws:states:::s3:getObject"
        assert reader["ReaderConfig"] == {"InputType": "JSONL"}
        assert self._read_object is not None, "there is no bucket to read items from"
        place = [_read(execution.state, reader["Parameters"][part]) for part in ("Bucket.$", "Key.$")]
        try:
            lines = self._read_object(*place).decode().splitlines()
        except Exception as error:
            raise StateFailed("States.ItemReaderFailed", str(error)) from error
        items = [
            {
                name.removesuffix(".$"): item if path == ITEM else _read(execution.state, path)
                for name, path in state["ItemSelector"].items()
            }
            for item in map(json.loads, lines)
        ]
        return MapRun(items, _read(execution.state, state["MaxConcurrencyPath"]))

    def _fail(self, execution: Execution, state: State) -> None:
        raise StateFailed(
            *(_read_text(execution.state, state[field]) for field in ("ErrorPath", "CausePath"))
        )

    def _end(self, execution: Execution, status: str) -> None:
        """End a run with its children; the parent of a child looks at its map again."""
        execution.status, execution.token = status, None
        self._abort_children(execution)
        if execution.parent is not None:
            self._schedule(execution.parent, self._now())

    def _abort_children(self, execution: Execution) -> None:
        for child in execution.map_run.running if execution.map_run else ():
            child.status, child.token = "ABORTED", None

    def _go(self, execution: Execution, target: str) -> None:
        execution.at, execution.map_run = target, None
        execution.attempts.clear()
        execution.transitions += 1
        execution.path.append(target)
        self._schedule(execution, self._now())


def _matches(names: list[str], error: str) -> bool:
    if error in names or error in NOT_IN_ALL:
        return error in names
    return "States.ALL" in names or ("States.TaskFailed" in names and error != "States.Timeout")


def _payload(parameters: dict[str, Any], execution: Execution) -> Any:
    """Return the input of a function: the state, or an object of it and the task token."""
    if "Payload.$" in parameters:
        return _read(execution.state, parameters["Payload.$"])
    return {
        name.removesuffix(".$"): execution.token if path == "$$.Task.Token" else _read(execution.state, path)
        for name, path in parameters["Payload"].items()
    }


def _read(state: State, path: str) -> Any:
    """Return the value at a path; one that leads nowhere is an error of the machine."""
    value: Any = state
    for step in path.split(".")[1:]:
        if not isinstance(value, dict) or step not in value:
            raise StateFailed("States.Runtime", f"Nothing lies at {path}.")
        value = value[step]
    return value


def _read_text(state: State, path: str) -> str:
    value = _read(state, path)
    if not isinstance(value, str):
        raise StateFailed("States.Runtime", f"What lies at {path} is no text.")
    return value


def _copied(value: Any) -> Any:
    """Copy JSON, so that a function may do with its input what it likes."""
    if isinstance(value, dict):
        return {name: _copied(each) if isinstance(each, NESTED) else each for name, each in value.items()}
    return [*map(_copied, value)] if isinstance(value, list) else value


@cache
def _described(folder: Path, machine: str) -> dict[str, Any]:
    description: dict[str, Any] = json.loads((folder / f"{machine}.asl.json").read_text())
    return description


def _name(job: ProviderJob) -> str:
    return job.subject_id if job.runs == 1 else f"{job.subject_id}-{job.runs}"
