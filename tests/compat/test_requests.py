from typing import Any

import pytest
from pydantic import ValidationError

from character_identity.compat.requests import InstantGeneration, LoraTraining, Tune, TunePrompt, image_source
from character_identity.domain.errors import InvalidRequest


def an_image_request(**changes: Any) -> InstantGeneration:
    """What the TypeScript client sends when nobody chose anything."""
    body = {
        "prompt": "Sarah runs",
        "reference_images": ["https://a.test/1.jpg"],
        "image_size": "1:1",
        "num_images": 1,
        "guidance_scale": 7.5,
        "num_inference_steps": 30,
    }
    return InstantGeneration.model_validate(body | changes)


def test_the_clients_own_defaults_are_left_to_the_provider() -> None:
    assert an_image_request().request() == {"prompt": "Sarah runs", "aspect_ratio": "1:1", "num_images": 1}


def test_what_somebody_chose_is_passed_on() -> None:
    chosen = {"guidance_scale": 4.0, "num_inference_steps": 40, "seed": 0, "negative_prompt": "blurry"}
    request = an_image_request(**chosen).request()
    assert {name: request[name] for name in chosen} == chosen


@pytest.mark.parametrize(
    ("size", "ratio"),
    [("16:9", "16:9"), ("portrait_4_3", "3:4"), ("landscape_16_9", "16:9"), ("square_hd", "1:1")],
)
def test_sizes_in_the_clients_words_and_in_fals(size: str, ratio: str) -> None:
    assert an_image_request(image_size=size).request()["aspect_ratio"] == ratio


def test_an_unknown_size_is_refused_not_guessed() -> None:
    with pytest.raises(InvalidRequest) as caught:
        an_image_request(image_size="2:1").request()
    assert caught.value.code == "unknown_image_size"


@pytest.mark.parametrize(
    ("trigger", "name"),
    [("JANE_DOE", "JANE DOE"), (None, "Character"), ("  ", "Character"), ("___", "Character")],
)
def test_the_name_comes_back_out_of_the_trigger_word(trigger: str | None, name: str) -> None:
    assert LoraTraining(images_data_url=[], trigger_word=trigger).name == name


@pytest.mark.parametrize(
    ("tune", "character", "word"),
    [
        ({"title": "Character: Jane Doe", "name": "jane_doe"}, "Jane Doe", "person"),
        ({"title": "", "name": "jane_doe", "class": "woman"}, "jane doe", "woman"),
        ({"title": "whatever", "name": "cat"}, "cat", "cat"),
        ({}, "Character", "person"),
    ],
)
def test_character_and_class_of_a_tune(tune: dict[str, Any], character: str, word: str) -> None:
    parsed = Tune.model_validate(tune)
    assert (parsed.character, parsed.class_word) == (character, word)


def test_images_of_a_tune_come_in_either_field() -> None:
    body = {"images": [{"url": "https://a.test/2"}, "https://a.test/3"], "image_urls": ["https://a.test/1"]}
    assert Tune.model_validate(body).links == [f"https://a.test/{number}" for number in (1, 2, 3)]


def test_a_prompt_asks_for_four_images_as_astria_does() -> None:
    assert TunePrompt(text="Jane").request() == {"prompt": "Jane", "num_images": 4, "aspect_ratio": "1:1"}


NUMBERS = [
    (an_image_request, "num_images", 4),
    (an_image_request, "num_inference_steps", 40),
    (an_image_request, "guidance_scale", 4),
    (an_image_request, "seed", 7),
    (lambda **sent: LoraTraining(images_data_url=[], **sent), "steps", 900),
    (lambda **sent: TunePrompt(text="Jane", **sent), "num_images", 8),
    (lambda **sent: TunePrompt(text="Jane", **sent), "seed", 7),
]


@pytest.mark.parametrize(("read", "field", "number"), NUMBERS, ids=lambda value: str(value)[:20])
def test_numbers_are_read_as_the_providers_read_them(read: Any, field: str, number: int) -> None:
    """In text and as true too: programs that send so work with fal and Astria, and go on working."""
    for sent in (number, str(number), f" {number} ", float(number)):
        assert getattr(read(**{field: sent}), field) == number
    assert getattr(read(**{field: True}), field) == 1
    no_numbers: list[Any] = ["", "many", "1e400", f"{number}x", [number], {}, -1, "-1"]
    for refused in no_numbers:
        with pytest.raises(ValidationError):
            read(**{field: refused})


@pytest.mark.parametrize(
    "uri",
    [
        "data:image/png;base64,cGljdHVyZQ==",
        "DATA:image/png;BASE64,cGljdHVyZQ",
        "data:;base64,cGlj\ndHVy ZQ==",
        "data:application/octet-stream;charset=utf-8;base64,cGljdHVyZQ==",
        "data:image/png,p%69cture",
        "\n data:image/png;base64,cGljdHVyZQ==\n",
    ],
)
def test_a_data_uri_is_the_image_itself(uri: str) -> None:
    assert image_source(uri) == b"picture"


def test_a_link_may_have_capitals_and_blanks_around_it() -> None:
    assert image_source(" HTTPS://a.test/x\n") == "HTTPS://a.test/x"


@pytest.mark.parametrize(
    "link", ["data:image/png;base64,!", "uploads/x.jpg", "ftp://a.test/x", "", "file:///etc/passwd"]
)
def test_other_sources_are_refused(link: str) -> None:
    with pytest.raises(InvalidRequest):
        image_source(link)
