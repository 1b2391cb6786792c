"""From reference images to scored pictures, over HTTP, against the running system."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from io import BytesIO

import httpx
import pytest
from PIL import Image

from character_identity_client import ApiClient, ApiError, Generation, Identity, JobFailed
from tests.support.manifests import read
from tests.support.waiting import HANGS_AFTER_S
from tests.system.conftest import ENOUGH, Running

pytestmark = pytest.mark.processes

PROMPT = "Close-up portrait of Eileen, soft studio lighting"
COUNTS = {"fal-instant": 3, "fal-lora": 8, "astria": 8}
TRAININGS = {"fal-instant": [], "fal-lora": ["fal-ai/flux-lora-fast-training"], "astria": ["tunes"]}


@pytest.fixture(scope="module")
def a_cat(running_system: Running) -> str:
    """The id of another character."""
    keys = running_system.api.upload_references(running_system.people["Chelsea"][:1])
    return running_system.api.create_identity("Chelsea", "fal-instant", keys, class_name="cat").character_id


def made(running: Running, provider: str, count: int) -> str:
    """The id of an identity, not yet waited for."""
    keys = running.api.upload_references(running.people["Eileen"][:count])
    return running.api.create_identity("Eileen", provider, keys, class_name="woman").character_id


@dataclass(frozen=True)
class Drawn:
    """A ready identity, and a picture of it that is scored."""

    identity: Identity
    generation: Generation


@pytest.fixture(scope="module")
def drawn(running_system: Running) -> Callable[[str], Drawn]:
    """Makes an identity of a provider, and draws it, the first time that it is asked for."""

    @cache
    def draw(provider: str) -> Drawn:
        api = running_system.api
        identity_id = made(running_system, provider, COUNTS[provider])
        identity = api.wait_until_ready(identity_id, timeout_s=HANGS_AFTER_S)
        order = api.generate(identity_id, PROMPT, seed=11, aspect_ratio="4:3")
        return Drawn(identity, api.wait_until_scored(order.generation_id, timeout_s=HANGS_AFTER_S))

    return draw


@pytest.mark.parametrize("provider", COUNTS)
def test_an_identity_is_made_generated_and_scored(
    running_system: Running, provider: str, drawn: Callable[[str], Drawn]
) -> None:
    identity, generation = drawn(provider).identity, drawn(provider).generation
    assert (identity.status, identity.phase, identity.progress) == ("ready", "ready", 100)

    (image,) = generation.images
    assert (image.outcome, image.seed) == ("succeeded", 11)
    assert image.image_url is not None
    content = httpx.get(image.image_url).content
    with Image.open(BytesIO(content)) as picture:
        content_type = Image.MIME[str(picture.format)]
        assert picture.size == (image.width, image.height)
        assert picture.width / picture.height == pytest.approx(4 / 3, rel=0.02)
    assert read(content, content_type).state == "Valid"  # signed by whom this test knows nothing of
    (score,) = image.scores
    assert -1 <= score.mean <= score.best <= 1
    assert score.weights_sha256
    assert (image.clip_similarity is None) == (score.encoder != "clip-vit-b32")
    assert score.face_identity is not None
    assert score.face_identity.encoder == "face-dlib-resnet-v1"
    assert (score.face_identity.mean is None) == (score.face_identity.not_scored is not None)

    machines = {"generate_images": generation.generation_id}
    if TRAININGS[provider]:
        machines["train_identity"] = identity.character_id
    assert {running_system.ended(*machine)["status"] for machine in machines.items()} == {"SUCCEEDED"}


def test_trained_weights_are_ours(drawn: Callable[[str], Drawn]) -> None:
    identity = drawn("fal-lora").identity
    assert identity.model_storage_url is not None
    weights = httpx.get(identity.model_storage_url).content
    header = json.loads(weights[8 : 8 + int.from_bytes(weights[:8], "little")])
    assert any("lora_A" in name for name in header)


def test_every_order_is_paid_once_and_carries_the_character(running_system: Running) -> None:
    api, name = running_system.api, "Amelia Unmistakable"
    keys = api.upload_references(running_system.people["Eileen"][:ENOUGH])
    identity = api.create_identity(name, "fal-lora", keys, class_name="woman")
    api.wait_until_ready(identity.character_id, timeout_s=HANGS_AFTER_S)
    order = api.generate(identity.character_id, f"{name} on a boat", seed=3)
    api.wait_until_generated(order.generation_id, timeout_s=HANGS_AFTER_S)
    assert running_system.paid("AMELIA_UNMISTAKABLE") == [
        "fal-ai/flux-lora-fast-training",
        "fal-ai/flux-lora",
    ]


@pytest.mark.parametrize("provider", COUNTS)
def test_an_image_is_more_like_its_own_references_than_another_characters(
    running_system: Running, provider: str, drawn: Callable[[str], Drawn], a_cat: str
) -> None:
    api, own = running_system.api, drawn(provider)
    (image,) = own.generation.images
    pictures = [(own.generation.generation_id, 1)]
    with_own, with_other = (
        api.compare(pictures, identity_id=each) for each in (own.identity.character_id, a_cat)
    )
    assert with_own.images[0].scores == image.scores, "the same number at once as by the queue"
    assert with_own.stand_in == (with_own.encoder != "clip-vit-b32")
    assert with_own.images[0].scores[0].mean > with_other.images[0].scores[0].mean


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"Authorization": "Bearer forged"}, 403), ({"Authorization": "Basic x"}, 403)],
)
def test_nobody_comes_in_without_a_token(
    running_system: Running, headers: dict[str, str], status: int
) -> None:
    answer = httpx.get(f"{running_system.system.api_url}/v1/identities", headers=headers)
    assert answer.status_code == status


def test_a_training_that_the_provider_fails_ends_failed_and_says_why(running_system: Running) -> None:
    detail = [
        {"loc": ["body", "images_data_url"], "msg": "No face was found.", "type": "face_detection_error"}
    ]
    running_system.arm(
        operation="fal.submit", kind="fail", path="fast-training", status=422, body={"detail": detail}
    )
    identity_id = made(running_system, "fal-lora", ENOUGH)
    with pytest.raises(JobFailed) as caught:
        running_system.api.wait_until_ready(identity_id, timeout_s=HANGS_AFTER_S)
    assert caught.value.code == "training_failed"
    assert "No face was found." in caught.value.message
    execution = running_system.ended("train_identity", identity_id)
    assert (execution["status"], execution["error"]) == ("FAILED", "training_failed")
    with pytest.raises(ApiError) as refused:
        running_system.api.generate(identity_id, PROMPT)
    assert (refused.value.status, refused.value.code) == (409, "identity_failed")


def test_a_submit_whose_answer_was_lost_is_found_by_its_webhook_and_not_paid_twice(
    running_system: Running,
) -> None:
    running_system.arm(operation="fal.submit", kind="cut", accepted=True, path="fast-training")
    keys = running_system.api.upload_references(running_system.people["Eileen"][:ENOUGH])
    identity = running_system.api.create_identity("Bertha Lost", "fal-lora", keys)
    found = running_system.api.wait_until_ready(identity.character_id, timeout_s=HANGS_AFTER_S)
    assert found.model_storage_url is not None
    assert len(running_system.paid("BERTHA_LOST")) == 1


def test_a_provider_that_is_busy_is_asked_again(running_system: Running) -> None:
    running_system.arm(operation="fal.submit", kind="reply", status=429, path="fast-training", times=2)
    identity = running_system.api.wait_until_ready(
        made(running_system, "fal-lora", ENOUGH), timeout_s=HANGS_AFTER_S
    )
    assert identity.status == "ready"


def test_a_blanked_image_is_filtered_and_not_scored(running_system: Running) -> None:
    identity_id = made(running_system, "fal-instant", 1)
    running_system.arm(operation="fal.submit", kind="blocked", path="instant-character")
    order = running_system.api.generate(identity_id, PROMPT)
    with pytest.raises(JobFailed) as caught:
        running_system.api.wait_until_generated(order.generation_id, timeout_s=HANGS_AFTER_S)
    assert caught.value.code == "filtered"
    assert [image.outcome for image in running_system.api.get_generation(order.generation_id).images] == [
        "filtered"
    ]


def test_the_preflight_of_a_browser_is_answered(running_system: Running) -> None:
    headers = {
        "Origin": "https://film.example.test",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = httpx.options(f"{running_system.system.api_url}/v1/identities", headers=headers)
    assert answer.is_success
    assert answer.headers["access-control-allow-origin"] in {"*", "https://film.example.test"}


def test_what_no_route_takes_is_told_so_without_a_token(running_system: Running) -> None:
    url = running_system.system.api_url
    wrong_method = httpx.put(f"{url}/v1/identities", timeout=HANGS_AFTER_S)
    assert (wrong_method.status_code, wrong_method.json()["code"]) == (405, "method_not_allowed")
    assert wrong_method.headers["Allow"] == "POST, GET"
    nowhere = httpx.get(f"{url}/v1/nothing", timeout=HANGS_AFTER_S)
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "unknown_route")


def test_another_owner_finds_nothing(running_system: Running) -> None:
    identity_id = made(running_system, "fal-instant", 1)
    token = running_system.system.token_for("somebody-else")
    with ApiClient(running_system.system.api_url, token) as other, pytest.raises(ApiError) as caught:
        other.get_identity(identity_id)
    assert (caught.value.status, caught.value.code) == (404, "unknown_identity")


def test_the_image_that_conditions_is_chosen_among_the_references_or_named(running_system: Running) -> None:
    api, url = running_system.api, running_system.system.api_url
    keys = api.upload_references(running_system.people["Eileen"][:3])
    body = {"name": "Eileen", "provider": "fal-instant", "references": keys}
    headers = {"Authorization": f"Bearer {running_system.system.token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=HANGS_AFTER_S) as raw:
        chosen = raw.post("/v1/identities", json=body).json()
        named = raw.post("/v1/identities", json={**body, "mainReference": keys[2]}).json()
    plain = [link.partition("?")[0] for link in chosen["referenceUrls"]]
    assert chosen["mainReferenceUrl"].partition("?")[0] in plain
    assert named["mainReferenceUrl"].partition("?")[0].endswith("/0003.jpg")
    log = (running_system.system.logs / "create_identity.log").read_text()
    assert "the scoring function" not in log, "nobody chose"
