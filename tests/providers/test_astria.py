import json
from dataclasses import replace
from typing import Any

import httpx
import jsonschema
import pytest

from character_identity.domain.errors import ProviderOutcomeUnknown, ProviderRejected, ProviderUnavailable
from character_identity.domain.job import JobHandle
from character_identity.ports import GenerationOrder, ReferencePicture, TrainingOrder
from character_identity.providers.astria import Astria, explain
from tests.builders import a_request, an_identity
from tests.providers.contracts import astria_schema
from tests.providers.test_fal_queue import StubKey

HANDLE = JobHandle(provider_job_id="788416")
PICTURES = [ReferencePicture(f"{n:04d}.jpg", f"https://b.test/{n}.jpg", lambda: b"jpeg") for n in range(1, 5)]
ORDER = TrainingOrder("Sarah [i1]", "woman", "SARAH", PICTURES, steps=1000)
SARAH = an_identity(provider="astria", provider_model_id="788416")


class Stub:
    """Astria as seen by the adapter: records requests, answers what was prepared."""

    def __init__(self, answer: httpx.Response | Exception, links_reach: bool = True) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer
        client = httpx.Client(transport=httpx.MockTransport(self._handle))
        self.adapter = Astria(client, StubKey("sd_key"), "https://astria.test/", links_reach)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def body(self) -> Any:
        return json.loads(self.requests[0].content)


def test_a_tune_is_a_flux_lora_of_a_class_word() -> None:
    stub = Stub(httpx.Response(201, json={"id": 788416}))
    assert stub.adapter.submit_training(ORDER) == HANDLE
    jsonschema.validate(stub.body(), astria_schema("tune"))
    assert stub.requests[0].headers["Authorization"] == "Bearer sd_key"
    assert str(stub.requests[0].url) == "https://astria.test/tunes"
    assert stub.body()["tune"] == {
        "title": "Sarah [i1]",
        "name": "woman",
        "base_tune_id": 1504944,
        "model_type": "lora",
        "token": "ohwx",
        "preset": "flux-lora-portrait",
        "image_urls": [picture.link for picture in PICTURES],
    }


def test_where_astria_cannot_reach_our_bucket_the_pictures_are_sent() -> None:
    stub = Stub(httpx.Response(201, json={"id": 788416}), links_reach=False)
    stub.adapter.submit_training(ORDER)
    content = stub.requests[0].content
    assert content.count(b'name="tune[images][]"') == 4
    assert b'name="tune[base_tune_id]"\r\n\r\n1504944' in content
    assert b"image_urls" not in content


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.ConnectError("refused"), ProviderUnavailable),
        (httpx.Response(429), ProviderUnavailable),
        (httpx.ReadTimeout("cut"), ProviderOutcomeUnknown),
        (httpx.Response(504, text="<html>"), ProviderOutcomeUnknown),
        (httpx.Response(201, json={}), ProviderOutcomeUnknown),
        (httpx.Response(422, json={"name": ["only English letters"]}), ProviderRejected),
        (httpx.Response(402, json={"error": "balance"}), ProviderRejected),
    ],
)
def test_what_a_failed_create_means(answer: httpx.Response | Exception, error: type[Exception]) -> None:
    with pytest.raises(error):
        Stub(answer).adapter.submit_training(ORDER)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (httpx.Response(200, json={"trained_at": None, "started_training_at": None}), "queued"),
        (
            httpx.Response(200, json={"trained_at": None, "started_training_at": "2026-11-22T10:00:00Z"}),
            "training",
        ),
        (httpx.Response(200, json={"trained_at": "2026-11-22T10:00:00Z"}), "trained"),
        (httpx.Response(404), "failed"),
    ],
)
def test_training_status(answer: httpx.Response, state: str) -> None:
    assert Stub(answer).adapter.training_status(HANDLE).state == state


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(429), httpx.Response(500), httpx.Response(200, text="x"), httpx.Response(200, json=[])],
)
def test_an_odd_status_is_only_unavailable(answer: httpx.Response) -> None:
    with pytest.raises(ProviderUnavailable):
        Stub(answer).adapter.training_status(HANDLE)


def test_a_prompt_goes_to_the_base_model_with_lora_tag_token_and_class() -> None:
    stub = Stub(httpx.Response(201, json={"id": 45}))
    order = GenerationOrder(SARAH, a_request(aspect_ratio="9:16", num_images=4), PICTURES)
    assert stub.adapter.submit_generation(order).provider_job_id == "45"
    jsonschema.validate(stub.body(), astria_schema("prompt"))
    assert stub.requests[0].url.path == "/tunes/1504944/prompts"
    assert stub.body()["prompt"] == {
        "text": "<lora:788416:1> ohwx woman runs through a corridor",
        "num_images": 4,
        "seed": 7,
        "aspect_ratio": "9:16",
    }


def test_what_astria_refuses_on_flux_is_not_sent_but_said() -> None:
    request = a_request(
        negative_prompt="blurry", guidance_scale=7.5, num_inference_steps=80, width=650, height=512
    )
    plan = Stub(httpx.Response(200)).adapter.plan(SARAH, request)
    assert "negative_prompt" not in plan.body
    assert (plan.body["cfg_scale"], plan.body["steps"], plan.body["w"], plan.body["h"]) == (4.9, 50, 648, 512)
    assert len(plan.warnings) == 3


def test_pictures_come_with_the_seeds_that_astria_counts_up() -> None:
    body = {"images": ["https://s3.test/a", "https://s3.test/b"], "cost_mc": 9200, "user_error": None}
    answer = Stub(httpx.Response(200, json=body)).adapter.generation_status(HANDLE, a_request())
    assert [(image.url, image.seed) for image in answer.images] == [
        ("https://s3.test/a", 7),
        ("https://s3.test/b", 8),
    ]
    assert answer.cost_usd == pytest.approx(0.092)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (httpx.Response(200, json={"images": [], "user_error": None}), "running"),
        (httpx.Response(200, json={"images": [], "user_error": "not allowed"}), "failed"),
        (httpx.Response(404), "failed"),
    ],
)
def test_generation_status(answer: httpx.Response, state: str) -> None:
    assert Stub(answer).adapter.generation_status(HANDLE, a_request()).state == state


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            {"text": ["must include `ohwx woman`"], "cfg_scale": ["a", "b"]},
            "text: must include `ohwx woman`; cfg_scale: a, b",
        ),
        (
            {"error": "Prompt is not using a fine-tuned model"},
            "error: Prompt is not using a fine-tuned model",
        ),
        ([], "no reason given"),
    ],
)
def test_astrias_reasons_are_one_line(body: Any, reason: str) -> None:
    assert explain(body) == reason


def test_the_mock_is_asked_only_when_the_operator_said_so_and_every_picture_says_it() -> None:
    stub = Stub(httpx.Response(201, json={"id": 788416}))
    stub.adapter.submit_training(replace(ORDER, mock=True))
    assert stub.body()["tune"]["branch"] == "fast"
    warnings = stub.adapter.plan(SARAH.model_copy(update={"mock": True}), a_request()).warnings
    assert warnings == ["Astria's mock was asked: the pictures do not show the character."]
    assert stub.adapter.plan(SARAH, a_request()).warnings == []
