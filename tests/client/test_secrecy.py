"""No error of the client, and nothing that caused one, has a token or a signed link in its text."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from character_identity_client import ApiClient, ProxySession, ServiceFailed
from character_identity_client.secrecy import without_queries
from character_identity_client.steps import accepted, ending_with, silent
from tests.client.test_api import client

SIGNATURE = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
LINK = f"https://bucket.test/references/1.jpg?X-Amz-Expires=3600&X-Amz-Signature={SIGNATURE}"
TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"


def told(call: Callable[[], object]) -> str:
    """All that a traceback says of a call that fails."""
    with pytest.raises(Exception) as caught:
        call()
    return "".join(traceback.format_exception(caught.value))


def answering(status: int, content: Any) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(status, json=content)


def session(handler: Callable[[httpx.Request], httpx.Response]) -> ProxySession:
    return ProxySession("https://api.test", "a-token", transport=httpx.MockTransport(handler))


@pytest.mark.parametrize("status", [301, 403, 404, 500])
def test_a_file_that_is_not_to_be_had(status: int) -> None:
    handler = answering(status, {"Message": LINK})
    assert SIGNATURE not in told(lambda: session(handler).download(LINK))
    assert SIGNATURE not in told(lambda: client(handler).download(LINK))


def test_an_upload_that_a_store_refuses(tmp_path: Path) -> None:
    picture = tmp_path / "a.jpg"
    picture.write_bytes(b"picture")
    ticket = {"key": "k", "url": LINK, "fields": {"X-Amz-Signature": SIGNATURE}}

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "api.test":
            return httpx.Response(201, json={"uploads": [ticket]})
        return httpx.Response(403, text=f"<Error><Resource>{LINK}</Resource></Error>")

    assert SIGNATURE not in told(lambda: client(answer).upload_references([picture]))


@pytest.mark.parametrize(
    "content",
    [
        {"characterId": LINK, "status": "unheard of", "referenceUrls": [LINK]},
        {"referenceUrls": LINK},
        [LINK],
        LINK,
    ],
)
def test_an_answer_of_another_shape(content: Any) -> None:
    assert SIGNATURE not in told(lambda: client(answering(200, content)).get_identity("i1"))


def test_an_answer_that_is_cut_off() -> None:
    cut = httpx.Response(200, text=f'{{"modelUrl": "{LINK}"')
    assert SIGNATURE not in told(lambda: client(lambda _: cut).get_identity("i1"))
    assert SIGNATURE not in told(lambda: session(lambda _: cut).status("/api/fal-lora-status-proxy"))


def test_what_a_proxy_quotes() -> None:
    refusal = httpx.Response(502, text=f'{{"error": "{LINK} cannot be read"}}')
    assert SIGNATURE not in told(lambda: accepted(refusal, "fal"))


@pytest.mark.parametrize(
    "error",
    [httpx.InvalidURL(f"no such port in {LINK}"), httpx.ReadError(f"reading {LINK}"), ServiceFailed(LINK)],
)
def test_what_a_library_quotes(error: Exception) -> None:
    def fail() -> None:
        with ending_with("It failed", silent):
            raise error

    said = told(fail)
    assert "It failed" in said
    assert SIGNATURE not in said


@pytest.mark.parametrize(
    "token", [f"{TOKEN}\n", f" {TOKEN}", f"{TOKEN}\0", f"{TOKEN}\u00e9", f"Bearer {TOKEN}", ""]
)
def test_a_token_that_is_none(token: str) -> None:
    for kind in (ApiClient, ProxySession):
        said = told(lambda kind=kind: kind("https://api.test", token))  # type: ignore[misc]
        assert "The token" in said
        assert not token or token.strip() not in said


def test_an_address_that_has_a_password_in_it() -> None:
    url = "http://ann:" + SIGNATURE + "@api.test"
    assert SIGNATURE not in told(lambda: ApiClient(url, "a-token"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"GET {LINK}: 403", "GET https://bucket.test/references/1.jpg?... 403"),
        (f'{{"url": "{LINK}"}}', '{"url": "https://bucket.test/references/1.jpg?..."}'),
        ("Really? No.", "Really? No."),
        ("What?", "What?"),
    ],
)
def test_of_a_link_the_query_is_left_out_and_of_prose_nothing(text: str, expected: str) -> None:
    assert without_queries(text) == expected
