import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from character_identity.domain.errors import (
    ProviderNotConfigured,
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.domain.job import JobHandle
from character_identity.outbound.safe_http import SafeHttpClient
from character_identity.providers.fal.queue import FalQueue, error_detail
from tests.support.http import EVERYWHERE, scripted_client

KEPT: Any = {"outputs_live_s": 60, "starts_within": timedelta(minutes=5)}
QUEUE = "https://queue.test/fal"
HANDLE = JobHandle(provider_job_id="r1", status_url=f"{QUEUE}/s", result_url=f"{QUEUE}/r")
Answer = Callable[[httpx.Request], httpx.Response]


class StubKey:
    def __init__(self, *keys: str) -> None:
        self.keys = list(keys) or ["id:secret"]

    def __call__(self) -> str:
        if not self.keys:
            raise ProviderNotConfigured("no key")
        return self.keys[0]

    def refresh(self) -> str:
        self.keys = self.keys[1:] or self.keys
        return self.keys[0]


def queue(answer: Answer | httpx.Response | Exception, key: StubKey | None = None) -> FalQueue:
    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    media = SafeHttpClient(EVERYWHERE, httpx.MockTransport(handle))
    return FalQueue(scripted_client(handle), key or StubKey(), QUEUE, "https://rest.test", media)


def submitted(**urls: Any) -> httpx.Response:
    return httpx.Response(200, json={"status": "IN_QUEUE", "request_id": "r1", **urls})


def test_a_submit_uses_fals_own_urls() -> None:
    urls = {
        "status_url": f"{QUEUE}/a/b/requests/r1/status?x=1",
        "response_url": f"{QUEUE}/a/b/requests/r1",
        "cancel_url": f"{QUEUE}/a/b/requests/r1/cancel?x=2",
    }
    handle = queue(submitted(**urls)).submit("a/b/c", {}, **KEPT)
    assert [handle.status_url, handle.result_url, handle.cancel_url] == list(urls.values())


@pytest.mark.parametrize("url", [None, "https://elsewhere.test/a/b/requests/r1", "http://queue.test/x", 7])
def test_our_key_never_goes_to_another_host_than_the_configured_one(url: Any) -> None:
    handle = queue(submitted(status_url=url, response_url=url, cancel_url=url)).submit(
        "fal-ai/flux/dev", {}, **KEPT
    )
    assert handle.status_url == f"{QUEUE}/fal-ai/flux/requests/r1/status"
    assert handle.result_url == f"{QUEUE}/fal-ai/flux/requests/r1"
    assert handle.cancel_url == f"{QUEUE}/fal-ai/flux/requests/r1/cancel"


def test_an_odd_request_id_stays_in_its_place() -> None:
    handle = queue(submitted()).job_handle("fal-ai/flux-lora", "../x?y#z")
    assert handle.provider_job_id == "../x?y#z"
    assert handle.result_url == f"{QUEUE}/fal-ai/flux-lora/requests/..%2Fx%3Fy%23z"


def test_a_submit_says_whom_to_call_back_and_how_long_files_shall_live() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return submitted()

    callback_url = "https://api.test/webhooks/fal?job=training-i1&token=a/b+c"
    longer: Any = {"outputs_live_s": 604800, "starts_within": timedelta(minutes=15)}
    queue(answer).submit("a/b", {}, callback_url=callback_url, **longer)
    queue(answer).submit("a/b", {}, priority="batch", **KEPT)
    assert [dict(request.url.params) for request in seen] == [{"fal_webhook": callback_url}, {}]
    assert (
        b"fal_webhook=https%3A%2F%2Fapi.test%2Fwebhooks%2Ffal%3Fjob%3Dtraining-i1%26token"
        in seen[0].url.query
    )
    lifecycles = [json.loads(request.headers["X-Fal-Object-Lifecycle-Preference"]) for request in seen]
    assert [lifecycle["expiration_duration_seconds"] for lifecycle in lifecycles] == [604800, 60]
    assert [request.headers["X-Fal-Request-Timeout"] for request in seen] == ["900", "300"]
    assert [request.headers["X-Fal-Queue-Priority"] for request in seen] == ["normal", "low"]
    assert all("X-Fal-Object-Lifecycle" not in request.headers for request in seen)


def test_the_scheme_word_is_key() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return submitted()

    queue(answer).submit("a/b", {}, **KEPT)
    assert seen == ["Key id:secret"]


def test_a_rotated_key_is_fetched_once_again() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return submitted() if request.headers["Authorization"] == "Key new" else httpx.Response(401, json={})

    assert queue(answer, StubKey("old", "new")).submit("a/b", {}, **KEPT).provider_job_id == "r1"
    with pytest.raises(ProviderRejected):
        queue(answer, StubKey("old", "older")).submit("a/b", {}, **KEPT)


REQUEST = httpx.Request("POST", QUEUE)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.ConnectError("refused"), ProviderUnavailable),
        (httpx.ConnectTimeout("slow"), ProviderUnavailable),
        (httpx.Response(429), ProviderUnavailable),
        (httpx.ReadTimeout("cut"), ProviderOutcomeUnknown),
        (httpx.RemoteProtocolError("cut"), ProviderOutcomeUnknown),
        (httpx.Response(500), ProviderOutcomeUnknown),
        (httpx.Response(502, text="<html>"), ProviderOutcomeUnknown),
        (httpx.Response(504), ProviderOutcomeUnknown),
        (httpx.Response(200, text="<html>"), ProviderOutcomeUnknown),
        (httpx.Response(200, json={"status": "IN_QUEUE"}), ProviderOutcomeUnknown),
        (httpx.Response(200, json=[]), ProviderOutcomeUnknown),
        (httpx.Response(400, json={"detail": "bad"}), ProviderRejected),
        (httpx.Response(403, json={"detail": "User is locked."}), ProviderRejected),
    ],
)
def test_what_a_failed_submit_means(answer: httpx.Response | Exception, error: type[Exception]) -> None:
    with pytest.raises(error):
        queue(answer).submit("a/b", {}, **KEPT)


@pytest.mark.parametrize(
    "answer", [httpx.ReadTimeout("cut"), httpx.Response(502), httpx.Response(200, json={"status": "?"})]
)
def test_a_failed_status_is_only_unavailable(answer: httpx.Response | Exception) -> None:
    with pytest.raises(ProviderUnavailable):
        queue(answer).status(HANDLE)


def test_status_reads_logs() -> None:
    body = {"status": "IN_PROGRESS", "logs": [{"message": "step 1/9", "timestamp": "t"}, 7, {}]}
    assert queue(httpx.Response(202, json=body)).status(HANDLE).messages == ["step 1/9"]


def test_a_result_carries_what_fal_bills() -> None:
    answer = httpx.Response(200, json={"images": []}, headers={"x-fal-billable-units": "1.05"})
    result = queue(answer).result(HANDLE)
    assert result is not None
    assert (result.output, result.billable_units) == ({"images": []}, 1.05)


def test_a_result_that_is_not_there_yet_is_none() -> None:
    for answer in (
        httpx.Response(400, json={"detail": "Request is still in progress"}),
        httpx.Response(202, json={"images": []}),
        httpx.Response(200, json={"status": "IN_PROGRESS", "request_id": "r1"}),
    ):
        assert queue(answer).result(HANDLE) is None


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(422, json={"detail": [{"loc": ["body", "image_url"], "msg": "bad", "type": "t"}]}),
        httpx.Response(500, json={"detail": "image_url: bad"}, headers={"x-fal-request-id": "r1"}),
    ],
)
def test_a_failed_job_is_completed_with_another_result(answer: httpx.Response) -> None:
    result = queue(answer).result(HANDLE)
    assert result is not None
    assert (result.output, result.reason) == (None, "image_url: bad")


def test_a_cancelled_job_has_no_result() -> None:
    body = {"detail": "by the client", "error_type": "client_cancelled"}
    result = queue(httpx.Response(499, json=body)).result(HANDLE)
    assert result is not None
    assert (result.output, result.reason) == (None, "cancelled: by the client")


@pytest.mark.parametrize(
    ("result_url", "cancel_url"),
    [
        (f"{QUEUE}/a/b/requests/r1", None),
        (f"{QUEUE}/a/b/requests/r1/response", None),
        (f"{QUEUE}/x", f"{QUEUE}/c"),
    ],
)
def test_a_cancel_goes_where_fal_said_or_to_the_job(result_url: str, cancel_url: str | None) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202, json={"status": "CANCELLATION_REQUESTED"})

    queue(answer).cancel(HANDLE.model_copy(update={"result_url": result_url, "cancel_url": cancel_url}))
    request = seen[0]  # then it looks whether the job was dropped
    assert (request.method, str(request.url)) == ("PUT", cancel_url or f"{QUEUE}/a/b/requests/r1/cancel")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(400, json={"detail": "odd"}), ProviderRejected),
        (httpx.Response(400, json={"status": "ODD"}), ProviderRejected),
        (httpx.Response(401), ProviderUnavailable),
        (httpx.Response(502), ProviderUnavailable),
        (httpx.ReadTimeout("cut"), ProviderUnavailable),
    ],
)
def test_a_cancel_that_was_not_heard_is_an_error(
    answer: httpx.Response | Exception, error: type[Exception]
) -> None:
    with pytest.raises(error):
        queue(answer).cancel(HANDLE)


@pytest.mark.parametrize(
    "answer", [httpx.Response(502, text="nginx"), httpx.Response(429), httpx.Response(200, text="x")]
)
def test_an_ingress_says_nothing_about_a_job(answer: httpx.Response) -> None:
    with pytest.raises(ProviderUnavailable):
        queue(answer).result(HANDLE)


def test_an_upload_is_initiated_with_the_key_and_sent_without_it() -> None:
    sent: list[tuple[str, str, bool, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        has_key = "Authorization" in request.headers
        sent.append((request.method, request.url.path, has_key, request.content))
        if request.method == "PUT":
            return httpx.Response(200)
        assert json.loads(request.content) == {"content_type": "application/zip", "file_name": "r.zip"}
        for name in ("X-Fal-Object-Lifecycle", "X-Fal-Object-Lifecycle-Preference"):
            assert json.loads(request.headers[name]) == {"expiration_duration_seconds": 60}
        return httpx.Response(
            200, json={"upload_url": "https://up.test/u", "file_url": "https://v3.fal.media/r.zip"}
        )

    assert (
        queue(answer).upload(b"zip", "r.zip", "application/zip", lives_s=60) == "https://v3.fal.media/r.zip"
    )
    assert sent[1] == ("PUT", "/u", False, b"zip")
    assert sent[0][:3] == ("POST", "/storage/upload/initiate", True)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"detail": "Could not load image"}, "Could not load image"),
        ({"detail": [{"loc": ["body", "seed"], "msg": "no"}, {"type": "odd"}, 7]}, "seed: no; odd; 7"),
        ({"detail": []}, "no reason given"),
        (None, "no reason given"),
        ("text", "no reason given"),
    ],
)
def test_fals_reasons_are_one_line(body: Any, reason: str) -> None:
    assert error_detail(body) == reason
