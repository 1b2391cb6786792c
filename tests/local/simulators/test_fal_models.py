"""The four endpoints: what they refuse, fetch, make and charge."""

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from local.simulators.contracts import contract
from local.simulators.lora_file import read_lora
from local.simulators.safetensors_file import read_safetensors
from tests.support.simulators import (
    SEED_OF_LUCK,
    Simulation,
    jpeg,
    portrait,
    share_of_cloth,
    zip_of,
)

INSTANT, TRAINING = "fal-ai/instant-character", "fal-ai/flux-lora-fast-training"
LORA, FLUX = "fal-ai/flux-lora", "fal-ai/flux/dev"
CLOSE_UP = "SARAH, close-up portrait, studio"
IMAGE, ARCHIVE = "https://files.test/a.jpg", "https://files.test/refs.zip"


def problems(simulator: Simulation, endpoint: str, payload: object) -> list[dict[str, Any]]:
    result = simulator.finish(endpoint, payload)
    assert result.status_code == 422, result.text
    assert result.headers["x-fal-billable-units"] == "0"
    return list(result.json()["detail"])


@pytest.fixture
def with_image(simulator: Simulation) -> Simulation:
    simulator.publish(IMAGE, jpeg(portrait()))
    return simulator


@pytest.mark.parametrize(
    ("endpoint", "payload", "loc", "kind", "ctx"),
    [
        (INSTANT, {"prompt": "x"}, ["image_url"], "missing", None),
        (LORA, {"prompt": 7}, ["prompt"], "string_type", None),
        (LORA, {"prompt": "x", "guidance_scale": 36}, ["guidance_scale"], "less_than_equal", {"le": 35}),
        (FLUX, {"prompt": "x", "guidance_scale": 0}, ["guidance_scale"], "greater_than_equal", {"ge": 1}),
        (
            FLUX,
            {"prompt": "x", "num_inference_steps": 51},
            ["num_inference_steps"],
            "less_than_equal",
            {"le": 50},
        ),
        (FLUX, {"prompt": "x", "num_images": 1.5}, ["num_images"], "int_type", None),
        (FLUX, {"prompt": "x", "seed": "7"}, ["seed"], "int_type", None),
        (
            FLUX,
            {"prompt": "x", "image_size": {"width": 0}},
            ["image_size", "width"],
            "greater_than",
            {"gt": 0},
        ),
        (
            FLUX,
            {"prompt": "x", "image_size": {"width": 9000}},
            ["image_size"],
            "image_too_large",
            {"max_width": 4096, "max_height": 4096},
        ),
        (
            FLUX,
            {"prompt": "x", "output_format": "gif"},
            ["output_format"],
            "one_of",
            {"expected": ["jpeg", "png"]},
        ),
        (LORA, {"prompt": "x", "loras": [{"scale": 1}]}, ["loras", 0, "path"], "missing", None),
        (
            LORA,
            {"prompt": "x", "loras": [{"path": "u", "scale": 5}]},
            ["loras", 0, "scale"],
            "less_than_equal",
            {"le": 4},
        ),
        (FLUX, [], [], "dict_type", None),
        # only a strict simulator minds these
        (LORA, {"prompt": "x", "lora_url": "u"}, ["lora_url"], "extra_forbidden", None),
        (FLUX, {"prompt": "x", "negative_prompt": "y"}, ["negative_prompt"], "extra_forbidden", None),
        (
            LORA,
            {"prompt": "x", "loras": [{"path": "u", "weight": 1}]},
            ["loras", 0, "weight"],
            "extra_forbidden",
            None,
        ),
    ],
)
def test_inputs_are_held_against_the_contract(
    simulator: Simulation,
    endpoint: str,
    payload: object,
    loc: list[str | int],
    kind: str,
    ctx: dict[str, int] | None,
) -> None:
    [problem] = problems(simulator, endpoint, payload)
    assert (problem["loc"], problem["type"], problem.get("ctx")) == (["body", *loc], kind, ctx)
    assert problem["msg"] and problem["url"] == f"https://docs.fal.ai/errors/#{kind}"


def test_a_ratio_is_no_image_size(simulator: Simulation) -> None:
    [problem] = problems(simulator, FLUX, {"prompt": "x", "image_size": "1:1"})
    assert (problem["loc"], problem["type"]) == (["body", "image_size"], "one_of")
    assert "square_hd" in problem["ctx"]["expected"]


def test_the_body_of_the_old_client_is_refused(simulator: Simulation) -> None:
    body = {"prompt": "x", "reference_images": ["https://files.test/1.jpg"], "image_size": "1:1"}
    found = {(item["loc"][1], item["type"]) for item in problems(simulator, INSTANT, body)}
    assert found == {
        ("image_url", "missing"),
        ("image_size", "one_of"),
        ("reference_images", "extra_forbidden"),
    }


def test_a_lenient_simulator_ignores_unknown_fields(simulator: Simulation) -> None:
    simulator.change(strict=False)
    body = {"prompt": CLOSE_UP, "lora_url": simulator.train(), "image_size": "square"}
    result = simulator.finish(LORA, body)
    assert result.status_code == 200
    assert share_of_cloth(simulator.image(result.json()["images"][0]["url"])) < 0.01


@pytest.mark.parametrize(
    ("data", "kind"),
    [(None, "file_download_error"), (b"<html>", "image_load_error"), (b"", "image_load_error")],
)
def test_the_reference_is_fetched_and_read(simulator: Simulation, data: bytes | None, kind: str) -> None:
    if data is not None:
        simulator.publish(IMAGE, data)
    [problem] = problems(simulator, INSTANT, {"prompt": "x", "image_url": IMAGE})
    assert (problem["loc"], problem["type"], problem["input"]) == (["body", "image_url"], kind, IMAGE)


@pytest.mark.parametrize(
    ("url", "files", "kind"),
    [
        (ARCHIVE, None, "file_download_error"),
        (ARCHIVE, b"no archive", "invalid_archive"),
        (
            ARCHIVE,
            {"1.txt": b"caption", "1_mask.jpg": b"mask", "__MACOSX/1.jpg": b"x"},
            "archive_file_count_below_minimum",
        ),
        (ARCHIVE, {"1.jpg": b"no picture"}, "image_load_error"),
        ("https://files.test/refs", {"1.jpg": jpeg(portrait())}, "invalid_archive"),
    ],
)
def test_the_archive_is_fetched_and_opened(
    simulator: Simulation, url: str, files: bytes | dict[str, bytes] | None, kind: str
) -> None:
    if files is not None:
        simulator.publish(url, files if isinstance(files, bytes) else zip_of(files))
    [problem] = problems(simulator, TRAINING, {"images_data_url": url})
    assert (problem["loc"], problem["type"]) == (["body", "images_data_url"], kind)
    assert simulator.ledger()[0]["cost_usd"] == 0


def test_an_archive_without_extension_needs_its_format_said(simulator: Simulation) -> None:
    url = simulator.publish("https://files.test/refs", zip_of({"1.jpg": jpeg(portrait())}))
    result = simulator.finish(TRAINING, {"images_data_url": url, "data_archive_format": "zip"})
    assert result.status_code == 200


@pytest.mark.parametrize(
    ("data", "kind"), [(None, "file_download_error"), (b"not safetensors", "value_error")]
)
def test_loras_are_fetched_and_read(simulator: Simulation, data: bytes | None, kind: str) -> None:
    url = "https://files.test/w.safetensors"
    if data is not None:
        simulator.publish(url, data)
    [problem] = problems(simulator, LORA, {"prompt": "x", "loras": [{"path": url}]})
    assert (problem["loc"], problem["type"]) == (["body", "loras", 0, "path"], kind)


def test_training_makes_a_flux_lora(simulator: Simulation) -> None:
    images = {f"{number}.jpg": jpeg(portrait()) for number in range(5)}
    archive = simulator.publish(ARCHIVE, zip_of({**images, "1.txt": b"SARAH, smiling"}))
    result = simulator.finish(TRAINING, {"images_data_url": archive, "trigger_word": "SARAH", "steps": 400})
    output = result.json()
    Draft202012Validator(contract("fal-flux-lora-fast-training")["$defs"]["Output"]).validate(output)
    weights, config = output["diffusers_lora_file"], output["config_file"]
    assert weights["file_name"] == "pytorch_lora_weights.safetensors"
    data = simulator.call("GET", weights["url"]).content
    assert len(data) == weights["file_size"] and 200_000 < len(data) < 1_000_000
    tensors, metadata = read_safetensors(data)
    down = tensors["transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight"]
    assert (down.dtype.str, down.shape) == ("<f2", (4, 3072))
    assert metadata["simulated.steps"] == "400"
    lora = read_lora(data)
    assert (len(lora.images), lora.trigger_word) == (5, "SARAH")
    assert json.loads(simulator.call("GET", config["url"]).content)["steps"] == 400


def test_training_costs_by_its_steps(simulator: Simulation) -> None:
    archive = simulator.publish(ARCHIVE, zip_of({"1.jpg": jpeg(portrait())}))
    result = simulator.finish(TRAINING, {"images_data_url": archive, "steps": 1500})
    assert result.headers["x-fal-billable-units"] == "1.5"
    assert simulator.ledger()[0]["cost_usd"] == 3.0


@pytest.mark.parametrize(
    ("endpoint", "units", "cost_usd"), [(INSTANT, "0.75", 0.075), (LORA, "0.75", 0.02625), (FLUX, "1", 0.025)]
)
def test_images_cost_by_their_pixels(
    with_image: Simulation, endpoint: str, units: str, cost_usd: float
) -> None:
    body = {"prompt": "x", "image_size": "landscape_4_3", "seed": 7}
    result = with_image.finish(endpoint, body | ({"image_url": IMAGE} if endpoint == INSTANT else {}))
    assert result.headers["x-fal-billable-units"] == units
    assert with_image.ledger()[0]["cost_usd"] == cost_usd


@pytest.mark.parametrize("endpoint", [INSTANT, LORA, FLUX])
def test_images_come_as_the_contract_says(with_image: Simulation, endpoint: str) -> None:
    body = {"prompt": CLOSE_UP, "image_size": "square", "seed": 7, "num_images": 2}
    output = with_image.finish(endpoint, body | ({"image_url": IMAGE} if endpoint == INSTANT else {})).json()
    schema = contract(endpoint.replace("fal-ai/", "fal-").replace("/", "-"))["$defs"]["Output"]
    Draft202012Validator(schema).validate(output)
    assert (output["seed"], output["has_nsfw_concepts"], output["prompt"]) == (7, [False, False], CLOSE_UP)
    first, second = (with_image.call("GET", image["url"]) for image in output["images"])
    assert first.headers["content-type"] == "image/jpeg"
    assert first.content != second.content
    assert with_image.image(output["images"][0]["url"]).size == (512, 512)


@pytest.mark.parametrize(
    ("image_size", "size"),
    [
        ("portrait_16_9", (576, 1024)),
        ({"width": 300, "height": 200}, (300, 200)),
        ({"height": 200}, (512, 200)),
        (None, (1024, 768)),
    ],
)
def test_images_have_the_size_asked_for(
    simulator: Simulation, image_size: str | dict[str, int] | None, size: tuple[int, int]
) -> None:
    body = {"prompt": "x"} | ({} if image_size is None else {"image_size": image_size})
    [image] = simulator.finish(LORA, body).json()["images"]
    assert (image["width"], image["height"]) == size
    assert simulator.image(image["url"]).size == size


def test_the_same_input_and_seed_give_the_same_bytes(with_image: Simulation) -> None:
    def image(seed: int) -> bytes:
        body = {"prompt": "x", "image_url": IMAGE, "image_size": "square", "seed": seed}
        return with_image.call("GET", with_image.finish(INSTANT, body).json()["images"][0]["url"]).content

    assert image(7) == image(7) != image(8)


@pytest.mark.parametrize("seed", [{}, {"seed": None}])
def test_a_seed_is_chosen_and_reported_when_none_is_given(
    simulator: Simulation, seed: dict[str, None]
) -> None:
    output = simulator.finish(FLUX, {"prompt": "x", "image_size": "square", **seed}).json()
    assert output["seed"] == SEED_OF_LUCK


def test_images_can_be_png_and_inline(simulator: Simulation) -> None:
    body = {"prompt": "x", "image_size": "square", "output_format": "png", "sync_mode": True}
    [image] = simulator.finish(FLUX, body).json()["images"]
    head, _, payload = image["url"].partition(",")
    assert (head, image["content_type"]) == ("data:image/png;base64", "image/png")
    assert Image.open(io.BytesIO(base64.b64decode(payload))).format == "PNG"


def test_instant_character_shows_the_reference(with_image: Simulation) -> None:
    def share(scale: float) -> float:
        body = {"prompt": CLOSE_UP, "image_url": IMAGE, "image_size": "square", "seed": 1, "scale": scale}
        return share_of_cloth(with_image.image(with_image.finish(INSTANT, body).json()["images"][0]["url"]))

    assert share(1) > 0.1
    assert share(0) < 0.01


@pytest.mark.parametrize(("prompt", "somebody_is_there"), [("one Woman", True), ("a humane city", False)])
def test_words_alone_draw_somebody_if_they_name_one(
    simulator: Simulation, prompt: str, somebody_is_there: bool
) -> None:
    """The one face that simulators have, over the orange suit of its photograph."""
    body = {"prompt": prompt, "image_size": "square", "seed": 1}
    [image] = simulator.finish(FLUX, body).json()["images"]
    red, green, blue = np.moveaxis(np.asarray(simulator.image(image["url"]), dtype=np.int16), 2, 0)
    orange = float(((red - green > 60) & (red - blue > 60)).mean())
    assert (orange > 0.02) is somebody_is_there


def test_a_data_uri_is_a_reference_too(simulator: Simulation) -> None:
    uri = "data:image/jpeg;base64," + base64.b64encode(jpeg(portrait())).decode()
    result = simulator.finish(
        INSTANT, {"prompt": CLOSE_UP, "image_url": uri, "image_size": "square", "seed": 1}
    )
    assert share_of_cloth(simulator.image(result.json()["images"][0]["url"])) > 0.1


@pytest.mark.parametrize(
    ("prompt", "loras", "shown"),
    [
        (CLOSE_UP, 1, True),
        ("close-up portrait of Sarah, studio", 1, False),
        ("SARAHS close-up portrait, studio", 1, False),
        (CLOSE_UP, 0, False),
        (CLOSE_UP, None, False),
    ],
)
def test_a_character_needs_its_lora_and_its_trigger_word(
    simulator: Simulation, prompt: str, loras: float | None, shown: bool
) -> None:
    weights = simulator.train("SARAH")
    body: dict[str, Any] = {"prompt": prompt, "image_size": "square", "seed": 1}
    if loras is not None:
        body["loras"] = [{"path": weights, "scale": loras}]
    image = simulator.image(simulator.finish(LORA, body).json()["images"][0]["url"])
    assert (share_of_cloth(image) > 0.1) is shown


def test_a_lora_without_a_trigger_word_always_shows(simulator: Simulation) -> None:
    body = {
        "prompt": "close-up",
        "loras": [{"path": simulator.train(None)}],
        "image_size": "square",
        "seed": 1,
    }
    assert share_of_cloth(simulator.image(simulator.finish(LORA, body).json()["images"][0]["url"])) > 0.1


def test_media_can_expire(simulator: Simulation) -> None:
    simulator.change(fal_media_lifetime_s=100)
    url = simulator.finish(FLUX, {"prompt": "x", "image_size": "square"}).json()["images"][0]["url"]
    assert simulator.call("GET", url).status_code == 200
    simulator.clock.advance(100)
    assert simulator.call("GET", url).status_code == 404
