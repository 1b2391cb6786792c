"""Task tokens behave as on AWS: ministack with local/ministack_patches/task_tokens.py."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.machines import CAUGHT, State, callback, machine, run, start
from tests.support.emulator import EmulatedAws
from tests.support.waiting import wait_until

pytestmark = pytest.mark.processes

KEEPS_TOKEN = """
import boto3

def handler(event, context):
    parameter = {"Name": "/token/" + event["state"]["id"], "Value": event["token"], "Type": "String"}
    boto3.client("ssm").put_parameter(**parameter, Overwrite=True)
"""

SENDS_TOKEN_BACK = """
import boto3

def handler(event, context):
    boto3.client("stepfunctions").send_task_success(taskToken=event["token"], output='{"by": "the function"}')
"""

DEAD = "TaskTimedOut"
LONG_S = 4000  # 200 s at the scale of these tests


@pytest.fixture(scope="session")
def keeper(aws: EmulatedAws) -> str:
    return aws.function("keeper", KEEPS_TOKEN)


def awaiting(function: str, **fields: Any) -> State:
    """A machine that waits for its token for ``poll_seconds`` and takes silence for an answer."""
    silence = {"ErrorEquals": ["States.Timeout"], "ResultPath": None, "Next": "Caught"}
    wait = {"TimeoutSecondsPath": "$.poll_seconds", "ResultPath": None, "Catch": [silence], "Next": "Heard"}
    heard = {"Type": "Pass", "Result": "heard", "ResultPath": "$.how", "End": True}
    return machine("A", A=callback(function, **wait, **fields), Heard=heard, Caught=CAUGHT)


def token(aws: EmulatedAws, key: str) -> str:
    """The token that the keeper was given in the execution of this id."""
    ssm = aws.client("ssm")

    def found() -> str:
        try:
            return str(ssm.get_parameter(Name=f"/token/{key}")["Parameter"]["Value"])
        except ssm.exceptions.ParameterNotFound:
            return ""

    return wait_until(found, "a token")


def refusal(aws: EmulatedAws, task_token: str) -> str:
    """The code of the error that sending a token gives; the same whatever is sent."""
    stepfunctions = aws.client("stepfunctions")
    codes = set()
    for send, answer in (
        (stepfunctions.send_task_success, {"output": "{}"}),
        (stepfunctions.send_task_failure, {"error": "Late"}),
    ):
        with pytest.raises(ClientError) as refused:
            send(taskToken=task_token, **answer)
        codes.add(refused.value.response["Error"]["Code"])
    (code,) = codes
    return str(code)


def test_a_token_sent_by_the_function_itself_ends_the_wait(aws: EmulatedAws) -> None:
    sender = aws.function("sender", SENDS_TOKEN_BACK)
    state = {"poll_seconds": LONG_S, "id": "1"}
    assert run(aws, awaiting(sender), state)["output"] == {**state, "how": "heard"}
    ended = run(aws, machine("A", A=callback(sender, TimeoutSeconds=LONG_S)))
    assert ended["output"] == {"by": "the function"}


def test_a_token_sent_later_by_somebody_else_ends_the_wait(aws: EmulatedAws, keeper: str) -> None:
    state = {"poll_seconds": LONG_S, "id": "later"}
    execution = start(aws, awaiting(keeper), state)
    task_token = token(aws, "later")
    aws.client("stepfunctions").send_task_success(taskToken=task_token, output='{"state": "ready"}')
    assert aws.ended(execution)["output"] == {**state, "how": "heard"}


def test_read_timeouts_from_the_state(aws: EmulatedAws, keeper: str) -> None:
    state, started = {"poll_seconds": 10, "id": "silence"}, time.monotonic()
    assert run(aws, awaiting(keeper), state)["output"] == state
    assert time.monotonic() - started > 10 * 0.05


@pytest.mark.parametrize("seconds", [0, -1, 1.5, "10", True, None])
def test_a_timeout_that_is_no_positive_integer_fails_the_machine(
    aws: EmulatedAws, keeper: str, seconds: Any
) -> None:
    ended = run(aws, awaiting(keeper), {"poll_seconds": seconds, "id": "odd"})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")


def test_wait_as_long_as_the_definition_says(aws: EmulatedAws, scripted_tasks: str) -> None:
    catch = {"ErrorEquals": ["States.Timeout"], "Next": "Caught"}
    state = callback(scripted_tasks, Catch=[catch], TimeoutSeconds=40)  # unscaled, longer than we wait
    ended = run(aws, machine("A", A=state, Caught=CAUGHT))
    assert ended["output"]["Error"] == "States.Timeout"


def test_the_failure_of_a_call_that_hands_out_a_token_fails_the_task(aws: EmulatedAws) -> None:
    broken = aws.function("broken", "def handler(event, context): raise LookupError('no such job')")
    assert run(aws, machine("A", A=callback(broken, TimeoutSeconds=LONG_S)))["error"] == "LookupError"


def test_a_token_whose_time_is_up_is_refused(aws: EmulatedAws, keeper: str) -> None:
    run(aws, awaiting(keeper), {"poll_seconds": 1, "id": "late"})
    assert refusal(aws, token(aws, "late")) == DEAD


def test_take_one_answer_in_time(aws: EmulatedAws, keeper: str) -> None:
    execution = start(aws, machine("A", A=callback(keeper, TimeoutSeconds=LONG_S)), {"id": "twice"})
    task_token = token(aws, "twice")
    aws.client("stepfunctions").send_task_success(taskToken=task_token, output='"first"')
    assert refusal(aws, task_token) == DEAD
    assert aws.ended(execution)["output"] == "first"


def test_what_was_never_a_token_is_invalid(aws: EmulatedAws) -> None:
    assert refusal(aws, "made up") == "InvalidToken"


def test_a_failure_that_is_sent_fails_the_task(aws: EmulatedAws, keeper: str) -> None:
    execution = start(aws, machine("A", A=callback(keeper, TimeoutSeconds=LONG_S)), {"id": "failure"})
    failure = {"error": "NoFace", "cause": "none was found"}
    aws.client("stepfunctions").send_task_failure(taskToken=token(aws, "failure"), **failure)
    ended = aws.ended(execution)
    assert (ended["error"], ended["cause"]) == ("NoFace", "none was found")


def test_end_the_wait_with_the_execution(aws: EmulatedAws, keeper: str) -> None:
    again = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 5}
    execution = start(aws, machine("A", A=callback(keeper, TimeoutSeconds=10, Retry=[again])), {"id": "stop"})
    task_token = token(aws, "stop")
    aws.client("stepfunctions").stop_execution(executionArn=execution, error="Cancelled")
    assert aws.ended(execution)["status"] == "ABORTED"
    assert refusal(aws, task_token) == DEAD
    time.sleep(2 * 10 * 0.05)
    assert aws.history(execution)[-1] == "ExecutionAborted"


def test_the_wait_ends_with_a_machine_whose_time_is_up(aws: EmulatedAws, keeper: str) -> None:
    definition = machine("A", A=callback(keeper, TimeoutSeconds=LONG_S))
    execution = start(aws, {**definition, "TimeoutSeconds": 20}, {"id": "machine"})
    task_token = token(aws, "machine")
    assert aws.ended(execution)["status"] == "TIMED_OUT"
    assert refusal(aws, task_token) == DEAD
    assert json.dumps(aws.history(execution)).endswith('"ExecutionTimedOut"]')
