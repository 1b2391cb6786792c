"""The free check of reference images: a real event in, the answer out, moto behind."""

from typing import Any

import pytest

from local.photographs import CHELSEA, EILEEN
from tests.support.builders import an_image, different_images
from tests.support.handlers import Answer, Api

ROUTE = "/v1/references/check"


def check(api: Api, references: list[str], **more: Any) -> Answer:
    return api("check_references", "POST", ROUTE, {"references": references, **more})


def told(answer: Answer) -> list[tuple[str, int | None]]:
    return [(finding["code"], finding["reference"]) for finding in answer.body["findings"]]


def test_good_images_are_usable(api: Api) -> None:
    keys = [api.uploaded(photograph.path.read_bytes()) for photograph in (EILEEN, CHELSEA)]
    answer = check(api, keys, provider="fal-instant")
    assert (answer.status, answer.body["usable"]) == (200, True)
    assert told(answer) == [("analysis_unavailable", None)]  # the function has no encoder to ask here


def test_a_finding_says_what_where_how_bad_and_what_to_do(api: Api) -> None:
    keys = [api.uploaded(EILEEN.path.read_bytes()), api.uploaded(an_image(width=100))]
    answer = check(api, keys)
    assert (answer.status, answer.body["usable"]) == (200, False)
    assert answer.body["findings"][0] == {
        "code": "image_too_small",
        "severity": "error",
        "reference": 1,
        "file": keys[1],
        "message": "The picture has 100x300 pixels; 256 a side are needed.",
        "advice": "Take a larger original; scaling this one up adds nothing.",
    }


@pytest.mark.parametrize(
    ("provider", "count", "code"),
    [
        ("fal-lora", 4, "too_few_references"),
        ("fal-lora", 5, None),
        ("astria", 4, None),
        ("fal-instant", 4, "too_many_references"),
        (None, 1, None),
        (None, 20, None),
        (None, 21, "too_many_references"),
    ],
)
def test_the_number_is_judged_by_the_provider(
    api: Api, provider: str | None, count: int, code: str | None
) -> None:
    keys = [api.uploaded(image) for image in different_images(count)]
    answer = check(api, keys, provider=provider)
    errors = [finding["code"] for finding in answer.body["findings"] if finding["severity"] == "error"]
    assert (errors, answer.body["usable"]) == ([code] if code else [], code is None)


def test_an_identity_is_refused_with_the_same_findings(api: Api) -> None:
    keys = [api.uploaded(image) for image in [*different_images(4), b"not a picture"]]
    checked = check(api, keys, provider="fal-lora").body["findings"]
    body = {"name": "Sarah", "provider": "fal-lora", "references": keys, "className": "woman"}
    refused = api("create_identity", "POST", "/v1/identities", body)
    assert (refused.status, refused.body["code"]) == (400, "unreadable_image")
    assert refused.body["details"] == checked


def test_nothing_is_stored(api: Api) -> None:
    keys = [api.uploaded(image) for image in different_images(5)]
    check(api, keys, provider="fal-lora")
    assert sorted(item.key for item in api.bucket.objects.all()) == sorted(keys)


def test_another_owners_upload_is_unknown(api: Api) -> None:
    key = api.uploaded(an_image(), owner="bob")
    assert told(check(api, [key])) == [("unknown_reference", 0)]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"references": []}, "invalid_body"),
        ({"references": ["a"] * 101}, "invalid_body"),
        ({"references": "a.jpg"}, "invalid_body"),
        ({"references": ["a.jpg"], "provider": "dall-e"}, "unknown_provider"),
        ({"references": ["a.jpg"], "provider": ""}, "unknown_provider"),
        ({"references": ["a.jpg"], "surprise": 1}, "invalid_body"),
        ({}, "invalid_body"),
    ],
)
def test_a_bad_request_is_refused(api: Api, body: Any, code: str) -> None:
    answer = api("check_references", "POST", ROUTE, body)
    assert (answer.status, answer.body["code"]) == (400, code)
