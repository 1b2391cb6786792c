"""The reason of a failed execution stands in the console as a code and a sentence, as in the API.

What Step Functions shows is what the Fail state, or a task whose failure nothing catches, leaves as error and
cause; tests/state_machines shows that an interpreter of these files leaves just that.
"""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from character_identity.domain.errors import ProviderRejected
from tests.support.in_process.executions import Crash, Execution
from tests.support.in_process.harness import Harness, harness

LONGEST_CAUSE = 32_768
"""Characters of a cause, in the API's TaskFailedEventDetails as in ExecutionFailedEventDetails;
https://docs.aws.amazon.com/step-functions/latest/apireference/, read 2026-11-23."""
READABLE = 2_000
"""Characters that a person reads; a row of the table has room for 200 times as many."""


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    with harness(monkeypatch, webhooks=False) as inside:
        yield inside


@pytest.mark.parametrize("task", ["PrepareGeneration", "SubmitGeneration", "CheckGeneration", "StoreImages"])
@pytest.mark.parametrize(
    ("raised", "error", "cause"),
    [
        (ProviderRejected("fal", "does not like it"), "provider_rejected", "fal: does not like it"),
        (LookupError("nothing there"), "internal_error", "nothing there"),
        (RuntimeError(), "internal_error", "RuntimeError"),
        (Crash("exit status 1"), "internal_error", "exit status 1"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_a_task_ends_in_is_shown(
    inside: Harness, task: str, raised: BaseException, error: str, cause: str
) -> None:
    inside.executions.tasks[task] = _raising(raised)
    generation_id = _ordered(inside)
    inside.run(timedelta(hours=9))  # what is paid is tried again for six
    *_, execution = inside.executions.by_name.values()
    assert (execution.status, execution.error, execution.cause) == ("FAILED", error, cause)
    assert _shown_error(inside, generation_id) == {"code": error, "message": cause}


@pytest.mark.parametrize(
    ("caught", "error", "cause"),
    [
        ({"Error": "States.Timeout", "Cause": ""}, "internal_error", "States.Timeout"),
        ({"Error": "Lambda.Unknown"}, "internal_error", "Lambda.Unknown"),
        ({"Error": "Lambda.Unknown", "Cause": None}, "internal_error", "Lambda.Unknown"),
        ({"Cause": "nobody knows"}, "internal_error", "nobody knows"),
        (
            {"Error": "KeyError", "Cause": '{"errorType": "KeyError"}'},
            "internal_error",
            '{"errorType": "KeyError"}',
        ),
        ({"Error": "KeyError", "Cause": '{"errorMessage": null}'}, "internal_error", "KeyError"),
        ({"Error": "KeyError", "Cause": '["no", "object"]'}, "internal_error", '["no", "object"]'),
    ],
    ids=["no cause", "a missing cause", "a null cause", "no error", "no message", "a null message", "a list"],
)
def test_an_error_that_lacks_something_still_says_something(
    inside: Harness, caught: dict[str, Any], error: str, cause: str
) -> None:
    execution = _at_the_record(inside, caught)
    inside.run()
    assert (execution.status, execution.error, execution.cause) == ("FAILED", error, cause)
    assert _shown_error(inside, execution.name) == {"code": error, "message": cause}


@pytest.mark.parametrize(
    "cause",
    [
        json.dumps({"errorMessage": "far too long " * 2_000}),
        json.dumps({"errorMessage": "x" * 40_000})[:LONGEST_CAUSE],
    ],
    ids=["long", "cut off"],
)
def test_a_very_long_message_of_an_error_is_cut(inside: Harness, cause: str) -> None:
    execution = _at_the_record(inside, {"Error": "ValidationError", "Cause": cause})
    inside.run()
    assert (execution.status, execution.error) == ("FAILED", "internal_error")
    assert execution.cause and len(execution.cause) <= READABLE
    assert _shown_error(inside, execution.name) == {"code": "internal_error", "message": execution.cause}


def test_a_very_long_reason_of_a_provider_is_cut(inside: Harness) -> None:
    inside.simulator.arm("fal.submit", "fail", status=422, body={"detail": "far too long " * 5_000})
    generation_id = _ordered(inside)
    inside.run()
    execution = inside.executions.by_name[generation_id]
    assert (execution.status, execution.error) == ("FAILED", "generation_failed")
    assert execution.cause and "far too long" in execution.cause
    assert len(execution.cause) <= READABLE


def test_a_record_that_cannot_be_written_says_so_itself(inside: Harness) -> None:
    inside.executions.tasks["RecordGeneration"] = _raising(ConnectionError("no table"))
    execution = inside.executions.by_name[_ordered(inside)]
    while execution.status == "RUNNING":
        inside.let_pass(60)
    assert (execution.status, execution.error) == ("FAILED", "ConnectionError")
    assert execution.cause is not None
    assert json.loads(execution.cause)["errorMessage"] == "no table"


def test_a_training_that_was_cancelled_alarms_nobody(inside: Harness) -> None:
    order = {"name": "Sarah", "provider": "fal-lora", "className": "woman", "references": inside.uploads(5)}
    identity_id = str(inside.call("create_identity", "POST", "/v1/identities", order).body["characterId"])
    inside.let_pass(30)
    inside.call("cancel_identity", "POST", f"/v1/identities/{identity_id}/cancel")
    inside.run()
    execution = inside.executions.by_name[identity_id]
    assert (execution.status, execution.at) == ("SUCCEEDED", "IdentityCancelled")
    assert execution.state["error"] == {"code": "cancelled", "message": "The training was cancelled."}


def test_an_execution_that_the_sweep_stops_says_so(inside: Harness) -> None:
    inside.executions.tasks["CheckGeneration"] = lambda state: {**state, "poll_seconds": 3_600}
    execution = inside.executions.by_name[_ordered(inside)]
    inside.run()
    assert (execution.status, execution.error) == ("ABORTED", "Stopped")
    assert execution.cause == "It did not end in time."


def _raising(error: BaseException) -> Callable[[Any], Any]:
    def task(state: Any) -> Any:
        raise error

    return task


def _ordered(inside: Harness) -> str:
    """The id of a generation that was just ordered."""
    order = {
        "name": "Sarah",
        "provider": "fal-instant",
        "className": "woman",
        "references": inside.uploads(1),
    }
    identity_id = inside.call("create_identity", "POST", "/v1/identities", order).body["characterId"]
    path = f"/v1/identities/{identity_id}/generations"
    answer = inside.call("create_generation", "POST", path, {"prompt": "Sarah runs"})
    return str(answer.body["generationId"])


def _at_the_record(inside: Harness, caught: dict[str, Any]) -> Execution:
    """An execution whose task just failed like this."""
    execution = inside.executions.by_name[_ordered(inside)]
    execution.at, execution.state = "RecordGeneration", {**execution.state, "error": caught}
    return execution


def _shown_error(inside: Harness, generation_id: str) -> Any:
    return inside.call("get_generation", "GET", f"/v1/generations/{generation_id}").body["error"]
