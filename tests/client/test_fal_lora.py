"""The Flux LoRA module: training, polls, the copy of the weights, pictures, failures."""

import logging
import re
from collections.abc import Mapping

import httpx
import pytest

from character_identity_client import (
    CharacterGenerationParams,
    CharacterIdentityResult,
    ProjectContext,
    ServiceFailed,
    configure,
)
from character_identity_client.fal_lora import (
    create_flux_lora_character_identity,
    generate_with_flux_lora,
    is_flux_lora_ready,
)
from tests.client.proxies import START, STATUS_TEXTS, Answer, Call, Proxies, references

TRAIN, STATUS = "POST /api/fal-lora-training-proxy", "GET /api/fal-lora-status-proxy"
GENERATE = "POST /api/fal-lora-inference-proxy"
WEIGHTS = "https://store.test/w.safetensors"
QUEUED = {"request_id": "r1", "status": "IN_QUEUE"}
COMPLETED = {"status": "completed", "diffusers_lora_file": {"url": WEIGHTS}}
PARAMS = CharacterGenerationParams(character_id="c", prompt="Sarah smiles", aspect_ratio="16:9", seed=3)
PROJECT = ProjectContext(project_id="p", user_id="u")


class Media:
    """A front end's storage that is full if so wanted."""

    def __init__(self, *, full: bool = False) -> None:
        self.full = full
        self.kept: list[tuple[str, str, bytes, str, str, dict[str, str]]] = []

    def upload_blob(
        self,
        project_id: str,
        user_id: str,
        blob: bytes,
        file_name: str,
        content_type: str,
        metadata: Mapping[str, str],
    ) -> str:
        if self.full:
            raise OSError("full")
        self.kept.append((project_id, user_id, blob, file_name, content_type, dict(metadata)))
        return "https://own.test/copy.safetensors"


def create(
    proxies: Proxies, *statuses: Answer, progress: list[float] | None = None
) -> CharacterIdentityResult:
    proxies.script(TRAIN, QUEUED)
    proxies.script(STATUS, statuses or COMPLETED)
    report = progress.append if progress is not None else None
    return create_flux_lora_character_identity("Sarah  Jane", references(5), report)


def failure(proxies: Proxies, *statuses: Answer, progress: list[float] | None = None) -> str:
    with pytest.raises(ServiceFailed) as caught:
        create(proxies, *statuses, progress=progress)
    return str(caught.value)


def test_a_training_is_ordered_and_waited_for(proxies: Proxies) -> None:
    progress: list[float] = []
    identity = create(proxies, {"status": "queued"}, {"status": "in_progress"}, COMPLETED, progress=progress)
    order = {"images_data_url": references(5), "steps": 1000, "trigger_word": "SARAH_JANE"}
    poll = Call("GET", "/api/fal-lora-status-proxy", {"request_id": "r1"})
    assert proxies.calls == [Call("POST", "/api/fal-lora-training-proxy", order), poll, poll, poll]
    assert proxies.slept == [10, 10, 10]
    assert progress == [5, 10, 20, 30, 31, 32, 33, 95, 100]
    assert re.fullmatch(rf"lora-char-{START.timestamp() * 1000:.0f}-\w+", identity.character_id)
    assert (identity.provider, identity.status) == ("fal-lora", "ready")
    assert (identity.model_url, identity.model_storage_url) == (WEIGHTS, WEIGHTS)
    assert identity.reference_urls == references(5)
    assert (identity.metadata.training_time, identity.metadata.cost) == (30_000, 2.0)
    assert identity.metadata.created_at == proxies.now


def test_the_other_name_of_the_weights_is_known_too(proxies: Proxies) -> None:
    assert create(proxies, {"status": "completed", "lora_file": {"url": WEIGHTS}}).model_url == WEIGHTS


def test_a_status_that_says_nothing_is_asked_again(proxies: Proxies) -> None:
    sorry = httpx.Response(503, json={"error": "Busy.", "code": "provider_unavailable"})
    assert create(proxies, sorry, {}, COMPLETED).model_url == WEIGHTS


def test_four_references_are_too_few(proxies: Proxies) -> None:
    progress: list[float] = []
    with pytest.raises(ServiceFailed) as caught:
        create_flux_lora_character_identity("Sarah", references(4), progress.append)
    assert str(caught.value) == "Flux LoRA training requires at least 5 reference images."
    assert (progress, proxies.calls) == ([], [])


@pytest.mark.parametrize(("answer", "reason"), STATUS_TEXTS)
def test_a_refused_training_is_reported(proxies: Proxies, answer: httpx.Response, reason: str) -> None:
    proxies.script(TRAIN, answer)
    progress: list[float] = []
    with pytest.raises(ServiceFailed) as caught:
        create_flux_lora_character_identity("Sarah", references(5), progress.append)
    assert str(caught.value) == f"Flux LoRA training failed: Fal.ai LoRA training API failed: {reason}"
    assert progress == [5, 10, 20, 100]


def test_an_order_without_an_id_is_not_waited_for(proxies: Proxies) -> None:
    proxies.script(TRAIN, {"status": "IN_QUEUE"})
    with pytest.raises(ServiceFailed) as caught:
        create_flux_lora_character_identity("Sarah", references(5))
    assert str(caught.value) == "Flux LoRA training failed: The answer holds no request_id."
    assert proxies.slept == []


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"status": "failed", "error": "No face was found."}, "LoRA training failed: No face was found."),
        ({"status": "failed"}, "LoRA training failed: Unknown error"),
        ({"status": "completed"}, "LoRA training timed out or returned no model URL."),
        (httpx.Response(200, text="<html>"), "The answer is not JSON."),
        (httpx.ConnectError("refused"), "refused"),
    ],
)
def test_a_training_that_ends_badly_is_reported(proxies: Proxies, status: Answer, reason: str) -> None:
    progress: list[float] = []
    assert failure(proxies, status, progress=progress) == f"Flux LoRA training failed: {reason}"
    assert progress[-1] == 100
    assert len(proxies.slept) == 1


def test_a_training_is_given_up_after_sixty_polls(proxies: Proxies) -> None:
    progress: list[float] = []
    error = failure(proxies, {"status": "in_progress"}, progress=progress)
    assert error == "Flux LoRA training failed: LoRA training timed out or returned no model URL."
    assert proxies.slept == [10] * 60
    assert progress == [5, 10, 20, 30, *(30 + poll / 60 * 60 for poll in range(1, 61)), 100]


def test_a_project_gets_its_own_copy_of_the_weights(proxies: Proxies) -> None:
    proxies.script(TRAIN, QUEUED)
    proxies.script(STATUS, COMPLETED)
    proxies.script(f"GET {WEIGHTS}", httpx.Response(200, content=b"weights"))
    media = Media()
    with proxies.session(media) as session:
        configure(session)
        identity = create_flux_lora_character_identity("Sarah Jane", references(5), context=PROJECT)
    assert identity.model_url == WEIGHTS
    assert identity.model_storage_url == "https://own.test/copy.safetensors"
    labels = {
        "characterId": identity.character_id,
        "characterName": "Sarah Jane",
        "triggerWord": "SARAH_JANE",
        "provider": "fal-lora",
        "type": "lora_model",
    }
    name = f"lora_Sarah_Jane_{proxies.now.timestamp() * 1000:.0f}.safetensors"
    assert media.kept == [("p", "u", b"weights", name, "application/octet-stream", labels)]
    assert proxies.tokens == ["Bearer a-token", "Bearer a-token", None]


@pytest.mark.parametrize(
    ("context", "media"), [(None, Media()), (ProjectContext(project_id="p"), Media()), (PROJECT, None)]
)
def test_without_a_project_or_a_storage_nothing_is_copied(
    proxies: Proxies, context: ProjectContext | None, media: Media | None
) -> None:
    proxies.script(TRAIN, QUEUED)
    proxies.script(STATUS, COMPLETED)
    with proxies.session(media) as session:
        configure(session)
        identity = create_flux_lora_character_identity("Sarah", references(5), context=context)
    assert identity.model_storage_url == WEIGHTS
    assert media is None or media.kept == []


@pytest.mark.parametrize(("status", "full"), [(200, True), (404, False)])
def test_a_copy_that_fails_does_not_fail_the_training(
    proxies: Proxies, caplog: pytest.LogCaptureFixture, status: int, full: bool
) -> None:
    proxies.script(TRAIN, QUEUED)
    proxies.script(STATUS, COMPLETED)
    proxies.script(f"GET {WEIGHTS}", httpx.Response(status, content=b"weights"))
    media = Media(full=full)
    with proxies.session(media) as session, caplog.at_level(logging.WARNING):
        configure(session)
        identity = create_flux_lora_character_identity("Sarah", references(5), context=PROJECT)
    assert identity.model_storage_url == WEIGHTS
    assert media.kept == []
    assert [record.message for record in caplog.records] == ["Failed to upload LoRA model, using direct URL"]


def test_an_image_is_generated_with_the_copy_of_the_weights(proxies: Proxies) -> None:
    identity = create(proxies).model_copy(update={"model_storage_url": "https://own.test/copy"})
    proxies.script(GENERATE, {"images": [{"url": "https://pictures.test/g.jpg"}]})
    progress: list[float] = []
    result = generate_with_flux_lora(PARAMS, identity, progress.append)
    body = {
        "lora_url": "https://own.test/copy",
        "prompt": "Sarah smiles",
        "image_size": "16:9",
        "num_images": 1,
        "guidance_scale": 7.5,
        "num_inference_steps": 30,
        "seed": 3,
    }
    assert proxies.calls[-1] == Call("POST", "/api/fal-lora-inference-proxy", body)
    assert (result.image_url, result.aspect_ratio) == ("https://pictures.test/g.jpg", "16:9")
    assert (result.metadata.provider, result.metadata.cost) == ("fal-lora", 0.06)
    assert progress == [10, 90, 100]


def test_without_a_copy_an_image_is_generated_with_the_weights_themselves(proxies: Proxies) -> None:
    identity = create(proxies).model_copy(update={"model_storage_url": None})
    proxies.script(GENERATE, {"images": [{"url": "https://pictures.test/g.jpg"}]})
    generate_with_flux_lora(PARAMS, identity)
    assert proxies.calls[-1].content["lora_url"] == WEIGHTS


def test_without_weights_there_is_no_image(proxies: Proxies) -> None:
    identity = create(proxies).model_copy(update={"model_url": None, "model_storage_url": None})
    progress: list[float] = []
    with pytest.raises(ServiceFailed) as caught:
        generate_with_flux_lora(PARAMS, identity, progress.append)
    assert str(caught.value) == "LoRA model URL is missing. Training may have failed."
    assert progress == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        *((answer, f"Fal.ai LoRA inference failed: {reason}") for answer, reason in STATUS_TEXTS),
        (httpx.Response(200, json={"images": []}), "Fal.ai LoRA inference returned no image URL."),
    ],
)
def test_an_image_that_fails_is_reported(proxies: Proxies, answer: httpx.Response, reason: str) -> None:
    identity = create(proxies)
    proxies.script(GENERATE, answer)
    with pytest.raises(ServiceFailed) as caught:
        generate_with_flux_lora(PARAMS, identity)
    assert str(caught.value) == f"Flux LoRA generation failed: {reason}"


def test_without_a_session_nothing_is_trained_or_generated(proxies: Proxies) -> None:
    identity = create(proxies)
    configure(None)
    for attempt in (
        lambda: create_flux_lora_character_identity("Sarah", references(5)),
        lambda: generate_with_flux_lora(PARAMS, identity),
    ):
        with pytest.raises(ServiceFailed) as caught:
            attempt()
        assert str(caught.value) == "Fal.ai LoRA API key is not configured."
    assert not is_flux_lora_ready("c", "r1")


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        (COMPLETED, True),
        ({"status": "in_progress"}, False),
        (httpx.Response(200, text="<html>"), False),
        (httpx.ConnectError("refused"), False),
    ],
)
def test_readiness_is_what_the_status_says(proxies: Proxies, status: Answer, ready: bool) -> None:
    proxies.script(STATUS, [status])
    assert is_flux_lora_ready("c", "r1") is ready
    assert proxies.calls == [Call("GET", "/api/fal-lora-status-proxy", {"request_id": "r1"})]


def test_without_a_request_nothing_is_ready(proxies: Proxies) -> None:
    assert not is_flux_lora_ready("c")
    assert proxies.calls == []
