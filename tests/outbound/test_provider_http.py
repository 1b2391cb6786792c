from datetime import UTC, datetime

import httpx
import pytest

from character_identity.domain.errors import (
    ProviderNotConfigured,
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.outbound.client import open_client
from character_identity.outbound.provider_http import ProviderHttpClient
from tests.providers.test_fal_queue import StubKey
from tests.support.fakes import Clock
from tests.support.http import EVERYWHERE, scripted_client

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


class SlowKey:
    """A key that takes a while to fetch, and may not be had again."""

    def __init__(self, clock: Clock, seconds: float, failure: Exception | None = None) -> None:
        self._clock = clock
        self._seconds = seconds
        self._failure = failure

    def __call__(self) -> str:
        return "id:old"

    def refresh(self) -> str:
        self._clock.pass_by(seconds=self._seconds)
        if self._failure:
            raise self._failure
        return "id:new"


def sending(key: SlowKey, clock: Clock, *, call_s: float, status: int = 401) -> list[float]:
    """Send a paid order, each call of which takes a while; how long each of them might have taken."""
    granted: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        granted.append(request.extensions["timeout"]["read"])
        clock.pass_by(seconds=call_s)
        return httpx.Response(status if "old" in request.headers["Authorization"] else 200, json={})

    # To this client every call begins at 0, so that it is told when to end by how long it may take.
    client = open_client(EVERYWHERE, 30, transport=httpx.MockTransport(answer), clock=lambda: 0)
    api = ProviderHttpClient("provider", client, key, "Key", str, clock, lambda: clock().timestamp())
    api.call("POST", URL, paid=True)
    return granted


def test_a_call_and_its_repetition_with_another_key_have_the_time_of_one() -> None:
    clock = Clock(NOW)
    assert sending(SlowKey(clock, 5), clock, call_s=10) == [30, 15]


@pytest.mark.parametrize(
    ("fetching_s", "failure"), [(20, None), (60, None), (1, OSError("no answer")), (1, ValueError("bad"))]
)
def test_where_no_time_or_no_key_is_left_nothing_was_accepted(
    fetching_s: float, failure: Exception | None
) -> None:
    clock = Clock(NOW)
    with pytest.raises(ProviderUnavailable):
        sending(SlowKey(clock, fetching_s, failure), clock, call_s=10)


def test_a_key_that_nobody_put_in_again_is_said() -> None:
    clock = Clock(NOW)
    with pytest.raises(ProviderNotConfigured):
        sending(SlowKey(clock, 1, ProviderNotConfigured("none")), clock, call_s=1)
