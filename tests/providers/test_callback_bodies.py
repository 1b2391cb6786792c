import json
from typing import Any

import pytest

from character_identity.providers.callback_bodies import MAX_BYTES, astria_job_id, fal_job_id


def as_json(content: Any) -> bytes:
    return json.dumps(content).encode()


def test_fals_job_is_the_request_of_its_queue_not_the_last_attempt_at_it() -> None:
    assert fal_job_id(as_json({"request_id": "r-1", "gateway_request_id": "r-2", "status": "OK"})) == "r-1"
    assert fal_job_id(as_json({"gateway_request_id": "r-2", "status": "OK"})) is None


@pytest.mark.parametrize(
    "content",
    [
        {"tune": {"id": 77, "title": "x"}},
        {"prompt": {"id": 77, "tune_id": 5, "images": []}},
        {"id": 77, "tune_id": 5},
    ],
)
def test_astrias_job_is_named_bare_or_wrapped(content: Any) -> None:
    assert astria_job_id(as_json(content)) == "77"


GARBAGE: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"<html>",
    "no text": b"\xff\xfe\x00",
    "deep": b"[" * 100_000,
    "long number": b'{"id": ' + b"9" * 5000 + b"}",
    "list": as_json([{"id": 7, "request_id": "r"}]),
    "text": as_json("r1"),
    "null": b"null",
    "NaN": b'{"id": NaN, "request_id": NaN}',
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
def test_garbage_names_nothing(body: bytes) -> None:
    assert fal_job_id(body) is None
    assert astria_job_id(body) is None


@pytest.mark.parametrize("request_id", [None, 7, "", "../x", "a b", "x" * 129, "é", ["r"], {"r": 1}])
def test_what_cannot_be_an_id_of_fals_is_none(request_id: Any) -> None:
    assert fal_job_id(as_json({"request_id": request_id})) is None


@pytest.mark.parametrize("number", [None, "7x", "-7", "0", "9" * 20, 7.0, True, 0, -7, 2**63, [7], {"x": 7}])
def test_what_cannot_be_an_id_of_astrias_is_none(number: Any) -> None:
    for content in ({"id": number}, {"tune": {"id": number}}, {"tune": number}, {"prompt": {"id": number}}):
        assert astria_job_id(as_json(content)) is None


def test_what_is_very_long_is_not_read() -> None:
    padding = "x" * MAX_BYTES
    assert fal_job_id(as_json({"request_id": "r1", "x": padding})) is None
    assert astria_job_id(as_json({"id": 7, "x": padding})) is None
