"""POST /v1/scores: real events in, the answer of a small random encoder out, moto behind."""

from typing import Any

import pytest

from character_identity import wiring
from character_identity.domain.generation import GeneratedImage
from tests.support.builders import (
    NO_LIMIT,
    a_generation,
    a_generation_job,
    an_identity,
    different_images,
)
from tests.support.handlers import Answer, Api

RED, BLUE = different_images(2)


@pytest.fixture(autouse=True)
def _function(shipped_encoder: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "3008")


def compare(api: Api, images: list[Any], owner: str = "ann", **against: Any) -> Answer:
    return api("compare_images", "POST", "/v1/scores", {"images": images, **against}, owner)


def drawn(api: Api) -> None:
    """Ann's identity i1 with two references, and a picture of it."""
    keys = [f"references/i1/000{number}.jpg" for number in (1, 2)]
    images = [GeneratedImage(index=1, outcome="succeeded", key="generations/i1/g1/01.jpg")]
    wiring.services().identity_table.add(an_identity(references=keys))
    wiring.services().generation_table.add(
        a_generation(status="succeeded", images=images),
        a_generation_job(),
        10_000_000,
        NO_LIMIT,
    )
    for key, content in zip([*keys, "generations/i1/g1/01.jpg"], [RED, BLUE, RED], strict=True):
        api.bucket.put_object(Key=key, Body=content)


def test_pictures_are_scored_against_an_identity_and_nothing_is_stored(api: Api) -> None:
    """With whose name the scores are, on the face of the answer."""
    drawn(api)
    before = {each.key for each in api.bucket.objects.all()}
    answer = compare(api, [{"generationId": "g1", "imageNumber": 1}, "uploads/x/y.jpg"], characterId="i1")
    assert answer.status == 200
    assert (answer.body["encoder"], answer.body["standIn"]) == ("tiny", True)
    first, unknown = answer.body["images"]
    [score] = first["scores"]
    assert {each["reference"]: each["similarity"] == 1 for each in score["perReference"]} == {
        "references/i1/0001.jpg": True,
        "references/i1/0002.jpg": False,
    }
    assert (score["encoder"], first["clipSimilarity"], first["notScored"]) == ("tiny", None, None)
    assert (unknown["scores"], unknown["notScored"]["code"]) == ([], "unknown_reference")
    assert {each.key for each in api.bucket.objects.all()} == before
    services = wiring.services()
    assert services.scores.scores_of("g1") == {}


def test_uploads_are_scored_against_each_other(api: Api) -> None:
    red, blue = api.uploaded(RED), api.uploaded(BLUE)
    answer = compare(api, [red, blue], references=[red])
    [[one], [other]] = [each["scores"] for each in answer.body["images"]]
    assert (one["mean"], one["perReference"][0]["reference"]) == (1, "01")
    assert other["mean"] < 1


def test_what_is_anothers_is_unknown(api: Api) -> None:
    drawn(api)
    answer = compare(api, [api.uploaded(RED)], owner="bob", characterId="i1")
    assert (answer.status, answer.body["code"]) == (404, "unknown_identity")
    upload = api.uploaded(RED, owner="bob")
    anns, nobodys = ({"generationId": each, "imageNumber": 1} for each in ("g1", "g9"))
    answer = compare(api, [anns, nobodys, api.uploaded(RED)], owner="bob", references=[upload])
    first, second, third = [each["notScored"] for each in answer.body["images"]]
    assert (first["code"], third["code"]) == ("unknown_generation", "unknown_reference")
    assert first["reason"].replace("g1", "g9") == second["reason"]


@pytest.mark.parametrize(
    "body",
    [
        {"images": []},
        {"images": ["a"], "characterId": "i1", "references": ["b"]},
        {"images": ["a"]},
        {"images": ["a"], "references": []},
        {"images": [{"generationId": "g1"}], "characterId": "i1"},
        {"images": [{"generationId": "g1", "imageNumber": 0}], "characterId": "i1"},
        {"images": [7], "characterId": "i1"},
        {"images": ["a"], "characterId": "a b"},
    ],
)
def test_a_body_of_another_shape_is_refused(api: Api, body: Any) -> None:
    answer = api("compare_images", "POST", "/v1/scores", body)
    assert (answer.status, answer.body["code"]) == (400, "invalid_body")


def test_too_many_pictures_have_a_code(api: Api) -> None:
    answer = compare(api, ["a"] * 11, references=["b"])
    assert (answer.status, answer.body["code"]) == (400, "too_many_images")
    answer = compare(api, ["a"], references=["b"] * 21)
    assert (answer.status, answer.body["code"]) == (400, "too_many_references")
