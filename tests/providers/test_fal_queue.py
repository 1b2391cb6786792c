import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from character_identity.domain.errors import ProviderOutcomeUnknown, ProviderRejected, ProviderUnavailable
from character_identity.domain.job import JobHandle
from character_identity.providers.fal_queue import FalQueue, explain
from character_identity.providers.media import Guard, MediaFetcher

QUEUE = "https://queue.test/fal"
HANDLE = JobHandle(provider_job_id="r1", status_url=f"{QUEUE}/s", result_url=f"{QUEUE}/r")
Answer = Callable[[httpx.Request], httpx.Response]


class StubKey:
    def __init__(self, *keys: str) -> None:
        self.keys = list(keys) or ["id:secret"]

    def __call__(self) -> str:
        return self.keys[0]

    def refresh(self) -> str:
        self.keys = self.keys[1:] or self.keys
        return self.keys[0]


def queue(answer: Answer | httpx.Response | Exception, key: StubKey | None = None) -> FalQueue:
    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    transport = httpx.MockTransport(handle)
    media = MediaFetcher(Guard(resolve=lambda host, port: ["93.184.216.34"]), transport)
    return FalQueue(httpx.Client(transport=transport), key or StubKey(), QUEUE, "https://rest.test", media)


def submitted(**urls: Any) -> httpx.Response:
    return httpx.Response(200, json={"status": "IN_QUEUE", "request_id": "r1", **urls})


def test_a_submit_uses_fals_own_urls() -> None:
    urls = {"status_url": f"{QUEUE}/a/b/requests/r1/status?x=1", "response_url": f"{QUEUE}/a/b/requests/r1"}
    handle = queue(submitted(**urls)).submit("a/b/c", {})
    assert (handle.status_url, handle.result_url) == (urls["status_url"], urls["response_url"])


@pytest.mark.parametrize("url", [None, "https://elsewhere.test/a/b/requests/r1", "http://queue.test/x", 7])
def test_our_key_never_goes_to_another_host_than_the_configured_one(url: Any) -> None:
    handle = queue(submitted(status_url=url, response_url=url)).submit("fal-ai/flux/dev", {})
    assert handle.status_url == f"{QUEUE}/fal-ai/flux/requests/r1/status"
    assert handle.result_url == f"{QUEUE}/fal-ai/flux/requests/r1"


def test_the_scheme_word_is_key() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Authorization"])
        return submitted()

    queue(answer).submit("a/b", {})
    assert seen == ["Key id:secret"]


def test_a_rotated_key_is_fetched_once_again() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return submitted() if request.headers["Authorization"] == "Key new" else httpx.Response(401, json={})

    assert queue(answer, StubKey("old", "new")).submit("a/b", {}).provider_job_id == "r1"
    with pytest.raises(ProviderRejected):
        queue(answer, StubKey("old", "older")).submit("a/b", {})


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
        queue(answer).submit("a/b", {})


@pytest.mark.parametrize(
    "answer", [httpx.ReadTimeout("cut"), httpx.Response(502), httpx.Response(200, json={"status": "?"})]
)
def test_a_failed_status_is_only_unavailable(answer: httpx.Response | Exception) -> None:
    with pytest.raises(ProviderUnavailable):
        queue(answer).status(HANDLE)


def test_status_reads_logs() -> None:
    body = {"status": "IN_PROGRESS", "logs": [{"message": "step 1/9", "timestamp": "t"}, "odd"]}
    assert queue(httpx.Response(202, json=body)).status(HANDLE).messages == ["step 1/9"]


def test_a_result_carries_what_fal_bills() -> None:
    answer = httpx.Response(200, json={"images": []}, headers={"x-fal-billable-units": "1.05"})
    result = queue(answer).result(HANDLE)
    assert result is not None
    assert (result.output, result.billable_units) == ({"images": []}, 1.05)


def test_a_result_that_is_not_there_yet_is_none() -> None:
    assert queue(httpx.Response(400, json={"detail": "Request is still in progress"})).result(HANDLE) is None


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(422, json={"detail": [{"loc": ["body", "image_url"], "msg": "bad", "type": "t"}]}),
        httpx.Response(499, json={"detail": "image_url: bad", "error_type": "client_cancelled"}),
        httpx.Response(500, json={"detail": "image_url: bad"}, headers={"x-fal-request-id": "r1"}),
    ],
)
def test_a_failed_job_is_completed_with_another_result(answer: httpx.Response) -> None:
    result = queue(answer).result(HANDLE)
    assert result is not None
    assert (result.output, result.reason) == (None, "image_url: bad")


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
        return httpx.Response(
            200, json={"upload_url": "https://up.test/u", "file_url": "https://v3.fal.media/r.zip"}
        )

    assert queue(answer).upload(b"zip", "r.zip", "application/zip") == "https://v3.fal.media/r.zip"
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
    assert explain(body) == reason
