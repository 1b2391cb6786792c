"""What a request says beside its body."""

from typing import Any

import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from character_identity.api.resolver import (
    compat_app,
    granted_wait_s,
    idempotency_key,
    preferred_wait_s,
    request_digest_of,
    rest_app,
)
from character_identity.domain.errors import InvalidRequest


def asked(
    headers: dict[str, str] | None = None, body: str = "{}", path: str = "/v1/identities"
) -> APIGatewayHttpResolver:
    """A resolver in the middle of a POST."""
    http = {"method": "POST", "path": path}
    event: dict[str, Any] = {"headers": headers or {}, "body": body, "isBase64Encoded": False}
    app = rest_app()
    app.current_event = APIGatewayProxyEventV2(
        event | {"rawPath": path, "requestContext": {"http": http, "stage": "$default"}}
    )
    return app


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
    ],
)
def test_a_caller_may_say_how_long_it_waits(header: str | None, seconds: float | None) -> None:
    app = compat_app("GET")
    app.current_event = APIGatewayProxyEventV2({"headers": {} if header is None else {"prefer": header}})
    assert preferred_wait_s(app) == seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("wait=0", 0), ("wait=20", 20), ("wait=21", 20), ("wait=100000", 20), ("wait=soon", None)],
)
def test_a_wait_is_granted_up_to_twenty_seconds(header: str | None, seconds: int | None) -> None:
    assert granted_wait_s(asked({} if header is None else {"prefer": header})) == seconds


@pytest.mark.parametrize("key", ["a", "x" * 255, '"8e03978e-40d5"', "!~"])
def test_an_idempotency_key_is_what_its_caller_likes(key: str) -> None:
    assert idempotency_key(asked({"idempotency-key": key})) == key


def test_an_idempotency_key_may_be_left_out() -> None:
    assert idempotency_key(asked()) is None


@pytest.mark.parametrize("key", ["", "a b", " a", "x" * 256, "schl\u00fcssel", "a\tb", "a\n", "\x7f"])
def test_an_idempotency_key_has_so_many_visible_characters(key: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        idempotency_key(asked({"idempotency-key": key}))
    assert caught.value.code == "invalid_idempotency_key"


def test_a_digest_is_of_the_path_and_what_the_body_says() -> None:
    plain = request_digest_of(asked(body='{"a": 1, "b": [1, 2]}'))
    assert request_digest_of(asked(body='{"b":[1,2],\n"a":1}')) == plain
    assert request_digest_of(asked(body='{"a": 1, "b": [2, 1]}')) != plain
    assert request_digest_of(asked(body='{"a": 1, "b": [1, 2]}', path="/v1/other")) != plain
