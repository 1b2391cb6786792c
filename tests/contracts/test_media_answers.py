"""Addresses and answers of hosts that we do not know: whatever they are, one of our errors and no secret."""

import httpx
import pytest

from character_identity.domain.errors import (
    InvalidRequest,
    ProviderRejected,
    ProviderUnavailable,
    ServiceError,
)
from character_identity.outbound.guard import UrlGuard
from character_identity.outbound.safe_http import SafeHttpClient
from tests.contracts.bodies import unpackable
from tests.contracts.fault_injection import SIGNATURE, resolve

ADDRESS = f"https://up.test/a.jpg?X-Amz-Signature={SIGNATURE}"


def fetched(answer: httpx.Response | Exception, url: str = ADDRESS) -> bytes:
    def respond(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return SafeHttpClient(UrlGuard(resolve=resolve), httpx.MockTransport(respond)).fetch(url, 100)


NOWHERE = [
    "https://",
    "https://[",
    "https://[::1",
    "https://up.test:99999999/a.jpg",
    "https://up.test:port/a.jpg",
    "https://up.test/\x00",
    "https://xn--/",
    f"https://{'a' * 300}.test/",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "data:image/jpeg;base64,AAAA",
]


@pytest.mark.parametrize(
    "url",
    [*NOWHERE, "", "a.jpg", "//up.test/a.jpg", f"https://up.test/{'a' * 70_000}"],
    ids=lambda url: url[:30],
)
def test_an_odd_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest):
        fetched(httpx.Response(200), url)


@pytest.mark.parametrize("url", NOWHERE, ids=lambda url: url[:30])
def test_a_redirect_to_an_odd_address_is_not_followed(url: str) -> None:
    with pytest.raises((InvalidRequest, ProviderUnavailable)):
        fetched(httpx.Response(302, headers={"Location": url}))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(304), ProviderRejected),
        (httpx.Response(302), ProviderRejected),
        (httpx.Response(403, text=SIGNATURE), ProviderRejected),
        (httpx.Response(404), ProviderRejected),
        (httpx.Response(408), ProviderUnavailable),
        (httpx.Response(429), ProviderUnavailable),
        (httpx.Response(503, html="<html>"), ProviderUnavailable),
        (httpx.ConnectError("refused"), ProviderUnavailable),
        (httpx.ReadTimeout("cut"), ProviderUnavailable),
        (httpx.RemoteProtocolError("cut"), ProviderUnavailable),
        (httpx.Response(302, headers={"Location": ADDRESS}), InvalidRequest),
        (httpx.Response(200, content=b"x" * 101), InvalidRequest),
    ],
    ids=str,
)
def test_an_odd_answer_becomes_ours(answer: httpx.Response | Exception, error: type[ServiceError]) -> None:
    with pytest.raises(error) as caught:
        fetched(answer)
    assert SIGNATURE not in f"{caught.value.message}{caught.value.details}"


def test_a_compressed_body_is_refused_packed() -> None:
    with pytest.raises(ProviderRejected, match="compressed"):
        fetched(unpackable())
