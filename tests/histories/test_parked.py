"""Paid results on a host that is new to us: left there, told to the operator, fetched once it is allowed."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from tests.support.in_process.harness import Harness, harness

WEEK_S = 7 * 24 * 3600
ELSEWHERE = {"MEDIA_HOSTS": "elsewhere.test"}
ALLOWED = {"MEDIA_HOSTS": "media.localhost"}


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    with harness(monkeypatch) as ready:
        ready.change(**ELSEWHERE)
        yield ready


def _trained(inside: Harness, provider: str) -> str:
    order = {"name": "Sarah", "provider": provider, "className": "woman", "references": inside.uploads(5)}
    if provider == "fal-instant":
        order["references"] = order["references"][:1]
    return str(inside.call("create_identity", "POST", "/v1/identities", order).body["characterId"])


def _ordered(inside: Harness, count: int = 2) -> str:
    path = f"/v1/identities/{_trained(inside, 'fal-instant')}/generations"
    order = {"prompt": "Sarah runs", "numImages": count}
    generation_id = inside.call("create_generation", "POST", path, order).body["generationId"]
    inside.let_pass(400)  # links may recover for three minutes
    return str(generation_id)


def _shown(inside: Harness, generation_id: str) -> dict[str, Any]:
    body: dict[str, Any] = inside.call("get_generation", "GET", f"/v1/generations/{generation_id}").body
    return body


def _events(inside: Harness) -> list[str]:
    with inside.faulty_transport.unwatched():
        rows = boto3.resource("dynamodb").Table("state").scan()["Items"]
    types = [str(row["type"]) for row in rows if row["sk"] == "EVENT"]
    return [kind for kind in types if kind.startswith("Generation")]


def test_paid_images_are_fetched_once_their_host_is_allowed(
    inside: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    generation_id = _ordered(inside)
    body = _shown(inside, generation_id)
    assert (body["status"], body["error"]) == ("running", None)
    assert [(image["outcome"], image["imageUrl"]) for image in body["images"]] == [("parked", None)] * 2
    assert "media.localhost" in body["images"][0]["reason"]
    assert inside.executions.by_name[generation_id].at == "GenerationParked"
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "ParkedResults" in line]
    assert told, "the operator is told"

    inside.change(**ALLOWED)
    inside.run()
    body = _shown(inside, generation_id)
    assert body["status"] == "succeeded"
    assert [image["outcome"] for image in body["images"]] == ["succeeded"] * 2
    assert [key.rpartition("/")[2] for key in inside.stored_keys() if generation_id in key] == [
        "01.jpg",
        "02.jpg",
    ]
    assert _events(inside) == ["GenerationCompleted"]
    assert len(inside.paid()) == 1
    assert inside.open_work() == []


def test_what_is_never_allowed_has_failed_after_a_week_and_was_paid(inside: Harness) -> None:
    generation_id = _ordered(inside)
    inside.let_pass(WEEK_S - 3600)
    assert _shown(inside, generation_id)["status"] == "running"
    inside.run()
    body = _shown(inside, generation_id)
    assert (body["status"], body["error"]["code"]) == ("failed", "no_image")
    assert "7 days" in body["error"]["message"]
    assert body["metadata"]["cost"] > 0
    assert (_events(inside), inside.open_work()) == (["GenerationFailed"], [])


def test_weights_are_fetched_once_their_host_is_allowed(inside: Harness) -> None:
    identity_id = _trained(inside, "fal-lora")
    inside.let_pass(600)
    body = inside.call("get_identity", "GET", f"/v1/identities/{identity_id}").body
    assert (body["status"], body["phase"], body["error"]) == ("training", "parked", None)
    inside.change(**ALLOWED)
    inside.run()
    body = inside.call("get_identity", "GET", f"/v1/identities/{identity_id}").body
    assert (body["status"], body["phase"]) == ("ready", "ready")
    assert len(inside.paid()) == 1


def test_weights_that_are_never_allowed_are_lost_after_a_week(inside: Harness) -> None:
    identity_id = _trained(inside, "fal-lora")
    inside.let_pass(WEEK_S + 7200)
    inside.run()
    body = inside.call("get_identity", "GET", f"/v1/identities/{identity_id}").body
    assert (body["status"], body["error"]["code"]) == ("failed", "weights_lost")
    assert inside.open_work() == []


def test_what_is_parked_can_be_cancelled_and_erased(inside: Harness) -> None:
    trained, generation_id = _trained(inside, "fal-lora"), _ordered(inside)
    inside.let_pass(300)
    inside.call("cancel_identity", "POST", f"/v1/identities/{trained}/cancel")
    drawn = _shown(inside, generation_id)["characterId"]
    inside.call("erase_identity", "DELETE", f"/v1/identities/{drawn}")
    inside.run()
    assert inside.call("get_generation", "GET", f"/v1/generations/{generation_id}").status == 404
    body = inside.call("get_identity", "GET", f"/v1/identities/{trained}").body
    assert (body["status"], body["error"]["code"]) == ("failed", "cancelled")
    assert (inside.open_work(), len(inside.paid())) == ([], 2)
