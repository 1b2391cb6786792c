"""A task of a state machine, and what it logs of the job in its state."""

import logging
from typing import Any

import pytest
from pydantic import BaseModel

from character_identity.handlers.tasks import LambdaHandler, event_handler, queue_handler, task
from character_identity.wiring import Services
from tests.support.handlers import Context, queued

ORIGIN = {"correlation_id": "r1", "job_id": "training-i1", "provider": "fal-lora"}

logger = logging.getLogger("any.service")


class State(BaseModel):
    state: str
    correlation_id: str = ""


def moved(services: Services, state: State) -> State:
    logger.info("at work")
    return state.model_copy(update={"state": "ready"})


def failing(services: Services, state: State) -> State:
    raise ValueError("no")


def said(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [
        {name: vars(each).get(name) for name in (*ORIGIN, "message", "state")}
        for each in caplog.records
        if each.message != "unrelated"
    ]


def test_the_state_goes_in_and_the_next_one_comes_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    handler = task(State, moved)
    assert handler({"state": "training", **ORIGIN}, Context()) == {"state": "ready", "correlation_id": "r1"}
    assert said(caplog) == [
        {**ORIGIN, "message": "at work", "state": None},
        {**ORIGIN, "message": "done", "state": "ready"},
    ]


def test_a_task_that_fails_says_so_and_the_machine_hears_of_it(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ValueError, match="no"):
        task(State, failing)({"state": "training", **ORIGIN}, Context())
    (record,) = caplog.records
    assert (record.message, vars(record)["error"], vars(record)["job_id"]) == (
        "ended in an error",
        "ValueError",
        "training-i1",
    )
    assert record.exc_info


@pytest.mark.parametrize("result", [None, {"outcome": "scored"}])
def test_anything_else_gets_the_event_as_it_is(result: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    handler: LambdaHandler = event_handler(lambda services, event, context: result and {**event, **result})
    assert handler({"key": "k"}, Context()) == (result and {"key": "k", **result})
    assert [each.message for each in caplog.records] == ["done"]


def test_events_of_a_queue_are_handled_each_for_itself(caplog: pytest.LogCaptureFixture) -> None:
    """Also after one that failed, and one that is no JSON."""
    handled = []

    def run(services: Services, event: dict[str, Any], context: Any) -> str:
        if event["detail"] == "fails":
            raise ConnectionError("the table is throttled")
        handled.append(event["detail"])
        return "state"

    batch = queued(*({"detail": detail} for detail in ("first", "fails", "broken", "deep", "last")))
    batch["Records"][2]["body"] = "{"
    batch["Records"][3]["body"] = "[" * 100_000

    assert queue_handler(run)(batch, Context()) == {
        "batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}, {"itemIdentifier": "m3"}]
    }
    assert handled == ["first", "last"]
    assert [vars(each)["error"] for each in caplog.records] == [
        "ConnectionError",
        "JSONDecodeError",
        "RecursionError",
    ]
