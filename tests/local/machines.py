"""Functions and states to make state machines of, for tests against the emulator."""

import uuid
from typing import Any

from tests.support.emulator import EmulatedAws

SCRIPTED_TASKS = """
import time

class ProviderUnavailable(Exception):
    pass

calls = {}

def handler(event, context):
    match event.get("do"):
        case "fail":
            calls[event["key"]] = calls.get(event["key"], 0) + 1
            if calls[event["key"]] <= event["times"]:
                raise ProviderUnavailable("try again")
            return {"calls": calls[event["key"]]}
        case "answer":
            return "x" * event["bytes"]
        case "sleep":
            time.sleep(event["seconds"])
    return {"saw": event}
"""

LAMBDA = "arn:aws:states:::lambda:invoke"
CALLBACK = f"{LAMBDA}.waitForTaskToken"
CAUGHT = {"Type": "Pass", "End": True}

State = dict[str, Any]


def machine(start: str, **states: State) -> State:
    return {"StartAt": start, "States": states}


def task(function: str, **fields: Any) -> State:
    """A state that hands its input to a function and goes on with the answer."""
    parameters = {"FunctionName": function, "Payload.$": "$"}
    state = {
        "Type": "Task",
        "Resource": LAMBDA,
        "Parameters": parameters,
        "OutputPath": "$.Payload",
        **fields,
    }
    return state if "Next" in state else {**state, "End": True}


def callback(function: str, **fields: Any) -> State:
    """A state that hands a task token to a function and waits until somebody sends it back."""
    parameters = {"FunctionName": function, "Payload": {"token.$": "$$.Task.Token", "state.$": "$"}}
    state = {"Type": "Task", "Resource": CALLBACK, "Parameters": parameters, **fields}
    return state if "Next" in state else {**state, "End": True}


def failing(times: int) -> State:
    """Return the input that makes the function fail this often before it answers."""
    return {"do": "fail", "key": uuid.uuid4().hex, "times": times}


def run(aws: EmulatedAws, definition: State, state: Any = None) -> dict[str, Any]:
    """Run an execution of a new machine and return how it ended."""
    return aws.execute(aws.state_machine(definition), {} if state is None else state)


def start(aws: EmulatedAws, definition: State, state: Any = None) -> str:
    """The ARN of a running execution of a new machine."""
    return aws.start(aws.state_machine(definition), {} if state is None else state)
