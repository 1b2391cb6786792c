"""The bodies that the TypeScript client would have sent, row by row, and ours in their place.

Each row is shown twice: the raw body, sent to a simulator as forgiving as the real server, is refused or
misses the character; ours, sent to a simulator that refuses every unknown field, shows the character.
"""

from typing import Any

import httpx
import pytest

from character_identity.domain.generation import DIMENSIONS, AspectRatio
from tests.contracts.ours import LINKS, PORTRAIT, PROMPT, Ours
from tests.support.builders import an_identity
from tests.support.simulators import Simulation, share_of_cloth

INSTANT, TRAINER, LORA = "fal-ai/instant-character", "fal-ai/flux-lora-fast-training", "fal-ai/flux-lora"
GENERATED = {
    "image_size": "1:1",
    "num_images": 1,
    "guidance_scale": 7.5,
    "num_inference_steps": 30,
    "seed": 7,
}
TUNE = {"title": "Character: Jane Doe", "base_tune_id": None, "branch": "fast"}


@pytest.fixture
def lenient(simulator: Simulation) -> Simulation:
    for link in LINKS:
        simulator.publish(link, PORTRAIT)
    return simulator


def complaints(result: httpx.Response) -> set[tuple[str, str]]:
    """Fields and types of a 422 of fal's."""
    assert result.status_code == 422, result.text
    return {(item["loc"][-1], item["type"]) for item in result.json()["detail"]}


def likeness_of(simulator: Simulation, result: httpx.Response) -> float:
    assert result.status_code == 200, result.text
    return share_of_cloth(simulator.image(result.json()["images"][0]["url"]))


def create_tune(simulator: Simulation, **fields: Any) -> httpx.Response:
    return simulator.astria("POST", "/tunes", json={"tune": {**TUNE, **fields}})


# instant-character with reference_images and image_size "1:1"


def test_instant_character_takes_no_list_of_references(lenient: Simulation) -> None:
    raw = {**GENERATED, "prompt": PROMPT, "reference_images": LINKS[:3], "negative_prompt": "blurry"}
    assert complaints(lenient.finish(INSTANT, raw)) == {("image_url", "missing"), ("image_size", "one_of")}


def test_we_send_one_reference(ours: Ours) -> None:
    assert ours.likeness(ours.generated(ours.instant, an_identity(), negative_prompt="blurry")) > 0.1


@pytest.mark.parametrize(("ratio", "size"), DIMENSIONS.items())
def test_we_send_the_size_by_its_name(ours: Ours, ratio: AspectRatio, size: tuple[int, int]) -> None:
    request = {"aspect_ratio": ratio, "width": None, "height": None}
    [image] = ours.generated(ours.instant, an_identity(), **request).images
    assert image.url is not None
    assert ours.simulator.image(image.url).size == size


# training with images_data_url as a list


def test_a_training_takes_no_list_of_images_and_says_so_last(lenient: Simulation) -> None:
    raw = {"images_data_url": LINKS, "steps": 1000, "trigger_word": "SARAH"}
    job = lenient.submit(TRAINER, raw)
    lenient.clock.advance(60)
    assert lenient.fal("GET", job["status_url"]).json()["status"] == "COMPLETED"
    assert complaints(lenient.fal("GET", job["response_url"])) == {("images_data_url", "string_type")}


def test_we_train_on_one_archive(ours: Ours) -> None:
    identity = ours.trained(ours.lora)
    assert identity.weights is not None
    (call,) = ours.simulator.ledger()
    assert (call["endpoint"], call["cost_usd"]) == (TRAINER, 2.0)


# flux-lora with lora_url and no loras; with loras and without the trigger word


def test_lora_url_is_ignored_and_the_size_alone_is_refused(lenient: Simulation) -> None:
    raw = {**GENERATED, "prompt": PROMPT, "lora_url": lenient.train(), "negative_prompt": "blurry"}
    assert complaints(lenient.finish(LORA, raw)) == {("image_size", "one_of")}
    plain = lenient.finish(LORA, {**raw, "image_size": "square", "prompt": f"SARAH, {PROMPT}"})
    assert likeness_of(lenient, plain) < 0.01


def test_without_the_trigger_word_the_weights_sleep(lenient: Simulation) -> None:
    loras = [{"path": lenient.train(), "scale": 1}]
    asleep = lenient.finish(LORA, {"prompt": PROMPT, "loras": loras, "image_size": "square"})
    assert likeness_of(lenient, asleep) < 0.01


@pytest.mark.parametrize(
    "prompt", [PROMPT, "A close-up portrait, studio", "SARAH, close-up portrait, studio"]
)
def test_we_send_the_weights_and_the_trigger_word(ours: Ours, prompt: str) -> None:
    identity = ours.trained(ours.lora)
    generated = ours.generated(
        ours.lora, identity, prompt=prompt, negative_prompt="blurry", guidance_scale=7.5
    )
    assert ours.likeness(generated) > 0.1


# Astria: images as objects, the name as a class, the branch "fast"


def test_astria_reads_no_images_of_objects(lenient: Simulation) -> None:
    reply = create_tune(lenient, name="woman", images=[{"url": link} for link in LINKS])
    assert (reply.status_code, reply.json()) == (422, {"images": ["must contain at least one image"]})


def test_astria_takes_no_underscore_in_a_name(lenient: Simulation) -> None:
    reply = create_tune(lenient, name="jane_doe", image_urls=LINKS)
    assert (reply.status_code, reply.json()) == (
        422,
        {"name": ["only English letters, numbers and spaces allowed"]},
    )


def test_the_fast_branch_costs_nothing_and_shows_nobody(lenient: Simulation) -> None:
    tune = create_tune(lenient, name="woman", image_urls=LINKS)
    assert (tune.status_code, tune.json()["branch"]) == (201, "fast")
    lenient.clock.advance(60)
    text = f"<lora:{tune.json()['id']}:1> ohwx woman, close-up portrait, studio"
    body = {"prompt": {"text": text, "w": 512, "h": 512}}
    prompt = lenient.astria("POST", "/tunes/1504944/prompts", json=body).json()
    lenient.clock.advance(60)
    [url] = lenient.astria("GET", f"/prompts/{prompt['id']}").json()["images"]
    assert share_of_cloth(lenient.image(url)) < 0.01
    assert [call["cost_usd"] for call in lenient.ledger()] == [0, 0]


def test_we_order_a_real_tune_of_a_class(ours: Ours) -> None:
    ours.order_training(ours.astria)
    (call,) = ours.simulator.ledger()
    assert call["cost_usd"] > 0
    (tune,) = ours.simulator.astria("GET", "/tunes").json()
    wanted = {
        "name": "woman",
        "token": "ohwx",
        "branch": "flux1",
        "base_tune_id": 1504944,
        "model_type": "lora",
    }
    assert {name: tune[name] for name in wanted} == wanted
    assert len(tune["orig_images"]) == len(LINKS)


# Astria: a prompt on the LoRA's own id, with a negative prompt, without token and class


def test_a_prompt_on_the_lora_itself_is_refused_three_times_over(lenient: Simulation) -> None:
    tune = lenient.tune()
    raw = {"text": PROMPT, "negative_prompt": "blurry", "num_images": 4, "seed": 7, "cfg_scale": 7.5}
    reply = lenient.astria("POST", f"/tunes/{tune['id']}/prompts", json={"prompt": raw})
    assert (reply.status_code, reply.json()) == (
        422,
        {
            "text": ["must include `ohwx woman`"],
            "negative_prompt": ["not supported on Flux"],
            "cfg_scale": ["must be less than 5"],
        },
    )


@pytest.mark.parametrize("prompt", [PROMPT, "A close-up portrait, studio", f"<lora:1:1> {PROMPT}"])
def test_we_prompt_the_base_model_with_tag_token_and_class(ours: Ours, prompt: str) -> None:
    identity = ours.trained(ours.astria)
    request = {"prompt": prompt, "negative_prompt": "blurry", "guidance_scale": 7.5, "num_images": 4}
    generated = ours.generated(ours.astria, identity, **request)
    assert len(generated.images) == 4
    assert ours.likeness(generated) > 0.1


# fal: waiting for a state "failed"


def test_fal_never_says_failed(lenient: Simulation) -> None:
    lenient.arm("fal.submit", "fail", status=500)
    job = lenient.submit(TRAINER, {"images_data_url": "https://files.test/refs.zip"})
    said = []
    for _ in range(60):
        said.append(lenient.fal("GET", job["status_url"]).json()["status"])
        lenient.clock.advance(10)
    assert set(said) <= {"IN_QUEUE", "IN_PROGRESS", "COMPLETED"}
    assert said[-1] == "COMPLETED"


def test_we_read_a_failure_from_the_result(ours: Ours) -> None:
    body = {
        "detail": [
            {"loc": ["body", "images_data_url"], "msg": "Could not open it.", "type": "invalid_archive"}
        ]
    }
    ours.simulator.arm("fal.submit", "fail", status=422, body=body)
    handle = ours.order_training(ours.lora)
    seen = []
    for _ in range(3):
        status = ours.lora.training.status(handle, 1000)
        seen.append((status.state, status.reason))
        ours.simulator.clock.advance(6)
    assert seen == [("queued", None), ("running", None), ("failed", "images_data_url: Could not open it.")]
