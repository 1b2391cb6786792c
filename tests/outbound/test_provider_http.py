from datetime import UTC, datetime

import httpx
import pytest

from character_identity.domain.errors import ProviderOutcomeUnknown, ProviderRejected, ProviderUnavailable
from character_identity.outbound.provider_http import ProviderHttpClient
from tests.providers.test_fal_queue import StubKey
from tests.support.fakes import Clock
from tests.support.http import scripted_client

NOW = datetime(2026, 11, 22, 12, 0, 0, 500_000, tzinfo=UTC)
URL = "https://provider.test/x"


def api(answer: httpx.Response) -> ProviderHttpClient:
    client = scripted_client(lambda request: answer)
    return ProviderHttpClient("provider", client, StubKey(), "Key", lambda body: "a reason", Clock(NOW))


def delay_after(status: int, **headers: str) -> int | None:
    with pytest.raises(ProviderUnavailable) as caught:
        api(httpx.Response(status, headers=headers)).call("GET", URL)
    return caught.value.retry_after_s


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "delay_s"),
    [
        ("7", 7),
        ("0", 0),
        ("3600", 3600),
        ("3601", 3600),
        ("9" * 30, 3600),
        ("Sun, 22 Nov 2026 12:01:00 GMT", 60),
        ("Sunday, 22-Nov-26 12:01:00 GMT", 60),
        ("Sun, 22 Nov 2026 13:01:00 +0100", 60),
        ("Sun, 22 Nov 2026 12:01:00 -0000", 60),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("Mon, 22 Nov 2027 12:00:00 GMT", 3600),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("9" * 5000, None),
        ("Sun, 99 Nov 2026 12:01:00 GMT", None),
    ],
)
def test_a_provider_says_when_to_come_back(status: int, asked: str, delay_s: int | None) -> None:
    assert delay_after(status, **{"Retry-After": asked}) == delay_s


def test_without_its_word_nobody_knows_when() -> None:
    assert delay_after(429) is None
    assert delay_after(503) is None
    assert delay_after(502, **{"Retry-After": "7"}) is None


def test_a_paid_call_that_was_throttled_was_not_accepted_and_one_that_failed_may_have_been() -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        api(httpx.Response(429, headers={"Retry-After": "7"})).call("POST", URL, paid=True)
    assert caught.value.retry_after_s == 7
    with pytest.raises(ProviderOutcomeUnknown):
        api(httpx.Response(503, headers={"Retry-After": "7"})).call("POST", URL, paid=True)


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("POST", ProviderRejected),
        ("GET", ProviderUnavailable),
        ("PUT", ProviderUnavailable),
        ("DELETE", ProviderUnavailable),
    ],
)
def test_a_refused_account_ends_orders_only(method: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        api(httpx.Response(403)).call(method, URL)


def test_headers_of_a_call_are_sent_beside_ours() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    client = scripted_client(answer)
    own = {"X-Own": "1", "Authorization": "Key other"}
    ProviderHttpClient("provider", client, StubKey(), "Key", str).call("GET", URL, headers=own)
    headers = seen[0].headers
    assert (headers["X-Own"], headers["Authorization"], headers["Accept"]) == (
        "1",
        "Key id:secret",
        "application/json",
    )


def test_a_reason_shows_no_callback_of_ours() -> None:
    said = "callback https://api.test/webhooks/astria/job.token?x=1 and https://b.test/a.jpg?sig=1 are bad"
    shown = api(httpx.Response(200)).redact(said)
    assert shown == "callback https://api.test/webhooks/ and https://b.test/a.jpg are bad"
