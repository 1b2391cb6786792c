import hashlib
import json
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest

from character_identity.domain.errors import ProviderRejected
from character_identity.domain.job import JobHandle
from character_identity.outbound.safe_http import SafeHttpClient
from character_identity.ports.providers import GenerationOrder, ReferenceImage, TrainingOrder
from character_identity.providers.fal.flux_lora import FalFluxLora, training_archive
from character_identity.providers.fal.instant_character import FalInstantCharacter
from character_identity.providers.fal.platform import FalPlatform
from character_identity.providers.fal.queue import FalQueue
from tests.providers.contracts import assert_in_form, input_schema
from tests.providers.test_fal_queue import StubKey
from tests.support.builders import a_request, an_identity, some_weights
from tests.support.http import EVERYWHERE, scripted_client

HANDLE = JobHandle(provider_job_id="r1", status_url="https://q.test/s", result_url="https://q.test/r")
IMAGES = [
    ReferenceImage(f"{n:04d}.jpg", partial(str, f"https://b.test/{n}"), lambda: b"jpeg") for n in range(1, 6)
]


class Fal:
    """fal as seen by an adapter: records submits, answers a prepared status and result."""

    def __init__(self, status: dict[str, Any] | None = None, result: httpx.Response | None = None) -> None:
        self.submits: list[tuple[str, dict[str, Any]]] = []
        self.uploads: list[bytes] = []
        self._status = status or {"status": "COMPLETED"}
        self._result = result
        transport = httpx.MockTransport(self._answer)
        media = SafeHttpClient(EVERYWHERE, transport)
        client = scripted_client(self._answer)
        self.queue = FalQueue(client, StubKey(), "https://q.test", "https://rest.test", media)
        self.platform = FalPlatform(client, StubKey(), StubKey(), "https://platform.test")

    @property
    def instant(self) -> FalInstantCharacter:
        return FalInstantCharacter(self.queue, self.platform)

    def lora(self, *, can_fetch_our_urls: bool = True) -> FalFluxLora:
        return FalFluxLora(self.queue, self.platform, can_fetch_our_urls)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "PUT":
            self.uploads.append(request.content)
            return httpx.Response(200)
        if path == "/storage/upload/initiate":
            return httpx.Response(
                200, json={"upload_url": "https://up.test/u", "file_url": "https://f.test/up"}
            )
        if request.method == "POST":
            self.submits.append((path[1:], json.loads(request.content)))
            return httpx.Response(200, json={"request_id": "r1", "status": "IN_QUEUE"})
        if path == "/s":
            return httpx.Response(200, json=self._status)
        assert self._result is not None
        return self._result


def an_order(**request: Any) -> GenerationOrder:
    return GenerationOrder(
        identity=an_identity(weights=some_weights()),
        request=a_request(**request),
        weights_link="https://b.test/lora?signed",
    )


def valid(endpoint: str, body: dict[str, Any]) -> None:
    assert_in_form(body, {**input_schema(endpoint), "additionalProperties": False})


def test_instant_character_gets_one_uploaded_image() -> None:
    fal = Fal()
    images = fal.instant.images
    order = an_order(negative_prompt="blurry", aspect_ratio="16:9")
    images.submit(replace(order, reference_url=images.prepare(IMAGES)))
    ((endpoint, body),) = fal.submits
    valid(endpoint, body)
    assert endpoint == "fal-ai/instant-character"
    assert fal.uploads == [b"jpeg"]
    assert (body["image_url"], body["image_size"], body["negative_prompt"]) == (
        "https://f.test/up",
        "landscape_16_9",
        "blurry",
    )


@pytest.mark.parametrize(
    ("ratio", "size"),
    [
        ("1:1", "square_hd"),
        ("16:9", "landscape_16_9"),
        ("9:16", "portrait_16_9"),
        ("4:3", "landscape_4_3"),
        ("3:4", "portrait_4_3"),
    ],
)
def test_every_aspect_ratio_has_fals_name(ratio: str, size: str) -> None:
    plan = Fal().instant.images.plan(an_identity(), a_request(aspect_ratio=ratio))
    assert plan.body["image_size"] == size


def test_width_and_height_win_over_the_aspect_ratio() -> None:
    plan = Fal().instant.images.plan(an_identity(), a_request(width=640, height=512))
    assert plan.body["image_size"] == {"width": 640, "height": 512}


def test_flux_lora_gets_the_trigger_word_and_our_weights() -> None:
    fal = Fal()
    fal.lora().images.submit(an_order())
    ((endpoint, body),) = fal.submits
    valid(endpoint, body)
    assert endpoint == "fal-ai/flux-lora"
    assert body["prompt"] == "SARAH_I1 runs through a corridor"
    assert body["loras"] == [{"path": "https://b.test/lora?signed", "scale": 1}]


def test_where_fal_cannot_reach_our_bucket_it_reads_its_own_copy() -> None:
    fal = Fal()
    fal.lora(can_fetch_our_urls=False).images.submit(an_order())
    assert fal.submits[0][1]["loras"][0]["path"] == "https://v3.fal.media/lora.safetensors"


def test_flux_lora_without_weights_is_never_sent_as_plain_flux() -> None:
    fal = Fal()
    order = GenerationOrder(an_identity(weights=None), a_request())
    with pytest.raises(ProviderRejected):
        fal.lora().images.submit(order)
    assert fal.submits == []


def test_what_flux_does_not_take_is_said() -> None:
    request = a_request(negative_prompt="blurry", guidance_scale=40, num_inference_steps=80)
    plan = Fal().lora().images.plan(an_identity(), request)
    assert "negative_prompt" not in plan.body
    assert (plan.body["guidance_scale"], plan.body["num_inference_steps"]) == (35, 50)
    assert [warning.split()[0] for warning in plan.warnings] == [
        "guidanceScale",
        "numInferenceSteps",
        "negativePrompt",
    ]


def test_a_training_is_one_archive_with_its_trigger_word() -> None:
    fal = Fal()
    provider = fal.lora()
    archive_url = provider.training.prepare(IMAGES)
    provider.training.submit(TrainingOrder("t", "woman", "SARAH", IMAGES, 500, archive_url))
    ((endpoint, body),) = fal.submits
    valid(endpoint, body)
    assert endpoint == "fal-ai/flux-lora-fast-training"
    assert (body["images_data_url"], body["trigger_word"], body["steps"]) == (
        "https://f.test/up",
        "SARAH",
        500,
    )
    assert fal.uploads[0][:2] == b"PK"


def test_the_archive_is_the_same_bytes_for_the_same_images() -> None:
    images = [("0001.jpg", b"a"), ("0002.jpg", b"b")]
    digest = hashlib.sha256(training_archive(images)).hexdigest()
    assert digest == "5e19f6f95c8a3d919b736fea084f6d10528df30e80c3ac020fb00921d6b60850"
    assert training_archive(images) != training_archive(images[::-1])


LOGS: dict[str, tuple[Any, float | None]] = {
    "other work": (["Loading pipeline components...: 100%|####| 7/7", "saving checkpoint 1/4"], None),
    "its own steps": (["step 250/1000", "Loading pipeline components 7/7", "saving checkpoint 1/4"], 0.25),
    "other work that counts as far": (["step 250/1000", "caching latents 900/1000"], 0.25),
    "other steps": (["warm-up step 3/10", "validation step 5/5"], None),
    "a bar": ([" 30%|###       | 300/1000 [00:40<01:33,  7.50it/s]"], 0.3),
    "a bar that was drawn anew": (["\r 10%|#  | 100/1000\r 40%|#### | 400/1000\r"], 0.4),
    "all lines in one": ("Loading pipeline components 7/7\nstep 500/1000\nsaving checkpoint 2/4\n", 0.5),
    "a path": (["wrote out/300/1000/a.txt"], None),
    "a date": (["started 10/1000/2026"], None),
    "a very long number": ([f"{'9' * 5000}/1000"], None),
    "too far": (["step 1001/1000"], None),
    "no lines": ([None, 7, {"message": 7}, {}], None),
    "a line in place of lines": ("step 500/1000", 0.5),
}


@pytest.mark.parametrize(
    ("status", "result", "state", "fraction"),
    [
        ({"status": "IN_QUEUE"}, None, "queued", None),
        ({"status": "IN_PROGRESS", "logs": None}, None, "running", None),
        *(
            ({"status": "IN_PROGRESS", "logs": logs}, None, "running", fraction)
            for logs, fraction in LOGS.values()
        ),
        (
            {"status": "IN_PROGRESS", "logs": [{"message": "step 250/1000"}, {"message": "saving"}]},
            None,
            "running",
            0.25,
        ),
        (
            {"status": "COMPLETED"},
            httpx.Response(400, json={"detail": "Request is still in progress"}),
            "running",
            None,
        ),
        ({"status": "COMPLETED"}, httpx.Response(422, json={"detail": "bad archive"}), "failed", None),
        ({"status": "COMPLETED"}, httpx.Response(200, json={"config_file": {}}), "failed", None),
        (
            {"status": "COMPLETED"},
            httpx.Response(200, json={"diffusers_lora_file": {"url": "https://v3.fal.media/l"}}),
            "done",
            None,
        ),
    ],
)
def test_training_status(
    status: dict[str, Any], result: httpx.Response | None, state: str, fraction: float | None
) -> None:
    answer = Fal(status, result).lora().training.status(HANDLE, 1000)
    assert (answer.state, answer.fraction) == (state, fraction)


def a_result(**output: Any) -> httpx.Response:
    return httpx.Response(200, json=output, headers={"x-fal-billable-units": "2"})


def test_images_come_with_seed_flags_and_cost() -> None:
    result = a_result(
        images=[{"url": "https://v3.fal.media/1"}, {"url": "https://v3.fal.media/2", "width": None}],
        seed=9,
        has_nsfw_concepts=[False, True],
    )
    answer = Fal(result=result).instant.images.status(HANDLE, a_request())
    assert [(image.seed, image.filtered) for image in answer.images] == [(9, False), (9, True)]
    assert answer.cost_usd == pytest.approx(0.20)


@pytest.mark.parametrize(
    ("metrics", "timings", "took_s"),
    [
        ({"inference_time": 2.5}, {"inference": 2.3}, 2.5),
        ({}, {"inference": 2.3}, 2.3),
        ({"inference_time": "2.5"}, None, 2.5),
        (None, {"inference": -1}, None),
        ([2.5], "2.3", None),
    ],
)
def test_what_a_job_took_is_what_fal_says(metrics: Any, timings: Any, took_s: float | None) -> None:
    status = {"status": "COMPLETED", "metrics": metrics}
    result = a_result(images=[{"url": "https://v3.fal.media/1"}], timings=timings)
    answer = Fal(status, result).instant.images.status(HANDLE, a_request())
    assert answer.took_s == took_s


@pytest.mark.parametrize("output", [{}, {"images": []}, {"images": [{"width": 3}]}])
def test_a_result_without_images_is_a_failure(output: dict[str, Any]) -> None:
    answer = Fal(result=a_result(**output)).instant.images.status(HANDLE, a_request())
    assert (answer.state, answer.is_odd) == ("failed", True)


def test_estimates_follow_the_price_list() -> None:
    fal = Fal()
    assert fal.instant.images.estimate(a_request()).expected_usd == pytest.approx(0.10)
    assert fal.lora().images.estimate(a_request(num_images=2)).expected_usd == pytest.approx(0.07)
    assert fal.lora().training.estimate(500).expected_usd == pytest.approx(1.00)


@pytest.mark.parametrize(
    ("request_", "megapixels"),
    [
        ({}, 2),  # 1024 x 1024 are more than a million pixels
        ({"aspect_ratio": "16:9"}, 1),
        ({"num_images": 4}, 8),
        ({"width": 512, "height": 512}, 1),
        ({"width": 1000, "height": 1000}, 2),  # if sides are rounded up to 1008
        ({"width": 992, "height": 1008}, 1),
        ({"width": 2048, "height": 2048}, 5),
    ],
)
def test_a_ceiling_rounds_every_image_up(request_: dict[str, Any], megapixels: int) -> None:
    fal, request = Fal(), a_request(**request_)
    assert fal.instant.images.estimate(request).ceiling_usd == pytest.approx(0.10 * megapixels)
    assert fal.lora().images.estimate(request).ceiling_usd == pytest.approx(0.035 * megapixels)


@pytest.mark.parametrize(("steps", "usd"), [(1, 2), (500, 2), (1000, 2), (1001, 4), (10_000, 20)])
def test_a_ceiling_of_a_training_counts_started_thousands(steps: int, usd: float) -> None:
    assert Fal().lora().training.estimate(steps).ceiling_usd == usd
    assert Fal().instant.training is None


def test_the_cost_of_a_training_is_not_read_in_an_unknown_unit() -> None:
    result = a_result(diffusers_lora_file={"url": "https://v3.fal.media/l"})
    assert Fal(result=result).lora().training.status(HANDLE, 1000).cost_usd is None


def test_instant_character_has_no_trainings() -> None:
    provider = Fal().instant
    assert provider.training is None
    assert list(provider.jobs) == ["generation"]


@pytest.mark.parametrize(
    ("status", "units", "of_images", "of_training"),
    [
        (422, "0", 0, 0),
        (422, None, None, None),
        (422, "x", None, None),
        (422, "2", 0.20, None),
        (500, None, 0, 0),
        (504, None, 0, 0),
        (500, "1", 0.10, None),
    ],
)
def test_what_fal_bills_of_a_failure_is_what_it_says(
    status: int, units: str | None, of_images: float | None, of_training: float | None
) -> None:
    headers = {"x-fal-request-id": "r1"} | ({} if units is None else {"x-fal-billable-units": units})
    fal = Fal(result=httpx.Response(status, json={"detail": "bad"}, headers=headers))
    drawn, trained = fal.instant.images.status(HANDLE, a_request()), fal.lora().training.status(HANDLE, 1000)
    assert (drawn.state, trained.state) == ("failed", "failed")
    assert not (drawn.is_odd or trained.is_odd)
    assert (drawn.cost_usd, trained.cost_usd) == (of_images, of_training)
