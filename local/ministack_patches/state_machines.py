"""Correct from outside what ministack 1.5.33's Step Functions interpreter does otherwise than AWS.

Only what our state machines can run into; ``task_tokens`` has what concerns ``.waitForTaskToken``. Each
function below is one correction, and the test of its name fails without it
(tests/local/ministack_patches/test_state_machines.py).
"""

import json
import threading
from collections.abc import Callable
from typing import Any

import ministack.services.stepfunctions as interpreter

LARGEST_RESULT_BYTES = 256 * 1024
# "States.ALL [...] can't catch the States.DataLimitExceeded terminal error and Runtime error types."
NOT_IN_ALL = ("States.Runtime", "States.DataLimitExceeded")

Document = dict[str, Any]
StateError = interpreter._ExecutionError


def install() -> None:
    """Make all corrections; once, before the first execution."""
    end_machines_in_time()
    do_nothing_after_the_end()
    back_off_as_long_as_the_definition_says()
    answer_a_repeated_start_with_the_running_execution()
    refuse_paths_that_lead_nowhere()
    refuse_large_results()
    keep_runtime_errors_out_of_states_all()
    limit_the_children_of_a_map_as_its_state_says()


def end_machines_in_time() -> None:
    """TimeoutSeconds of the whole machine, scaled like its waits; ministack ignores it."""
    run = interpreter._run_execution

    def time_out(execution: Document) -> None:
        if execution["status"] == "RUNNING":
            execution["status"] = "TIMED_OUT"
            execution["stopDate"] = interpreter.now_iso()
            details = {"executionTimedOutEventDetails": {"error": "States.Timeout"}}
            interpreter._add_event(execution, "ExecutionTimedOut", details)
            interpreter._emit_execution_status_event(execution)

    def run_in_time(arn: str) -> None:
        execution = interpreter._executions.get(arn)
        machine = interpreter._state_machines.get(execution["stateMachineArn"]) if execution else None
        limit_s = json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None
        if limit_s is None:
            run(arn)
            return
        timer = threading.Timer(limit_s * interpreter._SFN_WAIT_SCALE, time_out, [execution])
        timer.daemon = True
        timer.start()
        try:
            run(arn)
        finally:
            timer.cancel()

    interpreter._run_execution = run_in_time


def do_nothing_after_the_end() -> None:
    """An execution that was stopped or timed out takes no further step, and stays what it is."""
    add, fail = interpreter._add_event, interpreter._fail_execution

    def add_unless_ended(execution: Document, event: str, details: Document | None = None) -> Any:
        if execution.get("status", "RUNNING") != "RUNNING" and not event.startswith("Execution"):
            raise SystemExit  # this thread has nothing left to do
        return add(execution, event, details)

    def fail_unless_ended(execution: Document, error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    interpreter._add_event = add_unless_ended
    interpreter._fail_execution = fail_unless_ended


def back_off_as_long_as_the_definition_says() -> None:
    """MaxDelaySeconds limits the time before a retry, and nothing else does; ministack knows 60 s only."""
    find = interpreter._find_matching_retrier

    def find_and_wait(retriers: list[Document], error: str, counts: dict[int, int]) -> Any:
        retrier, index = find(retriers, error, counts)
        if retrier is None:
            return None, index
        backoff = retrier.get("BackoffRate", 2.0) ** counts.get(index, 0)
        delay_s = retrier.get("IntervalSeconds", 1) * backoff
        interpreter._scaled_sleep(min(delay_s, retrier.get("MaxDelaySeconds", delay_s)))
        return {**retrier, "IntervalSeconds": 0}, index

    interpreter._find_matching_retrier = find_and_wait


def answer_a_repeated_start_with_the_running_execution() -> None:
    """StartExecution with the name and input of a running execution answers that one; ministack refuses."""
    start = interpreter._start_execution

    def start_once(request: Document) -> Any:
        name, machine = (
            request.get("name"),
            interpreter._resolve_state_machine_arn(request["stateMachineArn"]),
        )
        for execution in list(interpreter._executions.values()) if name else ():
            same = (execution["name"], execution["stateMachineArn"]) == (name, machine)
            if same and execution["status"] == "RUNNING" and execution["input"] == request.get("input", "{}"):
                answer = {"executionArn": execution["executionArn"], "startDate": execution["startDate"]}
                return interpreter.json_response(answer)
        return start(request)

    interpreter._start_execution = start_once


def refuse_paths_that_lead_nowhere() -> None:
    """A path to nothing is States.Runtime, in a Choice too; ministack reads null."""
    resolve = interpreter._resolve_path

    def resolve_or_fail(path: str, data: Any) -> Any:
        value = resolve(path, data)
        if value is None and not _leads_somewhere(path, data):
            raise StateError("States.Runtime", f"Invalid path '{path}': no results for path: {path}")
        return value

    interpreter._resolve_path = resolve_or_fail


def refuse_large_results() -> None:
    """A result of more than 256 KiB in UTF-8 is States.DataLimitExceeded."""
    invoke = interpreter._invoke_resource

    def invoke_within_limits(resource: str, arguments: Any) -> Any:
        result = invoke(resource, arguments)
        if len(json.dumps(result, ensure_ascii=False).encode()) > LARGEST_RESULT_BYTES:
            message = f"The result of '{resource}' exceeds {LARGEST_RESULT_BYTES} bytes."
            raise StateError("States.DataLimitExceeded", message)
        return result

    interpreter._invoke_resource = invoke_within_limits


def keep_runtime_errors_out_of_states_all() -> None:
    """States.ALL and States.TaskFailed neither retry nor catch what is wrong with the machine itself."""
    matches: Callable[[list[str], str], bool] = interpreter._error_matches

    def matches_like_aws(names: list[str], error: str) -> bool:
        return error in names if error in NOT_IN_ALL else matches(names, error)

    interpreter._error_matches = matches_like_aws


def limit_the_children_of_a_map_as_its_state_says() -> None:
    """MaxConcurrencyPath is how many children of a Distributed Map run at once; ministack runs 64."""
    run = interpreter._run_distributed_map

    def run_in_limits(
        state: Document, data: Any, effective: Any, iterator: Document, execution: Document, context: Document
    ) -> Any:
        path = state.get("MaxConcurrencyPath")
        if path is not None:
            state = {**state, "MaxConcurrency": interpreter._resolve_path_or_ctx(path, effective, context)}
        return run(state, data, effective, iterator, execution, context)

    interpreter._run_distributed_map = run_in_limits


def _leads_somewhere(path: str, data: Any) -> bool:
    """Return True if a path that was read as null leads to a null that is there."""
    steps = interpreter._parse_jsonpath_tokens(path)
    if steps is None:
        return False
    for kind, step in steps:
        if kind == "field" and not (isinstance(data, dict) and step in data):
            return False
        if kind == "index" and not (isinstance(data, list) and step < len(data)):
            return False
        data = data[step]
    return True
