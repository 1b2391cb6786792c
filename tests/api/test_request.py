"""What a request says beside its body."""

import base64
import json
import re

import pytest

from character_identity.api.request import MAX_BODY_BYTES, MOST_FIELDS, SHAPES, Request
from character_identity.api.routes.generations import CREATE_GENERATION
from character_identity.api.routes.identities import CREATE_IDENTITY
from character_identity.api.routes.table import ROUTES
from character_identity.api.schemas import CreateIdentityRequest
from character_identity.domain.errors import BodyTooLarge, InvalidRequest
from tests.support.handlers import api_event


def asked(
    headers: dict[str, str] | None = None, body: str = "{}", path: str = "/v1/identities"
) -> Request[CreateIdentityRequest]:
    """A POST."""
    return Request(CREATE_IDENTITY, api_event("POST", path, body=body, headers=headers))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("respond-async", None),
        ("wait=0", 0),
        ("wait=5", 5),
        ("Wait = 5", 5),
        ("respond-async, wait=100", 100),
        ("wait=-1", None),
        ("wait=soon", None),
        ("await=5", None),
        ('wait="5"; until=scored', 5),
        ("wait=5.5", None),
        ("wait=9999999999", None),
        ("wait=\u0665", None),
    ],
)
def test_a_caller_may_say_how_long_it_waits(header: str | None, seconds: float | None) -> None:
    assert asked({} if header is None else {"prefer": header}).preferred_wait_s == seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("wait=0", 0), ("wait=20", 20), ("wait=21", 20), ("wait=100000", 20), ("wait=soon", None)],
)
def test_a_wait_is_granted_up_to_twenty_seconds(header: str | None, seconds: int | None) -> None:
    assert asked({} if header is None else {"prefer": header}).granted_wait_s == seconds


@pytest.mark.parametrize("key", ["a", "x" * 255, '"8e03978e-40d5"', "!~"])
def test_an_idempotency_key_is_what_its_caller_likes(key: str) -> None:
    assert asked({"idempotency-key": key}).idempotency_key == key


def test_an_idempotency_key_may_be_left_out() -> None:
    assert asked().idempotency_key is None


@pytest.mark.parametrize("key", ["", "a b", " a", "x" * 256, "schl\u00fcssel", "a\tb", "a\n", "\x7f"])
def test_an_idempotency_key_has_so_many_visible_characters(key: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        _ = asked({"idempotency-key": key}).idempotency_key
    assert caught.value.code == "invalid_idempotency_key"


def test_a_digest_is_of_the_path_and_what_the_body_says() -> None:
    plain = asked(body='{"a": 1, "b": [1, 2]}').digest
    assert asked(body='{"b":[1,2],\n"a":1}').digest == plain
    assert asked(body='{"a": 1.0, "b": [10e-1, 2E0]}').digest == plain
    assert asked(body='{"a": 1.5, "b": [1, 2]}').digest != plain
    assert asked(body='{"a": 1, "b": [2, 1]}').digest != plain
    assert asked(body='{"a": 1, "b": [1, 2]}', path="/v1/other").digest != plain


@pytest.mark.parametrize(("written", "read"), [("2.0", 2), ("2e0", 2), ("-0.0", 0), ("0.5", 0.5)])
def test_a_whole_number_is_one_however_it_is_written(written: str, read: float) -> None:
    event = api_event("POST", "/v1/identities/a/generations", body=f'{{"prompt": "p", "seed": {written}}}')
    request = Request(CREATE_GENERATION, event)
    if isinstance(read, int):
        assert request.body.seed == read
    else:
        with pytest.raises(InvalidRequest):
            _ = request.body


def refused(body: str) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        _ = asked(body=body).body
    assert len(json.dumps([caught.value.message, caught.value.details])) < 20_000
    return caught.value


def test_of_very_many_wrong_fields_the_first_are_named_and_all_are_counted() -> None:
    refusal = refused(json.dumps({f"field{number}": 0 for number in range(50_000)}))
    assert refusal.code == "invalid_body"
    assert len(refusal.details) == MOST_FIELDS
    assert f"and {50_000 + 3 - MOST_FIELDS} more" in refusal.message, "three are missing"


def test_a_long_field_is_named_by_its_beginning() -> None:
    long = "x" * 500_000
    refusal = refused(json.dumps({"name": "a", "provider": "astria", "references": [], long: 0}))
    assert [detail["field"][:3] for detail in refusal.details] == ["xxx"]


@pytest.mark.parametrize("in_base64", [False, True])
@pytest.mark.parametrize("letter", ["a", "\u00e9", "\u674e", "\N{GRINNING FACE}"])
def test_a_body_has_at_most_a_megabyte_in_whatever_script(letter: str, in_base64: bool) -> None:
    def of(size: int) -> Request[CreateIdentityRequest]:
        start = '{"name": "a", "provider": "astria", "references": ["'
        room = size - len(start.encode()) - len('"]}')
        letters, blanks = divmod(room, len(letter.encode()))
        body = f'{start}{letter * letters}{" " * blanks}"]}}'
        sent = base64.b64encode(body.encode()).decode() if in_base64 else body
        return Request(CREATE_IDENTITY, api_event("POST", "/v1/identities", body=sent, in_base64=in_base64))

    assert of(MAX_BODY_BYTES).body.name == "a"
    for read in (lambda: of(MAX_BODY_BYTES + 1).body, lambda: of(MAX_BODY_BYTES + 1).digest):
        with pytest.raises(BodyTooLarge):
            read()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('{"name": "a", "name": "b", "provider": "astria", "references": []}', "name stands there twice"),
        ('{"name": "a", "references": [], "x": {"y": 1, "y": 1}}', "y stands there twice"),
        ('{"a;b": 1, "a;b": 2}', "a;b stands there twice"),
        (f'{{"{"n" * 9_000}": 1, "{"n" * 9_000}": 2}}', f"{'n' * 99}… stands there twice"),
        ('{"name": "a", "provider": "astria", "references": [NaN]}', "NaN is no number of JSON"),
        ('{"name": -Infinity, "references": []}', "-Infinity is no number of JSON"),
    ],
)
def test_what_readers_of_json_understand_differently_is_refused(body: str, why: str) -> None:
    """Most readers take it for JSON, so that nobody would find out what is wrong with it."""
    error = refused(body)
    assert (error.code, error.message) == ("malformed_json", f"The body cannot be read as JSON: {why}.")


def test_of_a_body_that_is_no_json_the_place_is_told_and_nothing_of_how_it_is_read() -> None:
    assert "line 2 column 1" in refused('{"name": "a"\n"provider": "astria"}').message
    assert "Python" not in (long := refused("9" * 5_000).message) and "sys" not in long


def test_a_text_of_another_pattern_is_told_in_words() -> None:
    body = {"name": "--", "provider": "astria", "references": [], "className": "w\u00f6man"}
    assert refused(json.dumps(body)).details == [
        {"field": "name", "message": "has a letter or a digit"},
        {"field": "className", "message": "has 1 to 40 letters from a to z, digits and blanks"},
    ]


def test_there_are_words_for_every_pattern_of_a_body() -> None:
    schemas = [json.dumps(route.request.model_json_schema()) for route in ROUTES if route.request]
    patterns = {
        json.loads(found)
        for schema in schemas
        for found in re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', schema)
    }
    assert patterns == {*SHAPES}
