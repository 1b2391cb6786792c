"""Options of a call of fal beside the model's input, and fal's limits."""

import json
from typing import Any

import pytest

from tests.support.simulators import FAL_KEY, QUEUE, RUN, Simulation

FLUX, LORA = "fal-ai/flux/dev", "fal-ai/flux-lora"
PROMPT = {"prompt": "x", "image_size": "square"}
TIMEOUT = {"X-Fal-Request-Timeout": "30.0"}


def submit(simulator: Simulation, endpoint: str = FLUX, **request: Any) -> dict[str, Any]:
    return dict(simulator.fal("POST", f"{QUEUE}/{endpoint}", json=PROMPT, **request).json())


def test_a_job_that_starts_too_late_times_out(simulator: Simulation) -> None:
    simulator.arm("fal.submit", "stuck")
    job = submit(simulator, headers=TIMEOUT)
    simulator.clock.advance(29)
    assert simulator.fal("GET", job["status_url"]).json()["status"] == "IN_QUEUE"
    simulator.clock.advance(1)
    assert simulator.fal("GET", job["status_url"]).json()["error_type"] == "request_timeout"
    result = simulator.fal("GET", job["response_url"])
    assert (result.status_code, result.json()["error_type"]) == (504, "request_timeout")
    assert result.headers["x-fal-request-timeout-type"] == "user"
    assert [call["cost_usd"] for call in simulator.ledger()] == [0]


def test_a_job_that_starts_in_time_may_take_longer(simulator: Simulation) -> None:
    simulator.change(generation_s=100)
    job = submit(simulator, headers=TIMEOUT)
    simulator.clock.advance(101)
    assert simulator.fal("GET", job["response_url"]).status_code == 200


@pytest.mark.parametrize(("headers", "waited_s", "kind"), [(TIMEOUT, 30, "user"), ({}, 3600, None)])
def test_a_synchronous_call_that_never_starts_times_out(
    simulator: Simulation, headers: dict[str, str], waited_s: float, kind: str | None
) -> None:
    simulator.arm("fal.run", "stuck")
    before = simulator.clock.now()
    reply = simulator.fal("POST", f"{RUN}/{FLUX}", json=PROMPT, headers=headers)
    assert (reply.status_code, reply.headers.get("x-fal-request-timeout-type")) == (504, kind)
    assert (simulator.clock.now() - before).total_seconds() == waited_s


def test_a_queue_is_as_long_as_the_caller_allows(simulator: Simulation) -> None:
    submit(simulator)
    submit(simulator)
    url, limit = f"{QUEUE}/{FLUX}", {"fal_max_queue_length": "2"}
    assert simulator.fal("POST", url, json=PROMPT, params=limit).status_code == 429
    assert "request_id" in submit(simulator, LORA, params=limit)
    simulator.clock.advance(1)
    assert simulator.fal("POST", url, json=PROMPT, params=limit).status_code == 200
    assert len(simulator.ledger()) == 4


def test_outputs_last_as_long_as_the_caller_says(simulator: Simulation) -> None:
    lifecycle = {"X-Fal-Object-Lifecycle-Preference": '{"expiration_duration_seconds": 60}'}
    job = submit(simulator, headers=lifecycle)
    simulator.let_pass(3)
    url = simulator.fal("GET", job["response_url"]).json()["images"][0]["url"]
    assert simulator.call("GET", url).status_code == 200
    simulator.clock.advance(60)
    assert simulator.call("GET", url).status_code == 404


@pytest.mark.parametrize(
    "request_", [{"headers": {"X-Fal-Request-Timeout": "soon"}}, {"params": {"fal_max_queue_length": "-1"}}]
)
def test_options_that_make_no_sense_are_refused(simulator: Simulation, request_: dict[str, Any]) -> None:
    reply = simulator.fal("POST", f"{QUEUE}/{FLUX}", json=PROMPT, **request_)
    assert (reply.status_code, reply.json()["error_type"]) == (400, "bad_request")
    assert simulator.ledger() == []


def test_the_ledger_keeps_the_headers_that_matter(simulator: Simulation) -> None:
    headers = {"X-Fal-Store-IO": "0", "x-app-fal-disable-fallback": "true", "X-Other": "1"}
    submit(simulator, headers=headers)
    simulator.fal("POST", f"{RUN}/{FLUX}", json=PROMPT, headers={"X-Fal-No-Retry": "1"})
    assert [call["headers"] for call in simulator.ledger()] == [
        {"x-fal-store-io": "0", "x-app-fal-disable-fallback": "true"},
        {"x-fal-no-retry": "1"},
    ]


def test_more_synchronous_calls_at_once_than_allowed_are_refused(simulator: Simulation) -> None:
    def call_at_once(count: int) -> list[int]:
        calls = [("POST", f"{RUN}/{FLUX}", {"json": PROMPT, "headers": FAL_KEY})] * count
        return sorted(reply.status_code for reply in simulator.call_together(calls))

    assert call_at_once(3) == [200, 200, 429]
    assert call_at_once(2) == [200, 200]
    simulator.change(fal_concurrency=0)
    reply = simulator.fal("POST", f"{RUN}/{FLUX}", json=PROMPT)
    assert (reply.json()["error_type"], reply.headers["x-fal-needs-retry"]) == (
        "concurrent_requests_limit",
        "1",
    )
    assert len(simulator.ledger()) == 4


LIFECYCLES = [
    "60",
    '{"expiration_duration_seconds": "60"}',
    '{"expiration_duration_seconds": -1}',
    '{"expiration_duration_seconds": true}',
    '{"expires_in": 60}',
    '{"initial_acl": "hide"}',
    '{"initial_acl": {"default": "nobody"}}',
    '{"initial_acl": {"rules": [{"user": "ann"}]}}',
]


@pytest.mark.parametrize("lifecycle", LIFECYCLES)
def test_a_lifecycle_that_makes_no_sense_is_refused(simulator: Simulation, lifecycle: str) -> None:
    headers = {"X-Fal-Object-Lifecycle-Preference": lifecycle}
    reply = simulator.fal("POST", f"{QUEUE}/{FLUX}", json=PROMPT, headers=headers)
    assert (reply.status_code, simulator.ledger()) == (400, [])


def test_an_acl_is_a_lifecycle_too(simulator: Simulation) -> None:
    acl = {"default": "forbid", "rules": [{"user": "ann", "decision": "allow"}]}
    headers = {"X-Fal-Object-Lifecycle-Preference": json.dumps({"initial_acl": acl})}
    assert "request_id" in submit(simulator, headers=headers)


def test_the_lifecycle_of_uploads_says_nothing_about_outputs(simulator: Simulation) -> None:
    headers = {"X-Fal-Object-Lifecycle": '{"expiration_duration_seconds": 60}'}
    assert "request_id" not in submit(simulator, headers=headers)
    simulator.change(strict=False)
    submit(simulator, headers=headers)
    simulator.let_pass(3)
    [file] = simulator.files("fal")
    assert file["expires_at"] is None


def test_the_files_that_are_kept_are_shown(simulator: Simulation) -> None:
    submit(simulator, headers={"X-Fal-Object-Lifecycle-Preference": '{"expiration_duration_seconds": 60}'})
    simulator.let_pass(0)
    [file] = simulator.files("fal")
    assert (file["content_type"], file["expires_at"]) == ("image/jpeg", "2026-11-22T10:01:00.000Z")
    assert file["size_bytes"] > 1000
    simulator.clock.advance(60)
    assert simulator.files("fal") == []
