"""The States Language, as far as our machines use it, behaves as on AWS: ministack with our corrections.

The second half has a test for each correction in local/ministack_patches/state_machines.py, named after it.
"""

import json
import time

import pytest
from botocore.exceptions import ClientError

from tests.local.machines import CAUGHT, State, failing, machine, run, start, task
from tests.support.emulator import EmulatedAws
from tests.support.waiting import wait_until

pytestmark = pytest.mark.processes


def test_a_task_hands_its_state_to_a_function_and_goes_on_with_the_answer(
    aws: EmulatedAws, scripted_tasks: str
) -> None:
    ended = run(aws, machine("A", A=task(scripted_tasks)), {"identity": "1"})
    assert ended["output"] == {"saw": {"identity": "1"}}


def test_retry_finds_the_class_name_and_backs_off(aws: EmulatedAws, scripted_tasks: str) -> None:
    retry = {"ErrorEquals": ["ProviderUnavailable"], "IntervalSeconds": 4, "BackoffRate": 2, "MaxAttempts": 2}
    started = time.monotonic()
    ended = run(aws, machine("A", A=task(scripted_tasks, Retry=[retry])), failing(times=2))
    assert ended["output"] == {"calls": 3}
    assert time.monotonic() - started > (4 + 8) * 0.05


def test_catch_keeps_the_state_beside_the_error(aws: EmulatedAws, scripted_tasks: str) -> None:
    catch = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}
    event = failing(times=1)
    ended = run(aws, machine("A", A=task(scripted_tasks, Catch=[catch]), Caught=CAUGHT), event)
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


def test_end_machines_in_time(aws: EmulatedAws) -> None:
    definition = machine("A", A={"Type": "Wait", "Seconds": 400, "End": True})
    ended = run(aws, {**definition, "TimeoutSeconds": 10})
    assert ended["status"] == "TIMED_OUT"


def test_do_nothing_after_the_end(aws: EmulatedAws, scripted_tasks: str) -> None:
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 8, "MaxAttempts": 5}
    execution = start(aws, machine("A", A=task(scripted_tasks, Retry=[retry])), failing(times=9))
    wait_until(lambda: "TaskFailed" in aws.history(execution), "a failure")
    aws.client("stepfunctions").stop_execution(executionArn=execution)
    steps = aws.history(execution)
    time.sleep(8 * 2 * 0.05)
    assert aws.history(execution) == steps
    assert steps[-1] == "ExecutionAborted"


def test_a_machine_that_timed_out_stays_timed_out(aws: EmulatedAws) -> None:
    late = machine("A", A={"Type": "Wait", "Seconds": 8, "Next": "B"}, B={"Type": "Fail", "Error": "Late"})
    branches = {"Type": "Parallel", "Branches": [late], "End": True}
    execution = start(aws, {**machine("P", P=branches), "TimeoutSeconds": 2})
    aws.ended(execution)
    time.sleep(8 * 0.05)
    assert aws.ended(execution)["status"] == "TIMED_OUT"


def test_back_off_as_long_as_the_definition_says(aws: EmulatedAws, scripted_tasks: str) -> None:
    never = 10**6  # times longer: without the cap the execution would not end
    retry = {"ErrorEquals": ["ProviderUnavailable"], "IntervalSeconds": 4, "BackoffRate": never}
    capped = {**retry, "MaxDelaySeconds": 5, "MaxAttempts": 2}
    started = time.monotonic()
    assert run(aws, machine("A", A=task(scripted_tasks, Retry=[capped])), failing(times=2))["output"] == {
        "calls": 3
    }
    assert time.monotonic() - started > (4 + 5) * 0.05


def test_the_first_retrier_that_matches_decides(aws: EmulatedAws, scripted_tasks: str) -> None:
    never = {"ErrorEquals": ["ProviderUnavailable"], "MaxAttempts": 0}
    always = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 5}
    ended = run(aws, machine("A", A=task(scripted_tasks, Retry=[never, always])), failing(times=1))
    assert (ended["status"], ended["error"]) == ("FAILED", "ProviderUnavailable")


def test_any_error_of_a_function_is_a_failed_task(aws: EmulatedAws, scripted_tasks: str) -> None:
    retry = {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 1}
    ended = run(aws, machine("A", A=task(scripted_tasks, Retry=[retry])), failing(times=1))
    assert ended["output"] == {"calls": 2}


def test_a_result_path_of_null_keeps_the_state(aws: EmulatedAws, scripted_tasks: str) -> None:
    state = {**task(scripted_tasks, ResultPath=None), "OutputPath": "$"}
    assert run(aws, machine("A", A=state), {"identity": "1"})["output"] == {"identity": "1"}


def test_an_execution_is_described_by_its_name_while_and_after_it_runs(aws: EmulatedAws) -> None:
    stepfunctions = aws.client("stepfunctions")
    arn = aws.state_machine(machine("A", A={"Type": "Wait", "Seconds": 10, "End": True}))
    execution = f"{arn.replace(':stateMachine:', ':execution:')}:identity-1"
    with pytest.raises(ClientError, match="ExecutionDoesNotExist"):
        stepfunctions.describe_execution(executionArn=execution)
    stepfunctions.start_execution(stateMachineArn=arn, name="identity-1", input='{"a": 1}')
    running = stepfunctions.describe_execution(executionArn=execution)
    assert (running["status"], running["input"], "stopDate" in running) == ("RUNNING", '{"a": 1}', False)
    aws.ended(execution)
    ended = stepfunctions.describe_execution(executionArn=execution)
    assert (ended["status"], json.loads(ended["output"]), "stopDate" in ended) == (
        "SUCCEEDED",
        {"a": 1},
        True,
    )


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


def test_a_path_to_null_is_a_path(aws: EmulatedAws) -> None:
    definition = machine("A", A={"Type": "Pass", "Parameters": {"x.$": "$.there"}, "End": True})
    assert run(aws, definition, {"there": None})["output"] == {"x": None}


def test_refuse_large_results(aws: EmulatedAws, scripted_tasks: str) -> None:
    ended = run(aws, machine("A", A=task(scripted_tasks)), {"do": "answer", "bytes": 300_000})
    assert ended["error"] == "States.DataLimitExceeded"


def test_keep_runtime_errors_out_of_states_all(aws: EmulatedAws, scripted_tasks: str) -> None:
    catch = {"ErrorEquals": ["States.ALL"], "Next": "Caught"}
    state = task(scripted_tasks, OutputPath="$.missing", Catch=[catch])
    ended = run(aws, machine("A", A=state, Caught=CAUGHT))
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")


def test_limit_the_children_of_a_map_as_its_state_says(aws: EmulatedAws) -> None:
    child = machine("Done", Done={"Type": "Succeed"})
    mapped = {
        "Type": "Map",
        "ItemsPath": "$.items",
        "MaxConcurrencyPath": "$.concurrency",
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **child},
        "End": True,
    }
    execution = start(aws, machine("Each", Each=mapped), {"items": [1, 2, 3], "concurrency": 2})
    assert aws.ended(execution)["status"] == "SUCCEEDED"
    states = aws.client("stepfunctions")
    [children] = states.list_map_runs(executionArn=execution)["mapRuns"]
    assert states.describe_map_run(mapRunArn=children["mapRunArn"])["maxConcurrency"] == 2
