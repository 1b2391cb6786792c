"""From the id of one request to every line of the job that it ordered."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from scripts.logs import lines_about
from tests.system.conftest import ENOUGH, Running

pytestmark = pytest.mark.processes

LATE_S = 8.0
"""After the training has ended at the provider. The first poll comes some five seconds after the order, so on
a machine that is not busy the callback is the last to come."""
ALWAYS = ("correlation_id", "job_id", "provider")


@pytest.fixture
def late_callbacks(running_system: Running) -> Iterator[None]:
    settings = running_system.providers.get("/control/settings").raise_for_status().json()
    running_system.providers.post("/control/settings", json={"fal_webhook_delay_s": LATE_S})
    yield
    running_system.providers.post("/control/settings", json=settings).raise_for_status()


def ordered(running: Running, path: str, body: dict[str, Any]) -> tuple[str, Any]:
    """Make an order; the id of the request, and the answer."""
    headers = {"Authorization": f"Bearer {running.system.token}"}
    answer = httpx.post(f"{running.system.api_url}{path}", json=body, headers=headers, timeout=30)
    return answer.raise_for_status().headers["X-Request-Id"], answer.json()


def logged(running: Running, request_id: str, *functions: str) -> list[dict[str, Any]]:
    """The lines that name a request, once each of these functions has written one."""
    deadline = time.monotonic() + 60
    while True:
        lines = lines_about(request_id, running.system.logs)
        missing = {*functions} - {line["function"] for line in lines}
        if not missing:
            return lines
        assert time.monotonic() < deadline, f"no line of {missing}"
        time.sleep(0.2)


@pytest.mark.usefixtures("late_callbacks")
def test_a_training_whose_callback_came_late(running_system: Running) -> None:
    keys = running_system.api.upload_references(running_system.people["Eileen"][:ENOUGH])
    body = {"name": "Late Eileen", "provider": "fal-lora", "references": keys}
    request_id, identity = ordered(running_system, "/v1/identities", body)
    assert running_system.api.wait_until_ready(identity["characterId"], timeout_s=60).status == "ready"

    lines = logged(
        running_system,
        request_id,
        "create_identity",
        "prepare_training",
        "submit_training",
        "wait_for_callback",
        "check_training",
        "store_weights",
        "record_training",
        "receive_fal_callback",
    )
    first, *later = [line for line in lines if line["function"] != "analyze_images"]  # before there is a job
    assert first["function"] == "create_identity"
    for line in later:
        assert [line[key] for key in ALWAYS] == [request_id, first["job_id"], "fal-lora"]
    (callback,) = [line for line in lines if line["function"] == "receive_fal_callback"]
    assert callback["request_id"] != request_id
    assert "Late Eileen" not in str(lines)
    assert "X-Amz-Signature" not in str(lines)


def test_a_generation_and_its_scores(running_system: Running) -> None:
    keys = running_system.api.upload_references(running_system.people["Eileen"][:1])
    identity = running_system.api.create_identity("Eileen", "fal-instant", keys)
    prompt = "Eileen reads an unmistakable letter"
    path = f"/v1/identities/{identity.character_id}/generations"
    request_id, generation = ordered(running_system, path, {"prompt": prompt})
    running_system.api.wait_until_scored(generation["generationId"], timeout_s=60)

    tasks = (
        "prepare_generation",
        "submit_generation",
        "wait_for_callback",
        "check_generation",
        "store_images",
    )
    lines = logged(
        running_system, request_id, "create_generation", *tasks, "record_generation", "score_image"
    )
    scored = next(line for line in lines if line["function"] == "score_image" and line["message"] == "scored")
    assert [scored[key] for key in ALWAYS] == [
        request_id,
        f"generation-{generation['generationId']}",
        "fal-instant",
    ]
    assert "unmistakable" not in str(lines)
