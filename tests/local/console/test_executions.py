from datetime import UTC, datetime
from typing import Any

from local.console.executions import steps_of
from local.console.masking import HIDDEN, masked
from local.console.rows import overview

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)


def entered(state: str, given: str = "{}") -> dict[str, Any]:
    details = {"name": state, "input": given}
    return {"type": "TaskStateEntered", "timestamp": AT, "stateEnteredEventDetails": details}


def left(state: str, made: str = "{}") -> dict[str, Any]:
    details = {"name": state, "output": made}
    return {"type": "TaskStateExited", "timestamp": AT, "stateExitedEventDetails": details}


def test_each_visit_of_a_state_is_a_step_with_its_failures() -> None:
    failed = {
        "type": "TaskFailed",
        "timestamp": AT,
        "taskFailedEventDetails": {"error": "ProviderUnavailable", "cause": "503"},
    }
    history = [entered("A", '{"x": 1}'), failed, left("A", "no JSON"), entered("A"), left("A"), entered("B")]

    first, second, last = steps_of(iter([{"type": "ExecutionStarted", "timestamp": AT}, *history]))

    assert (first["input"], first["output"]) == ({"x": 1}, "no JSON")
    assert first["failures"] == ["TaskFailed: ProviderUnavailable 503"]
    assert second["failures"] == []
    assert (last["state"], last["leftAt"]) == ("B", None)


def test_nothing_is_shown_that_lets_its_reader_do_something() -> None:
    said = masked(
        {
            "wake_token": "AAA",
            "callbackToken": "",
            "inner": [{"secretAccessKey": "s"}, "see https://a.test/x.png?X-Amz-Signature=abc&b=1 there"],
            "header": "Authorization: Bearer eyJhbGciOi.abc",
            "count": 3,
        }
    )

    assert said == {
        "wake_token": HIDDEN,
        "callbackToken": "",
        "inner": [{"secretAccessKey": HIDDEN}, f"see https://a.test/x.png?{HIDDEN} there"],
        "header": f"Authorization: Bearer {HIDDEN}",
        "count": 3,
    }


def test_rows_are_told_by_kind_and_without_their_secrets() -> None:
    lease = {"job_id": "training-b", "until": "2026-11-28T13:00:00Z"}
    job = {
        "job_id": "training-a",
        "kind": "training",
        "accepted_at": "1",
        "callback_token": "s",
        "cost": None,
    }
    found = overview(
        [
            {"pk": "JOB#training-a", "sk": "JOB", **job},
            {"pk": "JOB#training-c", "sk": "JOB", "job_id": "training-c", "accepted_at": "2"},
            {"pk": "BUDGET#me", "sk": "2026-11", "reserved": 5},
            {"pk": "BUDGET#me", "sk": "LIMIT", "limit_microusd": 1},
            {"pk": "SLOTS#fal", "sk": "SLOTS", "version": 1, "holders": [lease]},
            {"pk": "SLOTS#fal", "sk": "WAITING#training-c", "job_id": "training-c"},
            {"pk": "EVENT#e", "sk": "EVENT", "event_id": "e", "type": "IdentityReady"},
            {"pk": "EVENT#e", "sk": "DELIVERY#w"},
            {"pk": "IDENTITY#i", "sk": "IDENTITY"},
        ]
    )

    assert [job["job_id"] for job in found["jobs"]] == ["training-c", "training-a"]
    assert "callback_token" not in found["jobs"][1]
    assert found["budgets"] == [{"owner": "me", "month": "2026-11", "reserved": 5}]
    assert [(slot["job_id"], slot["has"]) for slot in found["slots"]] == [
        ("training-b", "a slot"),
        ("training-c", "to wait"),
    ]
    assert found["events"] == [{"event_id": "e", "type": "IdentityReady"}]
