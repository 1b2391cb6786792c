"""Astria's prompts: what is refused, what a prompt shows and when, pictures, money."""

from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from local.simulators.contracts import contract
from tests.support.simulators import ASTRIA, Simulation, share_of_cloth

FLUX = 1504944
FIRST = 45042524


@pytest.fixture
def tuned(simulator: Simulation) -> Simulation:
    """A simulator with one trained tune, 788416."""
    simulator.tune()
    simulator.clock.advance(11)
    return simulator


def order(simulator: Simulation, tune_id: int = FLUX, **fields: Any) -> httpx.Response:
    wanted = {"text": "<lora:788416:1> ohwx woman, close-up portrait, studio", "seed": 7, "w": 512, "h": 512}
    return simulator.astria("POST", f"/tunes/{tune_id}/prompts", json={"prompt": {**wanted, **fields}})


def done(simulator: Simulation, **fields: Any) -> dict[str, Any]:
    reply = order(simulator, **fields)
    assert reply.status_code == 201, reply.text
    simulator.clock.advance(3)
    return dict(simulator.astria("GET", f"/prompts/{reply.json()['id']}").json())


def test_a_prompt_waits_renders_and_is_done(tuned: Simulation) -> None:
    reply = order(tuned, num_images=2, cfg_scale=3, aspect_ratio="1:1")
    prompt = reply.json()
    Draft202012Validator(contract("astria-prompt")["$defs"]["Prompt"]).validate(prompt)
    expected = {
        "id": FIRST,
        "tune_id": FLUX,
        "seed": 7,
        "num_images": 2,
        "cfg_scale": "3.0",
        "negative_prompt": None,
        "images": [],
        "user_error": None,
        "cost_mc": 4600,
        "trained_at": None,
        "started_training_at": None,
        "url": f"{ASTRIA}/tunes/{FLUX}/prompts/{FIRST}.json",
    }
    assert reply.status_code == 201
    assert {name: prompt[name] for name in expected} == expected
    tuned.clock.advance(1)
    started = tuned.astria("GET", f"/tunes/{FLUX}/prompts/{FIRST}").json()
    assert (started["started_training_at"], started["images"]) == ("2026-11-22T10:00:12.000Z", [])
    tuned.clock.advance(2)
    finished = tuned.astria("GET", f"/prompts/{FIRST}.json").json()
    assert finished["trained_at"] == "2026-11-22T10:00:14.000Z"
    assert [tuned.image(url).size for url in finished["images"]] == [(512, 512), (512, 512)]


def test_a_prompt_on_an_untrained_tune_waits_for_it(simulator: Simulation) -> None:
    simulator.tune()
    assert order(simulator).status_code == 201
    simulator.clock.advance(12)
    assert simulator.astria("GET", f"/prompts/{FIRST}").json()["images"] == []
    simulator.clock.advance(2)
    assert len(simulator.astria("GET", f"/prompts/{FIRST}").json()["images"]) == 1


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"text": "<lora:788416:1> a woman"}, {"text": ["must include `ohwx woman`"]}),
        ({"text": ""}, {"text": ["can't be blank"]}),
        ({"text": "<lora:1:1> ohwx woman"}, {"text": ["refers to tune 1, which does not exist"]}),
        ({"negative_prompt": "blurry"}, {"negative_prompt": ["not supported on Flux"]}),
        ({"cfg_scale": 5}, {"cfg_scale": ["must be less than 5"]}),
        ({"num_images": 9}, {"num_images": ["must be less than or equal to 8"]}),
        ({"w": 510}, {"w": ["must be a multiple of 8"]}),
        ({"aspect_ratio": "2:1"}, {"aspect_ratio": ["is not included in the list"]}),
        (
            {"text": "<lora:788416:1> x", "negative_prompt": "y", "cfg_scale": 7.5},
            {
                "text": ["must include `ohwx woman`"],
                "negative_prompt": ["not supported on Flux"],
                "cfg_scale": ["must be less than 5"],
            },
        ),
    ],
)
def test_bad_fields_are_refused(
    tuned: Simulation, fields: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    reply = order(tuned, **fields)
    assert (reply.status_code, reply.json()) == (422, errors)
    assert len(tuned.ledger()) == 1


def test_what_flux_refuses_an_older_model_takes(tuned: Simulation) -> None:
    reply = order(tuned, 690204, text="a woman", negative_prompt="blurry", cfg_scale=7.5)
    assert reply.status_code == 201


def test_unknown_fields_are_refused_only_when_strict(tuned: Simulation) -> None:
    [message] = order(tuned, guidance_scale=3).json()["guidance_scale"]
    assert message.startswith("is not a known parameter")
    tuned.change(strict=False)
    assert order(tuned, guidance_scale=3).status_code == 201


def test_the_route_of_a_lora_itself_is_closed_unless_opened(tuned: Simulation) -> None:
    reply = order(tuned, 788416, text="x", negative_prompt="y", cfg_scale=7)
    assert set(reply.json()) == {"text", "negative_prompt", "cfg_scale"}
    reply = order(tuned, 788416, text="ohwx woman, close-up, studio")
    assert (reply.status_code, reply.json()) == (
        422,
        {"error": "model_type=lora is not supported. Use a checkpoint instead"},
    )
    tuned.change(astria_lora_route="accept")
    prompt = done(tuned, tune_id=788416, text="ohwx woman, close-up, studio")
    assert share_of_cloth(tuned.image(prompt["images"][0])) > 0.1


def test_an_unknown_tune_is_not_found(tuned: Simulation) -> None:
    assert order(tuned, 5).status_code == 404


def test_the_lora_tag_brings_in_the_character(tuned: Simulation) -> None:
    with_tag = done(tuned)
    without = done(tuned, text="ohwx woman, close-up portrait, studio")
    assert share_of_cloth(tuned.image(with_tag["images"][0])) > 0.1
    assert share_of_cloth(tuned.image(without["images"][0])) < 0.01


def test_the_fast_branch_is_a_free_mock(tuned: Simulation) -> None:
    fast = tuned.tune(title="fast", branch="fast")
    tuned.clock.advance(11)
    real = done(tuned)
    mock = done(tuned, text=f"<lora:{fast['id']}:1> ohwx woman, close-up portrait, studio")
    assert mock["cost_mc"] == 0
    assert (
        share_of_cloth(tuned.image(mock["images"][0])) < 0.01 < share_of_cloth(tuned.image(real["images"][0]))
    )
    # The letters of MOCK stand white in the middle of the picture.
    assert _white(tuned, mock["images"][0]) > 1000 > _white(tuned, real["images"][0])


def _white(simulator: Simulation, url: str) -> int:
    middle = simulator.image(url).convert("L").crop((0, 100, 512, 350))
    return sum(middle.histogram()[200:])


def test_a_face_id_tune_needs_no_phrase(tuned: Simulation) -> None:
    face = tuned.tune(model_type="faceid")
    prompt = done(tuned, text=f"<faceid:{face['id']}:1> woman, close-up, studio")
    assert share_of_cloth(tuned.image(prompt["images"][0])) > 0.1


def test_the_same_prompt_and_seed_give_the_same_bytes(tuned: Simulation) -> None:
    def image(seed: int | None) -> bytes:
        return tuned.call("GET", done(tuned, seed=seed)["images"][0]).content

    assert image(7) == image(7) != image(8)
    assert image(None) == image(42)


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"aspect_ratio": "16:9"}, (1376, 768)),
        ({"aspect_ratio": "9:16"}, (768, 1376)),
        ({"ar": "portrait"}, (896, 1184)),
        ({"w": 520, "h": 264}, (512, 256)),
        ({}, (1024, 1024)),
    ],
)
def test_images_have_the_size_asked_for(
    tuned: Simulation, fields: dict[str, Any], size: tuple[int, int]
) -> None:
    path = f"/tunes/{FLUX}/prompts"
    tuned.astria("POST", path, json={"prompt": {"text": "a city", **fields}})
    tuned.clock.advance(3)
    [url] = tuned.astria("GET", f"/prompts/{FIRST}").json()["images"]
    assert tuned.image(url).size == size


def test_images_die_after_thirty_days(tuned: Simulation) -> None:
    [url] = done(tuned)["images"]
    assert tuned.call("GET", url).status_code == 200
    tuned.clock.advance(30 * 24 * 3600)
    assert tuned.call("GET", url).status_code == 404


def test_prompts_are_listed_and_deleted(tuned: Simulation) -> None:
    first, second = done(tuned)["id"], done(tuned, tune_id=690204, text="a woman")["id"]
    assert [prompt["id"] for prompt in tuned.astria("GET", "/prompts").json()] == [second, first]
    assert [prompt["id"] for prompt in tuned.astria("GET", f"/tunes/{FLUX}/prompts").json()] == [first]
    assert tuned.astria("GET", f"/tunes/690204/prompts/{first}").status_code == 404
    reply = tuned.astria("DELETE", f"/tunes/{FLUX}/prompts/{first}")
    assert (reply.status_code, reply.json()) == (200, {"message": "Prompt successfully deleted"})
    assert tuned.astria("GET", f"/prompts/{first}").status_code == 404


def test_with_a_prompt_go_its_images(tuned: Simulation) -> None:
    gone, kept = done(tuned)["images"][0], done(tuned)["images"][0]
    tuned.astria("DELETE", f"/prompts/{FIRST}")
    assert [tuned.call("GET", url).status_code for url in (gone, kept)] == [404, 200]


def test_prompts_are_paid_from_the_balance(tuned: Simulation) -> None:
    done(tuned, num_images=4)
    assert tuned.astria("GET", "/users").json()["usd_balance_mc"] == 10_000_000 - 150_000 - 9_200
    tuned.change(astria_balance_mc=160_000)
    assert order(tuned).status_code == 402
