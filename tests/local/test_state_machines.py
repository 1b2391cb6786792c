"""What our state machines use of the States Language behaves as on AWS: ministack with our corrections.

The second half has a test for each correction in local/state_machine_corrections.py, named after it.
"""

import json
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.emulator_fixture import EmulatedAws

pytestmark = pytest.mark.system

CODE = """
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

SENDS_TOKEN_BACK = """
import boto3

def handler(event, context):
    boto3.client("stepfunctions").send_task_success(taskToken=event["token"], output='{"by": "webhook"}')
"""

LAMBDA = "arn:aws:states:::lambda:invoke"
CALLBACK = f"{LAMBDA}.waitForTaskToken"
NESTED = "arn:aws:states:::states:startExecution.sync:2"
CAUGHT = {"Type": "Pass", "End": True}

State = dict[str, Any]


@pytest.fixture(scope="session")
def puppet(aws: EmulatedAws) -> str:
    return aws.function("puppet", CODE)


def machine(start: str, **states: State) -> State:
    return {"StartAt": start, "States": states}


def task(function: str, **fields: Any) -> State:
    parameters = {"FunctionName": function, "Payload.$": "$"}
    state = {
        "Type": "Task",
        "Resource": LAMBDA,
        "Parameters": parameters,
        "OutputPath": "$.Payload",
        **fields,
    }
    return state if "Next" in state else {**state, "End": True}


def run(aws: EmulatedAws, definition: State, state: Any = None) -> dict[str, Any]:
    return aws.execute(aws.state_machine(definition), {} if state is None else state)


def failing(times: int) -> State:
    return {"do": "fail", "key": uuid.uuid4().hex, "times": times}


def test_a_task_hands_its_state_to_a_function_and_goes_on_with_the_answer(
    aws: EmulatedAws, puppet: str
) -> None:
    ended = run(aws, machine("A", A=task(puppet)), {"identity": "1"})
    assert ended["output"] == {"saw": {"identity": "1"}}


def test_retry_finds_the_class_name_and_backs_off(aws: EmulatedAws, puppet: str) -> None:
    retry = {"ErrorEquals": ["ProviderUnavailable"], "IntervalSeconds": 4, "BackoffRate": 2, "MaxAttempts": 2}
    started = time.monotonic()
    ended = run(aws, machine("A", A=task(puppet, Retry=[retry])), failing(times=2))
    assert ended["output"] == {"calls": 3}
    assert time.monotonic() - started > (4 + 8) * 0.05


def test_catch_keeps_the_state_beside_the_error(aws: EmulatedAws, puppet: str) -> None:
    catch = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}
    event = failing(times=1)
    ended = run(aws, machine("A", A=task(puppet, Catch=[catch]), Caught=CAUGHT), event)
    error = ended["output"].pop("error")
    assert ended["output"] == event
    assert error["Error"] == "ProviderUnavailable"
    assert json.loads(error["Cause"])["errorMessage"] == "try again"


def test_a_machine_waits_chooses_and_fails_with_what_the_state_says(aws: EmulatedAws) -> None:
    definition = machine(
        "Wait",
        Wait={"Type": "Wait", "SecondsPath": "$.poll_seconds", "Next": "Ready?"},
        **{
            "Ready?": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.state", "StringEquals": "ready", "Next": "Ready"}],
                "Default": "Failed",
            }
        },
        Ready={"Type": "Succeed"},
        Failed={"Type": "Fail", "ErrorPath": "$.error.code", "CausePath": "$.error.message"},
    )
    arn, started = aws.state_machine(definition), time.monotonic()
    ready = aws.execute(arn, {"poll_seconds": 10, "state": "ready"})
    assert (ready["status"], ready["output"]["state"]) == ("SUCCEEDED", "ready")
    assert time.monotonic() - started > 10 * 0.05
    error = {"code": "training_failed", "message": "no face"}
    failed = aws.execute(arn, {"poll_seconds": 0, "state": "failed", "error": error})
    assert (failed["status"], failed["error"], failed["cause"]) == ("FAILED", "training_failed", "no face")


def test_a_map_runs_its_items_and_keeps_their_order(aws: EmulatedAws, puppet: str) -> None:
    processor = {"ProcessorConfig": {"Mode": "INLINE"}, **machine("A", A=task(puppet))}
    state = {
        "Type": "Map",
        "ItemsPath": "$.cells",
        "MaxConcurrency": 2,
        "ItemProcessor": processor,
        "End": True,
    }
    ended = run(aws, machine("M", M=state), {"cells": [{"n": n} for n in range(5)]})
    assert [answer["saw"]["n"] for answer in ended["output"]] == [0, 1, 2, 3, 4]


def test_a_nested_execution_gives_its_output(aws: EmulatedAws) -> None:
    child = aws.state_machine(machine("A", A={"Type": "Pass", "Result": {"n": 7}, "End": True}))
    ended = run(aws, nesting(child))
    assert ended["output"]["Output"] == {"n": 7}


def test_a_token_sent_from_outside_ends_the_wait(aws: EmulatedAws) -> None:
    sender = aws.function("sender", SENDS_TOKEN_BACK)
    ended = run(aws, machine("A", A=callback(sender, TimeoutSeconds=4000)))
    assert ended["output"] == {"by": "webhook"}


def test_end_machines_in_time(aws: EmulatedAws) -> None:
    definition = machine("A", A={"Type": "Wait", "Seconds": 400, "End": True})
    ended = run(aws, {**definition, "TimeoutSeconds": 10})
    assert ended["status"] == "TIMED_OUT"


def test_a_machine_that_timed_out_stays_timed_out(aws: EmulatedAws) -> None:
    definition = machine(
        "A", A={"Type": "Wait", "Seconds": 8, "Next": "B"}, B={"Type": "Fail", "Error": "Late"}
    )
    execution = start(aws, {**definition, "TimeoutSeconds": 2})
    aws.ended(execution)
    time.sleep(8 * 0.05)
    assert aws.ended(execution)["status"] == "TIMED_OUT"


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        ({"TimeoutSeconds": 10}, "States.Timeout"),
        ({"TimeoutSeconds": 4000, "HeartbeatSeconds": 10}, "States.HeartbeatTimeout"),
    ],
)
def test_wait_for_tokens_as_long_as_the_definition_says(
    aws: EmulatedAws, puppet: str, limits: dict[str, int], error: str
) -> None:
    catch = {"ErrorEquals": [error], "Next": "Caught"}
    ended = run(aws, machine("A", A=callback(puppet, Catch=[catch], **limits), Caught=CAUGHT))
    assert ended["output"]["Error"] == error


def test_the_failure_of_a_call_that_hands_out_a_token_fails_the_task(aws: EmulatedAws) -> None:
    broken = aws.function("broken", "def handler(event, context): raise LookupError('no such job')")
    assert run(aws, machine("A", A=callback(broken, TimeoutSeconds=4000)))["error"] == "LookupError"


def test_answer_a_repeated_start_with_the_running_execution(aws: EmulatedAws) -> None:
    stepfunctions = aws.client("stepfunctions")
    arn = aws.state_machine(machine("A", A={"Type": "Wait", "Seconds": 20, "End": True}))
    first, second = (
        stepfunctions.start_execution(stateMachineArn=arn, name="identity-1", input='{"a": 1}')
        for _ in range(2)
    )
    assert first["executionArn"] == second["executionArn"]
    for state in ('{"a": 2}', '{"a": 1}'):  # other input while it runs; the same after its end
        with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
            stepfunctions.start_execution(stateMachineArn=arn, name="identity-1", input=state)
        aws.ended(first["executionArn"])


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Pass", "InputPath": "$.missing", "End": True},
        {"Type": "Pass", "Parameters": {"x.$": "$.missing"}, "End": True},
        {"Type": "Wait", "SecondsPath": "$.missing", "End": True},
        {
            "Type": "Choice",
            "Choices": [{"Variable": "$.missing", "NumericEquals": 1, "Next": "A"}],
            "Default": "A",
        },
    ],
    ids=["InputPath", "Parameters", "SecondsPath", "Choice"],
)
def test_refuse_paths_that_lead_nowhere(aws: EmulatedAws, state: State) -> None:
    ended = run(aws, machine("S", S=state, A={"Type": "Succeed"}), {"there": None})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")


def test_a_path_to_null_is_a_path_and_presence_can_be_asked_for(aws: EmulatedAws) -> None:
    present = {"Variable": "$.there", "IsPresent": True}
    missing = {"Variable": "$.missing", "IsPresent": False}
    choice = {"Type": "Choice", "Choices": [{"And": [present, missing], "Next": "A"}]}
    ended = run(
        aws,
        machine("S", S=choice, A={"Type": "Pass", "Parameters": {"x.$": "$.there"}, "End": True}),
        {"there": None},
    )
    assert ended["output"] == {"x": None}


def test_refuse_large_results(aws: EmulatedAws, puppet: str) -> None:
    ended = run(aws, machine("A", A=task(puppet)), {"do": "answer", "bytes": 300_000})
    assert ended["error"] == "States.DataLimitExceeded"


def test_keep_runtime_errors_out_of_states_all(aws: EmulatedAws, puppet: str) -> None:
    catch = {"ErrorEquals": ["States.ALL"], "Next": "Caught"}
    state = task(puppet, OutputPath="$.missing", Catch=[catch])
    ended = run(aws, machine("A", A=state, Caught=CAUGHT))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")


def test_name_the_failure_of_a_nested_execution(aws: EmulatedAws) -> None:
    child = aws.state_machine(machine("A", A={"Type": "Fail", "Error": "NoFace", "Cause": "why"}))
    catch = {"ErrorEquals": ["States.TaskFailed"], "Next": "Caught"}
    error = run(aws, nesting(child, Catch=[catch]))["output"]
    assert error["Error"] == "States.TaskFailed"
    cause = json.loads(error["Cause"])
    assert (cause["Status"], cause["Error"], cause["Cause"]) == ("FAILED", "NoFace", "why")


def test_name_throttling(aws: EmulatedAws) -> None:
    closed = aws.function("closed", CODE)
    aws.client("lambda").put_function_concurrency(FunctionName=closed, ReservedConcurrentExecutions=0)
    assert run(aws, machine("A", A=task(closed)))["error"] == "Lambda.TooManyRequestsException"


def start(aws: EmulatedAws, definition: State) -> str:
    arn = aws.state_machine(definition)
    execution: str = aws.client("stepfunctions").start_execution(stateMachineArn=arn)["executionArn"]
    return execution


def nesting(child: str, **fields: Any) -> State:
    state = {
        "Type": "Task",
        "Resource": NESTED,
        "Parameters": {"StateMachineArn": child},
        "End": True,
        **fields,
    }
    return machine("N", N=state, Caught=CAUGHT)


def callback(function: str, **fields: Any) -> State:
    parameters = {"FunctionName": function, "Payload": {"token.$": "$$.Task.Token"}}
    return {"Type": "Task", "Resource": CALLBACK, "Parameters": parameters, "End": True, **fields}
