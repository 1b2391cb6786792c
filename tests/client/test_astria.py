"""The Astria module: tunes, prompts, polls, failures."""

import httpx
import pytest

from character_identity_client import (
    CharacterGenerationParams,
    CharacterGenerationResult,
    CharacterIdentityResult,
    ServiceFailed,
    configure,
)
from character_identity_client.astria import (
    create_astria_character_identity,
    generate_with_astria,
    is_astria_ready,
)
from tests.client.proxies import STATUS_TEXTS, Answer, Call, Proxies, references

PATH = "/api/astria-proxy"
CREATE_TUNE, GET_TUNE = f"POST {PATH}?create_tune", f"GET {PATH}?get_tune"
CREATE_PROMPT, GET_PROMPT = f"POST {PATH}?create_prompt", f"GET {PATH}?get_prompt"
TRAINING = {"id": 7, "trained_at": None}
TRAINED = {"id": 7, "trained_at": "2026-01-02T03:05:00Z"}
GENERATING = {"id": 9, "images": []}
GENERATED = {"id": 9, "images": [{"url": f"https://pictures.test/{number}.jpg"} for number in range(4)]}
PARAMS = CharacterGenerationParams(character_id="7", prompt="Sarah smiles", aspect_ratio="4:3")


def create(
    proxies: Proxies, *statuses: Answer, progress: list[float] | None = None
) -> CharacterIdentityResult:
    proxies.script(CREATE_TUNE, TRAINING)
    proxies.script(GET_TUNE, statuses or TRAINED)
    report = progress.append if progress is not None else None
    return create_astria_character_identity("Sarah  Jane", references(8), report)


def generate(
    proxies: Proxies,
    *statuses: Answer,
    params: CharacterGenerationParams = PARAMS,
    progress: list[float] | None = None,
) -> CharacterGenerationResult:
    identity = create(proxies)
    proxies.calls.clear()
    proxies.slept.clear()
    proxies.script(CREATE_PROMPT, {"id": 9})
    proxies.script(GET_PROMPT, statuses or GENERATED)
    return generate_with_astria(params, identity, progress.append if progress is not None else None)


def test_a_tune_is_ordered_and_waited_for(proxies: Proxies) -> None:
    progress: list[float] = []
    identity = create(proxies, TRAINING, TRAINING, TRAINED, progress=progress)
    tune = {
        "title": "Character: Sarah  Jane",
        "name": "sarah_jane",
        "base_tune_id": None,
        "branch": "fast",
        "images": [{"url": url} for url in references(8)],
    }
    poll = Call("GET", PATH, {"action": "get_tune", "tune_id": "7"})
    order = Call("POST", PATH, {"action": "create_tune", "payload": {"tune": tune}})
    assert proxies.calls == [order, poll, poll, poll]
    assert proxies.slept == [10, 10, 10]
    assert progress == [5, 20, 30, *(30 + poll / 120 * 65 for poll in (1, 2, 3)), 100]
    assert (identity.character_id, identity.provider, identity.status) == ("7", "astria", "ready")
    assert (identity.model_url, identity.model_storage_url) == (None, None)
    assert identity.reference_urls == references(8)
    assert (identity.metadata.training_time, identity.metadata.cost) == (30_000, 1.5)
    assert identity.metadata.created_at == proxies.now


def test_seven_references_are_too_few(proxies: Proxies) -> None:
    progress: list[float] = []
    with pytest.raises(ServiceFailed) as caught:
        create_astria_character_identity("Sarah", references(7), progress.append)
    assert str(caught.value) == "Astria fine-tuning requires at least 8 reference images."
    assert (progress, proxies.calls) == ([], [])


@pytest.mark.parametrize(("answer", "reason"), STATUS_TEXTS)
def test_a_refused_tune_is_reported(proxies: Proxies, answer: httpx.Response, reason: str) -> None:
    proxies.script(CREATE_TUNE, answer)
    progress: list[float] = []
    with pytest.raises(ServiceFailed) as caught:
        create_astria_character_identity("Sarah", references(8), progress.append)
    assert str(caught.value) == f"Astria fine-tuning failed: Astria tune creation failed: {reason}"
    assert progress == [5, 20, 100]


def test_an_order_without_an_id_is_not_waited_for(proxies: Proxies) -> None:
    proxies.script(CREATE_TUNE, {"title": "Character: Sarah"})
    with pytest.raises(ServiceFailed) as caught:
        create_astria_character_identity("Sarah", references(8))
    assert str(caught.value) == "Astria fine-tuning failed: The answer holds no id."
    assert proxies.slept == []


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"failed_at": "now", "error": "Too dark."}, "Astria training failed: Too dark."),
        ({"failed_at": "now"}, "Astria training failed: Unknown error"),
        (httpx.Response(200, text="<html>"), "The answer is not JSON."),
    ],
)
def test_a_training_that_ends_badly_is_reported(proxies: Proxies, status: Answer, reason: str) -> None:
    progress: list[float] = []
    with pytest.raises(ServiceFailed) as caught:
        create(proxies, status, progress=progress)
    assert str(caught.value) == f"Astria fine-tuning failed: {reason}"
    assert progress == [5, 20, 30, 100]


def test_a_training_is_given_up_after_a_hundred_and_twenty_polls(proxies: Proxies) -> None:
    progress: list[float] = []
    with pytest.raises(ServiceFailed) as caught:
        create(proxies, TRAINING, progress=progress)
    assert str(caught.value) == "Astria fine-tuning failed: Astria training timed out."
    assert proxies.slept == [10] * 120
    assert progress == [5, 20, 30, *(30 + poll / 120 * 65 for poll in range(1, 121)), 100]


def test_an_image_is_ordered_and_waited_for(proxies: Proxies) -> None:
    progress: list[float] = []
    result = generate(proxies, GENERATING, GENERATED, progress=progress)
    prompt = {"text": "Sarah smiles", "num_images": 4}
    order = {"action": "create_prompt", "tune_id": "7", "payload": {"prompt": prompt}}
    poll = Call("GET", PATH, {"action": "get_prompt", "tune_id": "7", "prompt_id": "9"})
    assert proxies.calls == [Call("POST", PATH, order), poll, poll]
    assert proxies.slept == [1, 1]
    assert progress == [10, 50, 51.5, 53, 100]
    assert (result.image_url, result.aspect_ratio) == ("https://pictures.test/0.jpg", "4:3")
    assert result.metadata.prompt_used == "Sarah smiles"
    assert (result.metadata.provider, result.metadata.cost) == ("astria", 0.025)
    assert (result.metadata.inference_time, result.metadata.generated_at) == (2000, proxies.now)


def test_what_is_given_is_sent(proxies: Proxies) -> None:
    generate(proxies, params=PARAMS.model_copy(update={"seed": 0, "negative_prompt": "blurry"}))
    prompt = proxies.calls[0].content["payload"]["prompt"]
    assert (prompt["seed"], prompt["negative_prompt"]) == (0, "blurry")


@pytest.mark.parametrize(("answer", "reason"), STATUS_TEXTS)
def test_a_refused_image_is_reported(proxies: Proxies, answer: httpx.Response, reason: str) -> None:
    identity = create(proxies)
    proxies.script(CREATE_PROMPT, answer)
    progress: list[float] = []
    with pytest.raises(ServiceFailed) as caught:
        generate_with_astria(PARAMS, identity, progress.append)
    assert str(caught.value) == f"Astria generation failed: Astria prompt generation failed: {reason}"
    assert progress == [10, 50, 100]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"failed_at": "now", "error": "Flagged."}, "Astria generation failed: Flagged."),
        ({"failed_at": "now", "images": []}, "Astria generation failed: Unknown error"),
        (httpx.ReadTimeout("too slow"), "too slow"),
    ],
)
def test_an_image_that_fails_is_reported(proxies: Proxies, status: Answer, reason: str) -> None:
    with pytest.raises(ServiceFailed) as caught:
        generate(proxies, status)
    assert str(caught.value) == f"Astria generation failed: {reason}"


def test_an_image_is_given_up_after_thirty_polls(proxies: Proxies) -> None:
    progress: list[float] = []
    with pytest.raises(ServiceFailed) as caught:
        generate(proxies, GENERATING, progress=progress)
    assert str(caught.value) == (
        "Astria generation failed: Astria generation timed out or returned no images."
    )
    assert proxies.slept == [1] * 30
    assert progress == [10, 50, *(50 + poll / 30 * 45 for poll in range(1, 31)), 100]


def test_without_a_session_nothing_is_trained_or_generated(proxies: Proxies) -> None:
    identity = create(proxies)
    configure(None)
    for attempt in (
        lambda: create_astria_character_identity("Sarah", references(8)),
        lambda: generate_with_astria(PARAMS, identity),
    ):
        with pytest.raises(ServiceFailed) as caught:
            attempt()
        assert str(caught.value) == "Astria API key is not configured."
    assert not is_astria_ready("7")


@pytest.mark.parametrize(
    ("status", "ready"),
    [(TRAINED, True), (TRAINING, False), ({}, False), (httpx.ConnectError("refused"), False)],
)
def test_readiness_is_what_the_tune_says(proxies: Proxies, status: Answer, ready: bool) -> None:
    proxies.script(GET_TUNE, [status])
    assert is_astria_ready("7") is ready
    assert proxies.calls == [Call("GET", PATH, {"action": "get_tune", "tune_id": "7"})]
