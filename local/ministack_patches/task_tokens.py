"""Correct from outside what ministack 1.5.33 does otherwise than AWS with task tokens.

Each function below is one correction, and the test of its name fails without it; the others fail without its
details (tests/local/ministack_patches/test_task_tokens.py).
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

import ministack.services.stepfunctions as interpreter

LONGEST_WAIT_S = 99_999_999  # the TimeoutSeconds of a task that names none
EXECUTION = "(execution)"  # under this name a state knows the execution that it is carried out for

Document = dict[str, Any]
StateError = interpreter._ExecutionError


@dataclass(frozen=True)
class Success:
    output: str


@dataclass(frozen=True)
class Failure:
    error: str
    cause: str


@dataclass(frozen=True)
class End:
    """The whole execution has ended."""


Answer = Success | Failure | End


@dataclass(frozen=True, eq=False)
class Wait:
    """A task that waits for its token to come back."""

    execution: Document
    answer: SimpleQueue[Answer] = field(default_factory=SimpleQueue)


# By token. Whoever takes a wait out of here ends it: the sender of the first answer, or the wait itself when
# its time is up. Taking out is one step, so there is never more than one of them.
_open: dict[str, Wait] = {}


def install() -> None:
    """Make all corrections; once, before the first execution."""
    read_timeouts_from_the_state()
    wait_as_long_as_the_definition_says()
    take_one_answer_in_time()
    end_the_wait_with_the_execution()


def read_timeouts_from_the_state() -> None:
    """Obey TimeoutSecondsPath, which ministack ignores; for all tasks."""
    execute = interpreter._execute_task

    def execute_in_time(state: Document, data: Any, execution: Document, context: Document) -> Any:
        path = state.get("TimeoutSecondsPath")
        limit = {"TimeoutSeconds": _positive_integer(path, data, context)} if path else {}
        return execute({**state, **limit, EXECUTION: execution}, data, execution, context)

    interpreter._execute_task = execute_in_time


def wait_as_long_as_the_definition_says() -> None:
    """Scale timeouts, and fail the task if the call that hands out the token fails.

    The time counts from the end of that call: it takes as long as it takes, while the wait is scaled.
    """

    def invoke(resource: str, arguments: Document, token: str, state: Document) -> Any:
        _open[token] = wait = Wait(state[EXECUTION])
        try:
            interpreter._invoke_resource(resource.replace(".waitForTaskToken", ""), arguments)
            match _answer(wait, token, state):
                case Success(output):
                    return json.loads(output)
                case Failure(error, cause):
                    raise StateError(error, cause)
                case _:
                    raise SystemExit  # this thread has nothing left to do
        finally:
            _open.pop(token, None)

    interpreter._invoke_with_callback = invoke


def take_one_answer_in_time() -> None:
    """A token that was answered or whose time is up is refused by name, and so is what never was a token."""

    def sender(answer: Callable[[Document], Answer]) -> Callable[[Document], Any]:
        def send(request: Document) -> Any:
            token = request["taskToken"]
            wait = _open.pop(token, None)
            if wait is None:
                return _refusal(token)
            wait.answer.put(answer(request))
            return interpreter.json_response({})

        return send

    def failure(request: Document) -> Failure:
        return Failure(request.get("error", "TaskFailed"), request.get("cause", ""))

    interpreter._send_task_success = sender(lambda request: Success(request["output"]))
    interpreter._send_task_failure = sender(failure)


def end_the_wait_with_the_execution() -> None:
    """An execution that is stopped or timed out waits no longer, and its tokens are dead."""
    emit = interpreter._emit_execution_status_event

    def emit_and_end(execution: Document) -> None:
        emit(execution)
        if execution["status"] != "RUNNING":
            for token, wait in list(_open.items()):
                if wait.execution is execution and _open.pop(token, None) is not None:
                    wait.answer.put(End())

    interpreter._emit_execution_status_event = emit_and_end


def _answer(wait: Wait, token: str, state: Document) -> Answer:
    try:
        return wait.answer.get(timeout=_scaled(state.get("TimeoutSeconds", LONGEST_WAIT_S)))
    except Empty:
        if _open.pop(token, None) is None:
            return wait.answer.get()  # somebody has just taken it, to answer
        raise StateError("States.Timeout", "") from None


def _positive_integer(path: str, data: Any, context: Document) -> int:
    value = interpreter._resolve_path_or_ctx(path, data, context)
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        message = f"The value at '{path}' must be a positive integer, but it was: {json.dumps(value)}"
        raise StateError("States.Runtime", message)
    return value


def _refusal(token: str) -> Any:
    if re.fullmatch(r"[0-9a-f-]{36}", token):
        message = "Task Timed Out: 'Provided task does not exist anymore'"
        return interpreter.error_response_json("TaskTimedOut", message, 400)
    return interpreter.error_response_json("InvalidToken", "Invalid Token: 'Invalid token'", 400)


def _scaled(seconds: float) -> float:
    return float(seconds * interpreter._SFN_WAIT_SCALE)
