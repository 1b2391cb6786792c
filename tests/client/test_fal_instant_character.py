"""The instant character module: bodies, progress, results, failures."""

import re

import httpx
import pytest

from character_identity_client import (
    CharacterGenerationParams,
    CharacterIdentityResult,
    ProjectContext,
    ServiceFailed,
    configure,
)
from character_identity_client.fal_instant_character import (
    create_instant_character_identity,
    generate_with_instant_character,
    is_instant_character_ready,
)
from tests.client.proxies import START, STATUS_TEXTS, Call, Proxies, references

GENERATE = "POST /api/fal-instant-character-proxy"
IMAGE = {"images": [{"url": "https://pictures.test/g.jpg"}]}


@pytest.fixture
def identity(proxies: Proxies) -> CharacterIdentityResult:
    return create_instant_character_identity("Sarah", references(2))


def wanted(**changes: object) -> CharacterGenerationParams:
    return CharacterGenerationParams.model_validate(
        {"character_id": "c", "prompt": "Sarah smiles", **changes}
    )


def test_an_identity_is_ready_at_once_and_asks_nobody(proxies: Proxies) -> None:
    progress: list[float] = []
    identity = create_instant_character_identity("Sarah", references(4), progress.append)
    assert re.fullmatch(rf"instant-char-{START.timestamp() * 1000:.0f}-\w+", identity.character_id)
    assert (identity.provider, identity.status) == ("fal-instant", "ready")
    assert identity.reference_urls == references(3)
    assert (identity.metadata.training_time, identity.metadata.cost) == (0, 0)
    assert identity.metadata.created_at == START
    assert progress == [50, 100]
    assert proxies.calls == []
    assert is_instant_character_ready(identity.character_id)


def test_two_identities_have_two_ids(proxies: Proxies) -> None:
    ids = {create_instant_character_identity("Sarah", references(1)).character_id for _ in range(5)}
    assert len(ids) == 5


def test_what_is_not_given_is_sent_as_the_front_end_sends_it(
    proxies: Proxies, identity: CharacterIdentityResult
) -> None:
    proxies.script(GENERATE, IMAGE)
    generate_with_instant_character(wanted(), identity)
    body = {
        "prompt": "Sarah smiles",
        "reference_images": references(2),
        "image_size": "1:1",
        "num_images": 1,
        "guidance_scale": 7.5,
        "num_inference_steps": 30,
    }
    assert proxies.calls == [Call("POST", "/api/fal-instant-character-proxy", body)]


def test_what_is_given_is_sent(proxies: Proxies, identity: CharacterIdentityResult) -> None:
    proxies.script(GENERATE, IMAGE)
    params = wanted(
        aspect_ratio="9:16", guidance_scale=3.5, num_inference_steps=20, seed=0, negative_prompt="blurry"
    )
    context = ProjectContext(project_id="p", user_id="u")
    generate_with_instant_character(params, identity, context=context)
    sent = proxies.calls[0].content
    names = ("image_size", "guidance_scale", "num_inference_steps", "seed", "negative_prompt")
    assert [sent[name] for name in names] == ["9:16", 3.5, 20, 0, "blurry"]


def test_an_image_comes_back_with_how_it_was_made(
    proxies: Proxies, identity: CharacterIdentityResult
) -> None:
    proxies.script(GENERATE, IMAGE)
    progress: list[float] = []
    result = generate_with_instant_character(wanted(aspect_ratio="3:4"), identity, progress.append)
    assert result.image_url == "https://pictures.test/g.jpg"
    assert result.aspect_ratio == "3:4"
    assert result.metadata.prompt_used == "Sarah smiles"
    assert (result.metadata.provider, result.metadata.cost) == ("fal-instant", 0.10)
    assert (result.metadata.inference_time, result.metadata.generated_at) == (0, START)
    assert progress == [10, 90, 100]


@pytest.mark.parametrize(("answer", "reason"), STATUS_TEXTS)
def test_a_refusal_is_reported(
    proxies: Proxies, identity: CharacterIdentityResult, answer: httpx.Response, reason: str
) -> None:
    proxies.script(GENERATE, answer)
    progress: list[float] = []
    with pytest.raises(ServiceFailed) as caught:
        generate_with_instant_character(wanted(), identity, progress.append)
    assert str(caught.value) == (
        f"Instant Character generation failed: Fal.ai Instant Character API failed: {reason}"
    )
    assert progress == [10, 90, 100]


@pytest.mark.parametrize("body", [{}, {"images": []}, {"images": [{}]}, {"images": ["x"]}, {"images": None}])
def test_an_answer_without_an_image_is_a_failure(
    proxies: Proxies, identity: CharacterIdentityResult, body: dict[str, object]
) -> None:
    proxies.script(GENERATE, body)
    with pytest.raises(ServiceFailed) as caught:
        generate_with_instant_character(wanted(), identity)
    assert str(caught.value) == (
        "Instant Character generation failed: Fal.ai Instant Character API returned no image URL."
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(200, text="<html>"), "The answer is not JSON."),
        (httpx.Response(200, json=[]), "The answer is not a JSON object."),
        (httpx.ReadTimeout("too slow"), "too slow"),
    ],
)
def test_an_answer_that_cannot_be_read_is_a_failure(
    proxies: Proxies, identity: CharacterIdentityResult, answer: httpx.Response | Exception, reason: str
) -> None:
    proxies.script(GENERATE, [answer])
    progress: list[float] = []
    with pytest.raises(ServiceFailed) as caught:
        generate_with_instant_character(wanted(), identity, progress.append)
    assert str(caught.value) == f"Instant Character generation failed: {reason}"
    assert progress[-1] == 100


def test_without_a_session_there_is_no_image(proxies: Proxies, identity: CharacterIdentityResult) -> None:
    configure(None)
    progress: list[float] = []
    with pytest.raises(ServiceFailed) as caught:
        generate_with_instant_character(wanted(), identity, progress.append)
    assert str(caught.value) == "Fal.ai Instant Character API key is not configured."
    assert (progress, proxies.calls) == ([], [])
