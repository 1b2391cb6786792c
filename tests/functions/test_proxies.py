"""The TypeScript client's addresses: its bodies in, its words out, moto behind."""

import base64
from typing import Any

import boto3
import pytest

from character_identity import wiring
from character_identity.domain.failure import Failure
from character_identity.domain.generation import GeneratedImage
from tests.support.builders import (
    NO_LIMIT,
    NOON,
    a_generation,
    a_generation_job,
    a_training_identity,
    an_identity,
    different_images,
    some_weights,
)
from tests.support.handlers import Api

IMAGES = ["data:image/jpeg;base64," + base64.b64encode(image).decode() for image in different_images(8)]
IMAGE = IMAGES[0]
INSTANT, TRAINING = "/api/fal-instant-character-proxy", "/api/fal-lora-training-proxy"
STATUS, INFERENCE, ASTRIA = "/api/fal-lora-status-proxy", "/api/fal-lora-inference-proxy", "/api/astria-proxy"


@pytest.fixture(autouse=True)
def _keys(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = boto3.client("secretsmanager")
    for name in ("FAL", "ASTRIA"):
        secrets.create_secret(Name=name, SecretString="a key")
        monkeypatch.setenv(f"{name}_SECRET_NAME", name)


def a_tune(**changes: Any) -> dict[str, Any]:
    tune = {
        "title": "Character: Jane Doe",
        "name": "jane_doe",
        "base_tune_id": None,
        "branch": "fast",
        "images": [{"url": image} for image in IMAGES],
    }
    return {"action": "create_tune", "payload": {"tune": tune | changes}}


def test_a_lora_training_is_an_identity_of_ours(api: Api) -> None:
    body = {"images_data_url": IMAGES[:5], "steps": 1000, "trigger_word": "JANE_DOE"}
    answer = api("proxy_fal_lora_train", "POST", TRAINING, body)
    assert (answer.status, answer.body["status"]) == (200, "IN_QUEUE")
    identity = wiring.services().identity_table.get(answer.body["request_id"])
    assert (identity.provider, identity.name, identity.owner) == ("fal-lora", "JANE DOE", "ann")
    assert identity.trigger_word.startswith("JANE_DOE_")
    assert api("proxy_fal_lora_train", "POST", TRAINING, body).body == answer.body


@pytest.mark.parametrize(
    ("identity", "status"),
    [
        (a_training_identity(phase="queued", progress=15, settled_at=NOON), "queued"),
        (a_training_identity(phase="training", progress=40, settled_at=NOON), "in_progress"),
        (an_identity(weights=some_weights(), settled_at=NOON), "completed"),
        (an_identity(status="failed", error=Failure(code="c", message="no face"), settled_at=NOON), "failed"),
    ],
)
def test_a_status_is_one_of_the_clients_four_words(api: Api, identity: Any, status: str) -> None:
    wiring.services().identity_table.add(identity)
    answer = api("proxy_fal_lora_status", "GET", STATUS, query={"request_id": "i1"})
    assert (answer.status, answer.body["status"], answer.body["request_id"]) == (200, status, "i1")
    assert ("diffusers_lora_file" in answer.body) == (status == "completed")
    assert answer.body.get("error") == ("no face" if status == "failed" else None)


@pytest.mark.parametrize("query", [{"request_id": "nobodys"}, {"request_id": "bobs"}, {}])
def test_a_status_of_nothing_is_failed_and_still_200(api: Api, query: dict[str, str]) -> None:
    wiring.services().identity_table.add(an_identity(identity_id="bobs", owner="bob"))
    answer = api("proxy_fal_lora_status", "GET", STATUS, query=query)
    assert (answer.status, answer.body["status"]) == (200, "failed")
    assert answer.body["error"]


def test_trouble_of_our_own_is_no_reason_to_give_up_a_training(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABLE_NAME", "no-such-table")
    answer = api("proxy_fal_lora_status", "GET", STATUS, query={"request_id": "i1"})
    assert (answer.status, answer.body) == (200, {"status": "in_progress"})


def test_a_tune_is_an_identity_of_ours_and_the_mock_branch_is_left_out(api: Api) -> None:
    answer = api("proxy_astria", "POST", ASTRIA, a_tune())
    assert (answer.status, answer.body["trained_at"], len(answer.body["warnings"])) == (200, None, 1)
    identity = wiring.services().identity_table.get(answer.body["id"])
    assert (identity.provider, identity.name, identity.class_name) == ("astria", "Jane Doe", "person")
    own = api("proxy_astria_create_tune", "POST", "/api/astria/tunes", a_tune()["payload"])
    assert own.body["id"] == answer.body["id"]


@pytest.mark.parametrize("own_function", [True, False])
def test_tunes_and_prompts_read_as_the_client_reads_them(api: Api, own_function: bool) -> None:
    def read(action: str, path: str, **query: str) -> Any:
        if own_function:
            return api(f"proxy_astria_{action}", "GET", path).body
        return api("proxy_astria", "GET", ASTRIA, query={"action": action, **query}).body

    services = wiring.services()
    trained = an_identity(provider="astria", provider_model_id="7", settled_at=services.now())
    services.identity_table.add(trained)
    order = {"prompt": {"text": "Sarah runs", "num_images": 4, "negative_prompt": "blurry"}}
    prompt = api("proxy_astria_create_prompt", "POST", "/api/astria/tunes/i1/prompts", order).body
    assert prompt["text"] == "<lora:7:1> ohwx woman runs"
    assert (prompt["images"], prompt["warnings"]) == (
        [],
        ["negativePrompt was left out: Astria refuses one on Flux."],
    )
    image = GeneratedImage(index=1, outcome="succeeded", key="generations/i1/g1/01.jpg")
    generated = a_generation(provider="astria", status="succeeded", images=[image], settled_at=NOON)
    services.generation_table.add(generated, a_generation_job(), 10_000_000, NO_LIMIT)
    assert read("get_tune", "/api/astria/tunes/i1", tune_id="i1")["trained_at"]
    shown = read("get_prompt", "/api/astria/tunes/i1/prompts/g1", tune_id="i1", prompt_id="g1")
    assert "generations/i1/g1/01.jpg" in shown["images"][0]["url"]
    assert read("get_tune", "/api/astria/tunes/other", tune_id="other")["failed_at"]
    missing = read("get_prompt", "/api/astria/tunes/i1/prompts/other", tune_id="i1", prompt_id="other")
    assert missing["failed_at"]
    assert missing["images"] == []


@pytest.mark.parametrize(
    ("name", "path", "body", "code"),
    [
        ("proxy_fal_instant", INSTANT, {"prompt": "p", "reference_images": []}, "invalid_body"),
        ("proxy_fal_instant", INSTANT, {"prompt": " ", "reference_images": [IMAGE]}, "invalid_body"),
        ("proxy_fal_instant", INSTANT, {"prompt": "p", "reference_images": ["x"]}, "unknown_reference"),
        ("proxy_fal_lora_train", TRAINING, {"images_data_url": [IMAGE] * 4}, "too_few_references"),
        ("proxy_fal_lora_train", TRAINING, {"images_data_url": 7}, "invalid_body"),
        ("proxy_fal_lora_generate", INFERENCE, {"prompt": "p"}, "invalid_body"),
        ("proxy_astria", ASTRIA, {"action": "delete_everything"}, "unknown_action"),
        ("proxy_astria", ASTRIA, [], "unknown_action"),
        ("proxy_astria", ASTRIA, {"action": "create_tune"}, "invalid_body"),
        ("proxy_astria", ASTRIA, a_tune(images=[]), "too_few_references"),
    ],
)
def test_a_bad_body_gets_a_sentence_and_a_code(api: Api, name: str, path: str, body: Any, code: str) -> None:
    answer = api(name, "POST", path, body)
    assert (answer.status, answer.body["code"]) == (400, code)
    assert isinstance(answer.body["error"], str)


def test_a_missing_key_is_said_before_anything_else(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = boto3.client("secretsmanager")
    secrets.put_secret_value(SecretId="FAL", SecretString="not configured")
    answer = api("proxy_fal_instant", "POST", INSTANT, {"prompt": "p", "reference_images": [IMAGE]})
    assert (answer.status, answer.body["error"]) == (
        500,
        "Fal.ai Instant Character API key not configured on server.",
    )


def test_an_order_is_taken_though_nobody_can_tell_whether_there_is_a_key(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAL_SECRET_NAME", "of which Secrets Manager knows nothing")
    answer = api("proxy_fal_lora_train", "POST", TRAINING, {"images_data_url": IMAGES[:5]})
    assert (answer.status, answer.body["status"]) == (200, "IN_QUEUE")
